"""A crash-safe Matroska file of one elementary track: whatever is on the disk when the process dies can be played."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from recorder.frames import EncodedFrame
from recorder.streams import Blocks, Shape, shape_of

FLUSH_MS: Final = 500.0  # of media a piece handed to the thread holds
SYNC_S: Final = 3.0
MAX_WAITING: Final = 64 << 20  # bytes; what a stuck disk is waited for


class TrackWriter:
    """Times in the file are room milliseconds. It is written twice a second and synced every few, by a thread of its
    own, so `put` never waits for the disk.

    The file begins with the first keyframe and is made with it; a picture that changes its size goes on in it, with its
    parameter sets in the stream. `start_room_ms` is the first frame's time, None before it.
    """

    def __init__(self, path: Path, *, on_failed: Callable[[OSError], None] | None = None) -> None:
        """`on_failed` is called once, from the writing thread, when the disk refuses; nothing is written after that."""
        self.path = path
        self.start_room_ms: float | None = None
        self.end_room_ms: float | None = None  # the last frame's time
        self.frames = 0
        self.bytes = 0  # on the disk
        self.dropped: Counter[str] = Counter()  # frames by reason
        self._shape: Shape | None = None
        self._blocks: Blocks | None = None
        self._piece = bytearray()
        self._piece_ms = 0.0
        self._handed = 0  # bytes
        self._file = _Appender(path, on_failed, self._written)

    def put(self, frame: EncodedFrame) -> None:
        """Take a frame of this file's one track; others are counted and left out."""
        if self._file.failed:
            self.dropped["disk"] += 1
            return
        if self._blocks is None and not self._begin(frame):
            self.dropped["no_keyframe_yet"] += 1
            return
        if self._blocks is None or self._shape is None or frame.codec != self._shape.codec:
            self.dropped["other_codec"] += 1
            return
        if self._handed - self.bytes > MAX_WAITING:
            self.dropped["disk_slow"] += 1
            return
        self._piece += self._blocks.block(frame, frame.room_ms)
        self.frames += 1
        self.end_room_ms = frame.room_ms
        if not 0 <= frame.room_ms - self._piece_ms < FLUSH_MS:
            self._hand_over(frame.room_ms)

    def close(self) -> None:
        """Write and sync the rest. Waits for the disk: not for the event loop; idempotent."""
        self._hand_over(0.0)
        self._file.close()

    def _begin(self, frame: EncodedFrame) -> bool:
        shape = shape_of(frame)
        if shape is None:
            return False
        self._shape, self._blocks = shape, Blocks((shape,))
        self.start_room_ms = self._piece_ms = frame.room_ms
        self._piece += self._blocks.header()
        return True

    def _hand_over(self, now_ms: float) -> None:
        if self._piece:
            self._handed += len(self._piece)
            self._file.append(bytes(self._piece))
            self._piece.clear()
        self._piece_ms = now_ms

    def _written(self, count: int) -> None:
        self.bytes += count


class _Appender:
    """A file that only grows, written by a thread that begins with the first bytes and ends with `close`."""

    def __init__(
        self, path: Path, on_failed: Callable[[OSError], None] | None, on_written: Callable[[int], None]
    ) -> None:
        self.failed = False
        self._path = path
        self._on_failed = on_failed
        self._on_written = on_written
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def append(self, data: bytes) -> None:
        """Write soon."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"write:{self._path.name}", daemon=True)
            self._thread.start()
        self._pieces.put(data)

    def close(self) -> None:
        """Write what is left, sync, and wait for that."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._pieces.put(None)
            thread.join()

    def _run(self) -> None:
        try:
            self._write_all()
        except OSError as err:
            self.failed = True
            if self._on_failed is not None:
                self._on_failed(err)

    def _write_all(self) -> None:
        synced = time.monotonic()
        with self._path.open("xb") as file:
            while (data := self._pieces.get()) is not None:
                file.write(data)
                file.flush()
                self._on_written(len(data))
                if time.monotonic() - synced >= SYNC_S:
                    os.fsync(file.fileno())
                    synced = time.monotonic()
            os.fsync(file.fileno())
