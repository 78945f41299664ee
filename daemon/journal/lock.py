"""Who may write a session: the holder of a flock on its `lock` file. The kernel lets go of it when the holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from core.errors import StorageError, UsageError


@contextlib.contextmanager
def session_lock(path: Path) -> Iterator[None]:
    """Hold the session while the block runs. Raises UsageError when another process has it, naming its pid."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as err:
        raise StorageError(
            f"Cannot open {path}: {err.strerror}", remedy="Fix its rights, or use another --data-dir."
        ) from err
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            raise UsageError(
                f"The session is in use by process {owner or '?'}",
                remedy="Wait until it has ended, or talk to it: clipd cut works on running sessions.",
                code="session_locked",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether a live process holds the session."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
