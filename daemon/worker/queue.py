"""The bounded queue between capture and analysis: a replay waits, a live source sheds the oldest and says so.

Only what analysis needs rides here (sound and keyframes), so a minute of it is about 10 MB.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from core.media import Epoch, Gap, Packet, Track
from core.times import Ns


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


Item = EpochStart | Gap | Batch


class AnalysisQueue:
    """One producer (capture), one consumer (analysis). `limit_ns` is media time waiting."""

    def __init__(self, *, limit_ns: int, sheds: bool, on_shed: Callable[[Ns, Ns], None]) -> None:
        self._limit_ns = limit_ns
        self._sheds = sheds
        self._on_shed = on_shed
        self._items: deque[Item] = deque()
        self._waiting_ns = 0
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
                    self._changed.wait_for(lambda: self._closed or self._waiting_ns < self._limit_ns)
                self._waiting_ns += item.progress_ns - item.start_ns
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
                self._waiting_ns -= item.progress_ns - item.start_ns
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

    def _make_room(self, item: Batch) -> list[Gap]:
        """Drop the oldest batches; one gap stands where they were so that the consumer sees the hole in its place."""
        dropped = []
        while self._waiting_ns + (item.progress_ns - item.start_ns) > self._limit_ns:
            index = next((i for i, waiting in enumerate(self._items) if isinstance(waiting, Batch)), None)
            if index is None:
                break
            old = self._items[index]
            assert isinstance(old, Batch)
            gap = Gap(start_ns=old.start_ns, end_ns=old.progress_ns, reason="shed")
            self._items[index] = gap
            self._waiting_ns -= old.progress_ns - old.start_ns
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
