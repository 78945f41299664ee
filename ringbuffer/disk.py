"""The calls by which the ring changes the disk, behind a Protocol, so that tests can fail any one of them.

Reading needs no seam: a failed read harms one clip, a failed write harms the recording.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final, Protocol

from core.errors import StorageError

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
CANNOT_LINK: Final = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP})


class Disk(Protocol):
    """Each method is one system call or the shortest safe sequence of them; all raise OSError."""

    def create(self, path: Path) -> int: ...
    def write(self, fd: int, data: memoryview) -> int: ...
    def sync(self, fd: int) -> None: ...
    def close(self, fd: int) -> None: ...
    def cut(self, path: Path, size: int) -> None: ...
    def rename(self, old: Path, new: Path) -> None: ...
    def link(self, old: Path, new: Path) -> None: ...
    def unlink(self, path: Path) -> None: ...
    def sync_folder(self, folder: Path) -> None: ...


class OsDisk:
    """The real disk."""

    def create(self, path: Path) -> int:
        """A new file and nothing else: a name is never written twice (reliability.md row 36)."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)

    def write(self, fd: int, data: memoryview) -> int:
        """May write less than it was given, see `write_all`."""
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Data and size are on the platter when this returns."""
        os.fdatasync(fd)

    def close(self, fd: int) -> None:
        """Give the descriptor back."""
        os.close(fd)

    def cut(self, path: Path, size: int) -> None:
        """Shorten a file to `size` bytes, durably."""
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(fd, size)
            os.fdatasync(fd)
        finally:
            os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        """Atomic; durable after `sync_folder`."""
        os.rename(old, new)

    def link(self, old: Path, new: Path) -> None:
        """A second name for the same bytes."""
        os.link(old, new)

    def unlink(self, path: Path) -> None:
        """Remove a name; one that is gone already is fine."""
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Names are on the platter when this returns."""
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def write_all(disk: Disk, fd: int, data: memoryview) -> None:
    """A full disk first shows as a short write without an error (reliability.md row 30)."""
    while data:
        data = data[disk.write(fd, data) :]


def is_full(err: OSError) -> bool:
    """No space, no inodes, or over quota."""
    return err.errno in FULL


def storage_error(err: OSError, folder: Path) -> StorageError:
    """What a user is told about a disk that does not take our footage."""
    if is_full(err):
        return StorageError(
            f"The disk under {folder} is full ({err.strerror})",
            remedy="Free space there, point data_dir elsewhere, or lower ring.max_gb or ring.minutes.",
            code="disk_full",
        )
    return StorageError(
        f"The disk under {folder} fails ({err.strerror})",
        remedy="Check the kernel log and the volume; point data_dir at a healthy disk.",
        code="disk_io",
    )
