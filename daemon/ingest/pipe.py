"""A bounded pipe from the event loop to a thread that reads like a file: how libav reads a stream that never ends."""

from __future__ import annotations

import threading
from typing import Final

LIMIT_BYTES: Final = 8 << 20  # 8 s at 8 Mbit/s; beyond it the sender is not read


class Pipe:
    """Bytes in by `feed`, out by `read`; both block. `finish` ends it, `abort` also drops what is left."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
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

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, at least one; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._buffer or self._finished)
            data = bytes(self._buffer[:size])
            del self._buffer[:size]
            self._changed.notify_all()
            return data

    def peek(self, size: int) -> bytes:
        """Wait for `size` bytes or the end; they stay to be read."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._buffer) >= size or self._finished)
            return bytes(self._buffer[:size])
