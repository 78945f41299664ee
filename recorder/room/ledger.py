"""take.jsonl: what happened in a take, one JSON object a line, each durable before the next.

Written by one thread of its own, in order. A disk that refuses keeps rows waiting, not the room: they are tried again.
A line that a kill left torn is cut off when the ledger is opened again.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from recorder.room.store import sync_folder

MAX_WAITING: Final = 10_000  # rows; a take that writes more while the disk is full loses its oldest
MAX_BYTES: Final = 64 << 20  # of a ledger that is read back


class Ledger:
    """Rows of one take. `on_failed` is told, from the thread, of every write that failed."""

    def __init__(self, path: Path, *, on_failed: Callable[[OSError], None] = lambda _err: None) -> None:
        """Raises OSError where the file cannot be made or read."""
        self.path = path
        self._on_failed = on_failed
        self._waiting: deque[bytes] = deque(maxlen=MAX_WAITING)
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _cut_torn_line(fd)
            os.fsync(fd)
            sync_folder(path.parent)
            sync_folder(path.parent.parent)
        except OSError:
            os.close(fd)
            raise
        self._fd = fd

    def append(self, row: Mapping[str, Any]) -> Future[bool]:
        """Put a row; the future says whether it, and all before it, are on the disk."""
        line = json.dumps(row, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        with self._lock:
            self._waiting.append(line)
        return self._pool.submit(self._write)

    def retry(self) -> Future[bool]:
        """Try again what waits."""
        return self._pool.submit(self._write)

    def close(self) -> None:
        """Write what waits, if the disk takes it. Waits for the disk: not for the event loop; idempotent."""
        self._pool.shutdown(wait=True)
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _write(self) -> bool:
        """Boundary of the disk: a failure is told, and the rows wait."""
        with self._lock:
            lines = list(self._waiting)
        if not lines:
            return True
        try:
            size = os.fstat(self._fd).st_size
            try:
                _write_all(self._fd, b"".join(lines))
                os.fsync(self._fd)
            except OSError:
                os.ftruncate(self._fd, size)
                raise
        except OSError as err:
            self._on_failed(err)
            return False
        with self._lock:
            for line in lines:
                if self._waiting and self._waiting[0] is line:  # the oldest may have been pushed out since
                    self._waiting.popleft()
        return True


def read_ledger(path: Path) -> list[dict[str, Any]]:
    """The rows that can be read, in order; none where there is no ledger. Raises OSError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES)
    except FileNotFoundError:
        return []
    rows = []
    for line in data.split(b"\n")[:-1]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _cut_torn_line(fd: int) -> None:
    size = os.fstat(fd).st_size
    tail = b""
    end = size
    while end > 0:
        start = max(0, end - 4096)
        tail = os.pread(fd, end - start, start)
        at = tail.rfind(b"\n")
        if at >= 0:
            os.ftruncate(fd, start + at + 1)
            return
        end = start
    os.ftruncate(fd, 0)
