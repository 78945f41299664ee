"""What a chat says again: one that is opened anew often begins with what it has said before. Pure.

A message is known by its id where it has one, else by its time, sender and text. Without ids two people may well have
said the same in one second, so it is counted how often a connection says it: only what comes oftener than ever is new.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Hashable
from typing import Final

from core.media import ChatMessage
from daemon.ingest.chat.message import MAX_ID, Post

REMEMBERED: Final = 20_000  # messages at least, twice as many at most (0.7 MB): 2 min of 10,000 each


class Repeats:
    """Used for one chat over all its connections. `repeated` counts what was told again, `taken` what was new."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._ever = _Counts(limit)
        self._here: _Counts | None = None  # of this connection; of the first one it would be the same
        self._limit = limit
        self.repeated = 0
        self.taken = 0

    def anew(self) -> None:
        """The chat was opened again, or its file begun again; the first time too, which makes no difference."""
        self._here = _Counts(self._limit) if self.taken else None

    def is_new(self, post: Post) -> bool:
        """Whether this message has not been told before; it has been from now on."""
        if post.id:
            return self.is_new_id(post.id)
        key = hash(_sameness(post.wall_ns, post.message))
        often = (self._ever if self._here is None else self._here).get(key) + 1
        if self._here is not None:
            self._here.put(key, often)
        return self._judge(key, often)

    def is_new_id(self, known: str) -> bool:
        """The same for a message that is known by its id alone; "" is none."""
        if not known:
            self.taken += 1
            return True
        return self._judge(hash(known[:MAX_ID]), 1)

    def _judge(self, key: int, often: int) -> bool:
        new = often > self._ever.get(key)
        if new:
            self._ever.put(key, often)
        self.taken += new
        self.repeated += not new
        return new


def _sameness(wall_ns: int | None, message: ChatMessage) -> Hashable:
    return (wall_ns, message.t_ns, message.user, message.text, message.kind)


class _Counts:
    """Numbers by key of at least the last `limit` keys, in two halves: the older one is forgotten whole."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._new, self._old = _Half(), _Half()

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def get(self, key: int) -> int:
        return self._new.get(key) or self._old.get(key)

    def put(self, key: int, number: int) -> None:
        self._new.put(key, number)
        if len(self._new) >= self._limit:
            self._new, self._old = _Half(), self._new


class _Half:
    """Numbers by 64-bit key: 8 bytes each for those that are 1, which nearly all are. A dictionary takes 120, and a
    chat of two messages a second would grow by them for hours."""

    def __init__(self) -> None:
        self._keys = array("q")  # sorted
        self._more: dict[int, int] = {}  # numbers above 1

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key: int) -> int:
        return self._more.get(key, 1) if self._has(key, bisect_left(self._keys, key)) else 0

    def put(self, key: int, number: int) -> None:
        at = bisect_left(self._keys, key)
        if not self._has(key, at):
            self._keys.insert(at, key)
        if number > 1:
            self._more[key] = number
        else:
            self._more.pop(key, None)

    def _has(self, key: int, at: int) -> bool:
        return at < len(self._keys) and self._keys[at] == key
