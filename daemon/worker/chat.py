"""Chat as analysis sees it: messages by media time, never late, never waiting for a live chat, never too many."""

from __future__ import annotations

import threading
from bisect import bisect_right, insort
from collections import Counter
from dataclasses import replace
from typing import Final

from core.media import ChatMessage
from core.times import NS_PER_S, Ns, ns

MAX_WAITING: Final = 50_000  # messages ahead of analysis; a flood beyond this is dropped and counted
MAX_A_SECOND: Final = 500  # of media, that analysis weighs: 30,000 a minute; 80 us each, so 4 % of one core
MAX_AT_ONCE: Final = 5_000  # after a quiet time: what a chat that was away says again
LATE_NS: Final = ns(10)  # a live line later than this is about nothing that is being decided
WAIT_LIMIT_S: Final = 30.0  # a replay's chat reader that hangs longer counts as gone
_Placed = tuple[Ns, int, ChatMessage]  # media time, order of arrival


class NoChat:
    """A session without chat: the family is missing, not zero."""

    def until(self, t_ns: Ns) -> list[ChatMessage]:  # noqa: ARG002 - the Protocol's shape
        """Nothing, ever."""
        return []

    def available(self) -> bool:
        """Missing is not zero."""
        return False


class ChatBuffer:
    """Written by the chat reader, read by analysis. `waits`: a replayed file, whose watermark analysis may wait for.

    Messages are lost to a `flood` (more than `limit` ahead, or MAX_A_SECOND) or as too `late`. Those from before
    `since_ns` are no part of what is watched here, and are counted as `before`. Of too many ahead the furthest go, so
    that no stranger's line about tomorrow keeps out what is said now.
    """

    def __init__(self, *, waits: bool, delay_ns: int = 0, since_ns: Ns = Ns(0), limit: int = MAX_WAITING) -> None:
        self._waits = waits
        self._limit = limit
        self._delay_ns = delay_ns
        self._waiting: list[_Placed] = []  # sorted; what lies before `_taken` was given out
        self._taken = 0
        self._count = 0
        self._since_ns = since_ns
        self._given_ns = Ns(since_ns - 1)
        self._watermark_ns = Ns(0)
        self._open, self._failed = True, False
        self._changed = threading.Condition()
        self._room = MAX_AT_ONCE
        self._lost: Counter[str] = Counter()
        self._given = 0

    def tally(self) -> tuple[int, dict[str, int]]:
        """Messages that were given out, and by reason those that will not be."""
        with self._changed:
            return self._given, dict(self._lost)

    def add(self, messages: list[ChatMessage], watermark_ns: Ns | None = None) -> None:
        """Messages on media time, in any order; `watermark_ns`: nothing earlier will follow."""
        with self._changed:
            for message in messages:
                t_ns = Ns(message.t_ns - self._delay_ns)
                if t_ns < max(0, self._given_ns - LATE_NS):
                    self._lost["before" if t_ns < self._since_ns else "late"] += 1
                    continue
                self._count += 1
                insort(self._waiting, (t_ns, self._count, replace(message, t_ns=t_ns)), lo=self._taken)
                if len(self._waiting) - self._taken > self._limit and not self._waits:
                    self._waiting.pop()
                    self._lost["flood"] += 1
            if watermark_ns is not None:
                self._watermark_ns = max(self._watermark_ns, Ns(watermark_ns - self._delay_ns))
            self._changed.notify_all()

    def close(self, *, failed: bool = False) -> None:
        """No more chat will come; `failed`: because it broke, not because it is over."""
        with self._changed:
            self._open, self._failed = False, failed
            self._changed.notify_all()

    def until(self, t_ns: Ns) -> list[ChatMessage]:
        """Messages up to `t_ns`. A late one is moved to now: it never changes a decision already taken."""
        with self._changed:
            if self._waits:
                self._changed.wait_for(lambda: not self._open or self._watermark_ns > t_ns, timeout=WAIT_LIMIT_S)
            self._room = min(MAX_AT_ONCE, self._room + (t_ns - self._given_ns) * MAX_A_SECOND // NS_PER_S)
            due = self._due(t_ns)
            messages = thinned(due, self._room)
            self._room -= len(messages)
            self._given += len(messages)
            if len(due) > len(messages):
                self._lost["flood"] += len(due) - len(messages)
            late_ns = Ns(self._given_ns + 1)  # of this step: a replay of the journal must see it no sooner
            self._given_ns = t_ns
            return [m if m.t_ns >= late_ns else replace(m, t_ns=late_ns) for m in messages]

    def _due(self, t_ns: Ns) -> list[ChatMessage]:
        end = bisect_right(self._waiting, t_ns, lo=self._taken, key=_media_time)
        due = [message for _, _, message in self._waiting[self._taken : end]]
        self._taken = end
        if 2 * self._taken > len(self._waiting):
            del self._waiting[: self._taken]
            self._taken = 0
        return due

    def available(self) -> bool:
        """A live chat that went away is a missing family; a file's silence after its last line is silence."""
        with self._changed:
            return self._open or (self._waits and not self._failed)


def _media_time(placed: _Placed) -> Ns:
    return placed[0]


def thinned(messages: list[ChatMessage], limit: int) -> list[ChatMessage]:
    """At most `limit` of them, in order: what the platform announced first, then lines at even distances."""
    if len(messages) <= limit:
        return messages
    notices = [index for index, message in enumerate(messages) if message.kind != "msg"][:limit]
    lines = [index for index, message in enumerate(messages) if message.kind == "msg"]
    room = limit - len(notices)
    kept = sorted(notices + [lines[n * len(lines) // room] for n in range(min(room, len(lines)))])
    return [messages[index] for index in kept]
