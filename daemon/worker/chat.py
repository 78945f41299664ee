"""Chat as analysis sees it: messages by media time, never late, never waiting for a live chat."""

from __future__ import annotations

import heapq
import threading
from dataclasses import replace
from typing import Final

from core.media import ChatMessage
from core.times import Ns, ns

MAX_WAITING: Final = 50_000  # messages ahead of analysis; a flood beyond this is dropped and counted
LATE_NS: Final = ns(10)  # a live line later than this is no reaction any more but a repetition
WAIT_LIMIT_S: Final = 30.0  # a replay's chat reader that hangs longer counts as gone


class NoChat:
    """A session without chat: the family is missing, not zero."""

    def until(self, t_ns: Ns) -> list[ChatMessage]:  # noqa: ARG002 - the Protocol's shape
        """Nothing, ever."""
        return []

    def available(self) -> bool:
        """Missing is not zero."""
        return False


class ChatBuffer:
    """Written by the chat reader, read by analysis. `waits`: a replayed file, whose watermark analysis may wait for."""

    def __init__(self, *, waits: bool, delay_ns: int = 0, since_ns: Ns = Ns(0)) -> None:
        self._waits = waits
        self._delay_ns = delay_ns
        self._heap: list[tuple[int, int, ChatMessage]] = []
        self._count = 0
        self._given_ns = Ns(since_ns - 1)
        self._watermark_ns = Ns(0)
        self._open = True
        self._changed = threading.Condition()
        self.dropped = 0

    def add(self, messages: list[ChatMessage], watermark_ns: Ns | None = None) -> None:
        """Messages on media time, in any order; `watermark_ns`: nothing earlier will follow."""
        with self._changed:
            for message in messages:
                if len(self._heap) >= MAX_WAITING and not self._waits:
                    self.dropped += 1
                    continue
                t_ns = Ns(message.t_ns - self._delay_ns)
                if t_ns < max(0, self._given_ns - LATE_NS):
                    self.dropped += 1  # from before the session, or history that a reconnected chat repeats
                    continue
                self._count += 1
                heapq.heappush(self._heap, (t_ns, self._count, replace(message, t_ns=t_ns)))
            if watermark_ns is not None:
                self._watermark_ns = max(self._watermark_ns, Ns(watermark_ns - self._delay_ns))
            self._changed.notify_all()

    def close(self) -> None:
        """No more chat will come."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def until(self, t_ns: Ns) -> list[ChatMessage]:
        """Messages up to `t_ns`. A late one is moved to now: it never changes a decision already taken."""
        with self._changed:
            if self._waits:
                self._changed.wait_for(lambda: not self._open or self._watermark_ns > t_ns, timeout=WAIT_LIMIT_S)
            messages = []
            while self._heap and self._heap[0][0] <= t_ns:
                _, _, message = heapq.heappop(self._heap)
                late_ns = Ns(self._given_ns + 1)  # of this step: a replay of the journal must see it no sooner
                messages.append(replace(message, t_ns=max(message.t_ns, late_ns)))
            self._given_ns = t_ns
            return messages

    def available(self) -> bool:
        """A live chat that went away is a missing family; a file's silence after its last line is silence."""
        with self._changed:
            return self._waits or self._open
