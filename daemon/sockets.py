"""Local sockets under paths of any length."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from core.errors import UsageError


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """The same file by a name of at most 107 bytes, which is all a socket address holds: /proc/self/fd of its folder.

    Raises OSError where the folder cannot be opened.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listening_at(path: Path) -> socket.socket:
    """A socket that only this user connects to; one that an earlier attempt left behind is replaced. Raises
    UsageError."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        with short_path(path) as short:
            listening.bind(short)
        path.chmod(0o600)  # before anyone can connect
    except OSError as err:
        listening.close()
        raise UsageError(
            f"Cannot make the socket {path.name}: {err.strerror or err}",
            remedy="The session's folder has to be writable.",
            code="cannot_listen",
        ) from err
    return listening
