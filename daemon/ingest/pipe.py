"""A bounded pipe from the event loop to a thread that reads like a file: how libav reads a stream that never ends."""

from __future__ import annotations

import io
import threading
from typing import Final

LIMIT_BYTES: Final = 8 << 20  # 8 s at 8 Mbit/s; beyond it the sender is not read


class Pipe(io.RawIOBase):
    """Bytes in by `feed`, out by `read`; both block. `finish` ends it, `abort` also drops what is left."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        super().__init__()
        self._limit = limit
        self._buffer = bytearray()
        self._finished = False
        self._changed = threading.Condition()

    def feed(self, data: bytes) -> None:
        """Wait for room, then add; nothing is added once it is finished."""
        with self._changed:
            self._changed.wait_for(lambda: self._finished or len(self._buffer) < self._limit)
            if not self._finished:
                self._buffer += data
                self._changed.notify_all()

    def finish(self) -> None:
        """No more bytes will come."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def abort(self) -> None:
        """End at once: the reader sees the end, a waiting writer returns."""
        with self._changed:
            self._buffer.clear()
            self._finished = True
            self._changed.notify_all()

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, target: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Wait for at least one byte; 0 at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self._finished)
            count = min(len(target), len(self._buffer))
            target[:count] = self._buffer[:count]
            del self._buffer[:count]
            self._changed.notify_all()
            return count

    def read(self, size: int = -1, /) -> bytes:
        """As `readinto`; `size` below zero: what is there."""
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self._finished)
            count = len(self._buffer) if size < 0 else min(size, len(self._buffer))
            data = bytes(self._buffer[:count])
            del self._buffer[:count]
            self._changed.notify_all()
            return data
