"""A crash-safe Matroska file of one elementary track: whatever is on the disk when the process dies can be played."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from recorder.frames import EncodedFrame


class TrackWriter:
    """Times in the file are room milliseconds. A cluster is at most 1 s long and is written when it is complete; the
    file is synced every few seconds. Writing is done by a thread of its own, so `put` never waits for the disk.

    The file begins with the first keyframe and is made with it. `start_room_ms` is that frame's time, None before it.
    """

    def __init__(self, path: Path, *, on_failed: Callable[[OSError], None] | None = None) -> None:
        """`on_failed` is called once, from the writing thread, when the disk refuses; nothing is written after that."""
        self.path = path
        self.start_room_ms: float | None = None
        self.bytes = 0  # on the disk
        raise NotImplementedError

    def put(self, frame: EncodedFrame) -> None:
        """Take a frame of this file's one track; others are counted and left out."""
        raise NotImplementedError

    def close(self) -> None:
        """Write and sync the rest. Waits for the disk: not for the event loop; idempotent."""
        raise NotImplementedError
