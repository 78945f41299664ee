"""A publisher's FLV bytes on their way from a door to the demuxer; on the event loop, bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from daemon.doors.api import Link

LIMIT_BYTES: Final = 4 << 20  # 4 s at 8 Mbit/s; beyond it the publisher is not read


class Feed:
    """A daemon.doors.api Outlet. One reader takes `next` until it is over, FLV stream by FLV stream."""

    def __init__(self, link: Link, limit: int = LIMIT_BYTES) -> None:
        self.link = link
        self._limit = limit
        self._pieces: deque[bytes | None] = deque()  # None: a new FLV stream begins
        self._size = 0
        self._full = False
        self._changed = asyncio.Event()
        self.reason: str | None = None  # why it ended

    def write(self, data: bytes) -> bool:
        """See Outlet."""
        if self.reason is None:
            self._pieces.append(data)
            self._size += len(data)
            self._changed.set()
        self._full = self._size >= self._limit
        return not self._full

    def restart(self) -> None:
        """See Outlet."""
        self._pieces.append(None)
        self._changed.set()

    def close(self, reason: str) -> None:
        """See Outlet; the first reason stays."""
        self.reason = self.reason or reason
        self._changed.set()

    @property
    def over(self) -> bool:
        """Nothing is left and nothing will come."""
        return self.reason is not None and not self._pieces

    async def next(self) -> bytes | None:
        """All bytes of the running FLV stream that are there, at least one; None at its end."""
        while not self._pieces:
            if self.reason is not None:
                return None
            self._changed.clear()
            await self._changed.wait()
        parts: list[bytes] = []
        while self._pieces and (piece := self._pieces[0]) is not None:
            parts.append(piece)
            self._pieces.popleft()
        if not parts:
            self._pieces.popleft()
            return None
        data = b"".join(parts)
        self._size -= len(data)
        if self._full and self._size < self._limit:
            self._full = False
            self.link.resume()
        return data
