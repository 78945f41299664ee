"""Opens files of a folder that somebody else filled: plain ones only, no links, of bounded size."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from core.errors import UsageError


def plain_file(folder: Path, name: str, most: int) -> bytes:
    """The bytes of a file in the folder itself. Raises UsageError: links, pipes and large files are refused."""
    path = folder / name
    try:
        # O_NONBLOCK: a pipe without a writer would wait for one
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as err:
        why = "is a link" if path.is_symlink() else f"cannot be read: {err.strerror}"
        raise UsageError(f"{path} {why}", remedy="Put the file itself there.", code="bad_hud") from err
    try:
        _check(path, os.fstat(handle), most)
    except UsageError:
        os.close(handle)
        raise
    with os.fdopen(handle, "rb") as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise _large(path, most)
    return raw


def plain_path(folder: Path, name: str, most: int) -> Path:
    """The path of such a file, for a library that opens it itself."""
    path = folder / name
    try:
        status = os.lstat(path)
    except OSError as err:
        raise UsageError(
            f"{path} cannot be read: {err.strerror}", remedy="Put the file itself there.", code="bad_hud"
        ) from err
    _check(path, status, most)
    return path


def _check(path: Path, status: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path} is no plain file", remedy="Put the file itself there.", code="bad_hud")
    if status.st_size > most:
        raise _large(path, most)


def _large(path: Path, most: int) -> UsageError:
    return UsageError(f"{path} is larger than {most // 1024} KiB", remedy="Use a smaller one.", code="bad_hud")
