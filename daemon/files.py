"""Files are published whole or not at all: partial, fsync, replace, fsync of the folder. No media here."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from core.errors import StorageError

_CHUNK: Final = 1 << 20
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextlib.contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turns what a disk says into StorageError: `disk_full` or `disk_io`."""
    try:
        yield
    except OSError as err:
        code = "disk_full" if err.errno in _FULL else "disk_io"
        remedy = "Free some space" if code == "disk_full" else "Check the volume and its permissions"
        raise StorageError(
            f"{what}: {err.strerror or err}", remedy=f"{remedy}; `clipd doctor` says more.", code=code
        ) from err


def publish_file(final: Path, write: Callable[[Path], object]) -> None:
    """Readers see the finished file or nothing, also after a power cut."""
    partial = final.with_name(f".{final.name}.partial")
    with storage_errors(f"{final.name} could not be written"):
        try:
            write(partial)
            fsync_path(partial)
            os.replace(partial, final)
            fsync_path(final.parent)
        finally:
            partial.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """The folder and its parents, each entry durable in the folder above."""
    with storage_errors(f"{folder.name} could not be made"):
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            fsync_path(path.parent)


def link_or_copy(source: Path, target: Path) -> None:
    """A hard link where the file system allows one, else a copy of the bytes."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError as err:
        if err.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}:
            raise
        shutil.copyfile(source, target)


def facts(path: Path) -> dict[str, Any]:
    """What clip.json says of a file."""
    with storage_errors(f"{path.name} could not be read back"):
        return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}


def sha256_of(path: Path) -> str:
    """Hex digest of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def fsync_path(path: Path) -> None:
    """Make a file's bytes, or a folder's entries, durable. A failed fsync is never tried again: the file is lost."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
