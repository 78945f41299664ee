"""The bounded queue between capture and analysis: a replay waits, a live source sheds the oldest and says so.

Only what analysis needs rides here: sound and keyframes, so a minute of it is about 10 MB. Where a game is set all of
the picture rides too, as much as the stream itself: so bytes are bounded beside media time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from core.media import Epoch, Gap, Packet, Track
from core.times import Ns

LIMIT_BYTES: Final = 128 << 20  # of packets that wait: a minute of 16 Mbit/s, more than platforms send on


@dataclass(frozen=True, slots=True)
class EpochStart:
    """A new epoch and its tracks; never shed."""

    epoch: Epoch
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Packets of analysis, and how far capture had come (`progress_ns`, decode time) when it was handed over."""

    packets: tuple[Packet, ...]
    start_ns: Ns
    progress_ns: Ns

    @property
    def span_ns(self) -> int:
        """Media time it holds."""
        return self.progress_ns - self.start_ns

    @property
    def size(self) -> int:
        """Bytes of its packets."""
        return sum(len(packet.data) for packet in self.packets)


Item = EpochStart | Gap | Batch


class AnalysisQueue:
    """One producer (capture), one consumer (analysis). `limit_ns` is media time waiting, `limit_bytes` its packets."""

    def __init__(
        self, *, limit_ns: int, sheds: bool, on_shed: Callable[[Ns, Ns], None], limit_bytes: int = LIMIT_BYTES
    ) -> None:
        self._limit_ns, self._limit_bytes = limit_ns, limit_bytes
        self._sheds = sheds
        self._on_shed = on_shed
        self._items: deque[Item] = deque()
        self._waiting_ns = self._waiting_bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: Item) -> None:
        """Replay: waits for room. Live: never waits; the oldest batch is dropped, counted and becomes a `shed` gap."""
        dropped: list[Gap] = []
        with self._changed:
            if isinstance(item, Batch):
                if self._sheds:
                    dropped = self._make_room(item)
                else:
                    self._changed.wait_for(lambda: self._closed or self._has_room)
                self._count(item, 1)
            if not self._closed:
                self._items.append(item)
            self._changed.notify_all()
        for gap in dropped:
            self._on_shed(gap.start_ns, gap.end_ns)

    def get(self) -> Item | None:
        """The next item; None once the queue is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items) or self._closed)
            if not self._items:
                return None
            item = self._items.popleft()
            if isinstance(item, Batch):
                self._count(item, -1)
            self._changed.notify_all()
            return item

    def close(self, *, discard: bool = False) -> None:
        """No more items; `discard` also forgets those that wait (a second Ctrl-C)."""
        with self._changed:
            self._closed = True
            if discard:
                self._items.clear()
            self._changed.notify_all()

    @property
    def waiting_ns(self) -> int:
        """Media time that waits for analysis."""
        with self._changed:
            return self._waiting_ns

    @property
    def _has_room(self) -> bool:
        return self._waiting_ns < self._limit_ns and self._waiting_bytes < self._limit_bytes

    def _count(self, batch: Batch, sign: int) -> None:
        self._waiting_ns += sign * batch.span_ns
        self._waiting_bytes += sign * batch.size

    def _make_room(self, item: Batch) -> list[Gap]:
        """Drop the oldest batches; one gap stands where they were so that the consumer sees the hole in its place."""
        dropped = []
        span_ns, size = item.span_ns, item.size
        while self._waiting_ns + span_ns > self._limit_ns or self._waiting_bytes + size > self._limit_bytes:
            index = next((i for i, waiting in enumerate(self._items) if isinstance(waiting, Batch)), None)
            if index is None:
                break
            old = self._items[index]
            assert isinstance(old, Batch)
            gap = Gap(start_ns=old.start_ns, end_ns=old.progress_ns, reason="shed")
            self._items[index] = gap
            self._count(old, -1)
            dropped.append(gap)
            self._merge_sheds(index)
        return dropped

    def _merge_sheds(self, index: int) -> None:
        """Neighbouring shed gaps become one, so that an hour of stall is one item and not thousands."""
        before, here = self._items[index - 1] if index else None, self._items[index]
        if (
            isinstance(before, Gap)
            and isinstance(here, Gap)
            and before.reason == here.reason == "shed"
            and before.end_ns == here.start_ns
        ):
            self._items[index - 1] = Gap(start_ns=before.start_ns, end_ns=here.end_ns, reason="shed")
            del self._items[index]
