"""Where the files of rooms lie: DATA/rooms/<room>/<take>/<participant>/<track>/, and what is written there from here.

Workers write there too (backups, the ledger, what is aligned), so names are looked at before they are shown, links are
not followed, and nothing is read without a bound. What was uploaded gets a second name here: no byte is copied.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, Final

from core.errors import StorageError
from supervisor.catalog.room_values import SegmentRow

ROOMS: Final = "rooms"  # in the data folder
LEDGER: Final = "local.json"  # of a take: its local tracks, for who aligns them
ALIGNED: Final = "align.json"  # what that found
MOST_FILES: Final = 500  # of one track that are shown
MAX_JSON: Final = 4 << 20
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}(\.[a-z0-9]{1,8}){1,2}")
_EXTENSIONS: Final[Mapping[str, str]] = {"webm": "webm", "x-matroska": "mkv", "mp4": "mp4"}


def take_folder(data_dir: Path, room: str, take: str) -> Path:
    """Of one take."""
    return data_dir / ROOMS / room / take


def local_name(row: SegmentRow) -> str:
    """What a segment is called below its take's folder."""
    kind = row.mime.partition(";")[0].strip().lower().partition("/")[2]
    return f"{row.person}/{row.track}/local-{row.id}.{_EXTENSIONS.get(kind, 'bin')}"


def publish(data_dir: Path, row: SegmentRow, media: Path) -> None:
    """Give what was uploaded its name among the take's files. Done twice it is done once. Raises StorageError."""
    *folders, name = PurePath(local_name(row)).parts
    with _errors(), _opened(data_dir, (row.room, row.take, *folders)) as folder:
        with contextlib.suppress(FileExistsError):
            os.link(media, name, dst_dir_fd=folder, follow_symlinks=False)
        os.fsync(folder)


def write_ledger(data_dir: Path, room: str, take: str, rows: Iterable[SegmentRow]) -> None:
    """`local.json`: every local track of a take, whole or not at all. Raises StorageError."""
    told = [
        {
            "seg": row.id, "pid": row.person, "track": row.track, "file": local_name(row), "mime": row.mime,
            "t_ms": row.t_ms, "t_stop_ms": row.t_stop_ms, "sha256": row.sha256, "bytes": row.bytes, "state": row.state,
        }
        for row in rows
    ]  # fmt: skip
    partial = f".{secrets.token_hex(8)}"
    with _errors(), _opened(data_dir, (room, take)) as folder:
        with open(os.open(partial, _NEW, 0o644, dir_fd=folder), "w") as file:
            json.dump(told, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, LEDGER, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)


@contextlib.contextmanager
def _opened(data_dir: Path, parts: Sequence[str]) -> Iterator[int]:
    """A folder below DATA/rooms, made where it is not there; a worker may have put a link in its place, which is not
    followed. Raises OSError."""
    (data_dir / ROOMS).mkdir(exist_ok=True)
    folder = os.open(data_dir / ROOMS, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=folder)
            inside = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inside
        yield folder
    finally:
        os.close(folder)


def track_files(data_dir: Path, room: str, take: str, person: str, track: str) -> dict[str, int]:
    """Names of a track's files that may be shown, with their bytes."""
    return _files(take_folder(data_dir, room, take) / person / track)


def take_files(data_dir: Path, room: str, take: str) -> dict[str, int]:
    """The same of what is the whole take's: a mix, what editors open; not our own ledgers."""
    found = _files(take_folder(data_dir, room, take))
    return {name: size for name, size in found.items() if name != LEDGER and not name.endswith(".jsonl")}


def bounds(data_dir: Path, room: str, take: str) -> dict[str, float]:
    """How well each local file is aligned, in ms, by its name below the take's folder."""
    found = _json(take_folder(data_dir, room, take) / ALIGNED)
    files = found.get("files") if isinstance(found, dict) else None
    return {name: bound for name, bound in _bounds(files)}


def _make(room: Path, folder: Path) -> None:
    """A folder below the room's, which is whose the room's is: a worker in a container is somebody else, and writes
    there too."""
    room.mkdir(parents=True, exist_ok=True)
    whose = room.stat()
    for each in (*reversed(folder.relative_to(room).parents[:-1]), folder.relative_to(room)):
        path = room / each
        path.mkdir(exist_ok=True)
        if path.lstat().st_uid != whose.st_uid:
            os.chown(path, whose.st_uid, whose.st_gid, follow_symlinks=False)


def _bounds(files: Any) -> Iterator[tuple[str, float]]:
    for each in files[:4096] if isinstance(files, list) else []:
        if isinstance(each, dict) and isinstance(each.get("file"), str):
            bound = each.get("bound_ms")
            if isinstance(bound, int | float) and not isinstance(bound, bool) and 0 <= bound < 1e9:
                yield each["file"], float(bound)


def _files(folder: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if len(found) == MOST_FILES:
                break
            about = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(about.st_mode) and _NAME.fullmatch(entry.name):
                found[entry.name] = about.st_size
    return dict(sorted(found.items()))


def _json(path: Path) -> Any:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        data = file.read(MAX_JSON + 1)
    try:
        return json.loads(data) if len(data) <= MAX_JSON else None
    except (ValueError, RecursionError):
        return None


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise StorageError(
            f"A local track cannot be kept: {err.strerror}",
            remedy="Check the data folder's space and rights.",
            code="not_kept",
        ) from err


def states(rows: Sequence[SegmentRow], has_backup: bool) -> str:
    """What a track of a take has come to, for people."""
    if not rows:
        return "backup only" if has_backup else "none"
    if any(row.state in ("open", "whole") for row in rows):
        return "uploading"
    if all(row.state == "verified" and not row.report.get("cut") for row in rows):
        return "local complete"
    return "local incomplete" if any(row.state == "verified" for row in rows) else "backup only"
