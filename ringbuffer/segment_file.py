"""The open segment's file: grows as `<name>.tmp`, gets its name when all of it is on the platter (reliability.md 25).

Its bytes stay in memory until then. After a failed write or sync the descriptor cannot be trusted again (fsyncgate,
row 32), so the bytes go to a new file under a new name, once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

from ringbuffer.disk import Disk, is_full, write_all
from ringbuffer.names import PARTIAL, SegmentName


class SegmentFile:
    """One file under one name."""

    def __init__(self, disk: Disk, folder: Path, name: SegmentName, data: bytearray) -> None:
        self.name = name
        self.data = data
        self.written = 0
        self._disk = disk
        self._final = folder / name.file
        self._partial = folder / (name.file + PARTIAL)
        self._fd: int | None = disk.create(self._partial)
        self._named = False  # whether the partial name is on the platter

    def flush(self) -> None:
        """Hand everything to the kernel: from here a crash of ours does not lose it."""
        assert self._fd is not None, "flushed after commit"
        size = len(self.data)
        write_all(self._disk, self._fd, memoryview(bytes(self.data[self.written :])))
        self.written = size

    def sync(self) -> None:
        """Flush and sync, the name too: from here a power cut does not lose what is in it; recovery adopts it."""
        self.flush()
        assert self._fd is not None
        self._disk.sync(self._fd)
        if not self._named:
            self._disk.sync_folder(self._partial.parent)
            self._named = True

    def commit(self) -> None:
        """Flush, sync, rename, sync the folder: from here a power cut does not lose it."""
        self.flush()
        assert self._fd is not None
        self._disk.sync(self._fd)
        self.close()
        self._disk.rename(self._partial, self._final)
        self._disk.sync_folder(self._final.parent)

    def close(self) -> None:
        """Let go of the descriptor, keep what is on disk; recovery looks at a `.tmp` that is left."""
        fd, self._fd = self._fd, None
        if fd is not None:
            self._disk.close(fd)

    def discard(self) -> None:
        """Remove every trace; what a failing disk keeps, recovery removes."""
        for undo in (self.close, lambda: self._disk.unlink(self._partial), lambda: self._disk.unlink(self._final)):
            with contextlib.suppress(OSError):
                undo()


class SegmentStore:
    """The open segment's bytes and the file that holds them, through the one retry that row 32 allows."""

    def __init__(
        self, disk: Disk, folder: Path, next_name: Callable[[], SegmentName], make_room: Callable[[], None]
    ) -> None:
        """`next_name` never gives a name twice; `make_room` evicts footage when the disk is full. Raises OSError."""
        self.data = bytearray()
        self.crc32 = 0
        self._summed = 0
        self._disk = disk
        self._folder = folder
        self._next_name = next_name
        self._make_room = make_room
        self._retried = False
        self._file: SegmentFile | None = None
        self._try(lambda _: None)

    @property
    def name(self) -> SegmentName:
        """It changes when the bytes had to move to another file."""
        assert self._file is not None
        return self._file.name

    def flush(self) -> None:
        """Make the bytes so far survive a crash. Raises OSError when the second file fails too."""
        self._try(SegmentFile.flush)
        self._sum()

    def sync(self) -> None:
        """Make them survive a power cut, under the partial name. Raises OSError when the second file fails too."""
        self._try(SegmentFile.sync)
        self._sum()

    def commit(self) -> None:
        """Make them survive a power cut, under the final name. Raises OSError when the second file fails too."""
        self._try(SegmentFile.commit)
        self._sum()

    def discard(self) -> None:
        """There is nothing worth keeping."""
        if self._file is not None:
            self._file.discard()

    def abandon(self, err: OSError) -> None:
        """After the second failure: on a full disk what was flushed stays for recovery, else nothing is left."""
        if not is_full(err):
            self.discard()
        elif self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    def _try(self, step: Callable[[SegmentFile], None]) -> None:
        try:
            self._run(step)
        except OSError as err:
            if self._retried:
                raise
            self._retried = True
            if self._file is not None:
                self._file.discard()
                self._file = None
            if is_full(err):
                self._make_room()
            self._run(step)

    def _run(self, step: Callable[[SegmentFile], None]) -> None:
        if self._file is None:
            self._file = SegmentFile(self._disk, self._folder, self._next_name(), self.data)
        step(self._file)

    def _sum(self) -> None:
        self.crc32 = crc32(self.data[self._summed :], self.crc32)
        self._summed = len(self.data)
