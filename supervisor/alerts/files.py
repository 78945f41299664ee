"""The file of a clip that goes along with a message: chosen by size, opened without following anybody's links.

A worker writes where files lie, and workers parse hostile media: a path counts only where the file that was opened is
one of that clip's own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from supervisor.catalog.values import ClipRow

DISCORD_BYTES: Final = 10_000_000  # docs.discord.com, "Uploading files": 10 MiB; 10 MB fit both readings
SLACK_BYTES: Final = 100_000_000  # judgement: Slack takes 1 GB, a phone does not
FITTED: Final = "discord"  # the format that is rendered to fit (daemon/platforms/presets/discord.yaml)
_TYPES: Final[Mapping[str, str]] = {".mp4": "video/mp4", ".m4a": "audio/mp4", ".jpg": "image/jpeg"}


@dataclass(frozen=True, slots=True)
class ClipFile:
    """A file of a clip. `key` names these bytes: another revision's file has another one."""

    path: str
    folder: str
    name: str
    type: str
    bytes: int
    key: str

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Raises OSError: it went away, or became another one."""
        with _opened(self.path, self.folder) as file:
            yield file


def attachment(data_dir: Path, clip: ClipRow, limit: int, *, picture_only: bool = False) -> ClipFile | None:
    """The fitted file, else the master where it is small enough, else the picture; None of a clip that was withdrawn.

    Looks at the disk.
    """
    files = clip.line.get("files")
    if clip.state == "withdrawn" or not isinstance(files, Mapping):
        return None
    folder = os.path.realpath(data_dir / "sessions" / clip.session / "clips" / clip.id)
    for name in ("thumbnail",) if picture_only else (FITTED, "master", "thumbnail"):
        path = files.get(name)
        found = _look(path, folder, clip.id, name) if isinstance(path, str) else None
        if found is not None and 0 < found.bytes <= limit:
            return found
    return None


def _look(path: str, folder: str, clip: str, name: str) -> ClipFile | None:
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _TYPES:
        return None
    try:
        with _opened(path, folder) as file:
            found = os.fstat(file.fileno())
    except (OSError, ValueError):
        return None
    key = f"{name}:{found.st_size}:{found.st_mtime_ns}"
    return ClipFile(path, folder, f"{clip}-{name}{suffix}", _TYPES[suffix], found.st_size, key)


@contextmanager
def _opened(path: str, folder: str) -> Iterator[BinaryIO]:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO would hold us
    with os.fdopen(handle, "rb") as file:
        real = os.readlink(f"/proc/self/fd/{handle}")
        if not stat.S_ISREG(os.fstat(handle).st_mode) or os.path.commonpath((real, folder)) != folder:
            raise OSError("not a file of this clip")
        yield file
