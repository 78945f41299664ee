"""Deletes files of sessions that nobody works on. Their rows are the caller's.

The lock file of a session is daemon/journal's: its holder may write, and so may delete. Folders of sessions are written
by workers, which parse hostile media, so no link in them is followed. What goes is renamed first: a reader sees all of
it or nothing, and what a crash leaves is taken up again by the next call.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from core.errors import StorageError
from core.ids import SessionId, is_safe_id
from supervisor.catalog import Conflict

LOCK: Final = "lock"
RING: Final = "ring"
CLIPS: Final = "clips"
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def erase_session(data_dir: Path, session: SessionId) -> bool:
    """All of it; whether there was anything. Raises Conflict (`session_running`), StorageError."""
    with _held(data_dir, session) as (sessions, folder):
        return _remove(sessions, session) if folder is not None or _gone(session) in os.listdir(sessions) else False


def erase_ring(data_dir: Path, session: SessionId) -> bool:
    """Its footage; clips keep what they need. Raises Conflict (`session_running`), StorageError."""
    with _held(data_dir, session) as (_, folder):
        return folder is not None and _remove(folder, RING)


def erase_clip(data_dir: Path, session: SessionId, clip: str) -> bool:
    """A clip with all its revisions. Raises Conflict (`session_running`), StorageError."""
    _checked(clip)
    with _held(data_dir, session) as (_, folder), _inside(folder, CLIPS) as clips:
        return clips is not None and _remove(clips, clip)


def erase_all_but(data_dir: Path, session: SessionId, clips: Collection[str]) -> bool:
    """Everything but these clips: journal, words, chat, reports, footage, other clips. Raises as above."""
    with _held(data_dir, session) as (_, folder):
        if folder is None:
            return False
        gone = [_remove(folder, name) for name in _names(folder, but={LOCK, CLIPS})]
        with _inside(folder, CLIPS) as made:
            if made is not None:
                gone += [_remove(made, name) for name in _names(made, but=set(clips))]
        return any(gone)


def left_uploads(data_dir: Path, known: Collection[str]) -> list[str]:
    """Folders of uploads that nobody knows of, what an earlier try has renamed too."""
    return _left(data_dir / "uploads", known)


def left_rooms(data_dir: Path, known: Collection[str]) -> list[str]:
    """The same of rooms."""
    return _left(data_dir / "rooms", known)


def _left(folder: Path, known: Collection[str]) -> list[str]:
    try:
        found = os.listdir(folder)
    except FileNotFoundError:
        return []
    names = {name[1:-5] if name == _gone(name[1:-5]) else name for name in found}
    return sorted(name for name in names if is_safe_id(name) and name not in known)


def erase_upload(data_dir: Path, upload: str) -> bool:
    """A recording that was brought, or what has come of it. Raises StorageError."""
    _checked(upload)
    with contextlib.ExitStack() as stack:
        try:
            uploads = _open(stack, str(data_dir / "uploads"), _FOLDER, missing_ok=True)
            return uploads is not None and _remove(uploads, upload)
        except OSError as err:
            raise StorageError(
                f"Upload {upload} cannot be deleted: {err.strerror}",
                remedy="Check the rights of the data folder.",
                code="not_erased",
            ) from err


def erase_room(data_dir: Path, room: str, segments: Iterable[str], take: str | None = None) -> bool:
    """A room with all its takes, or one of them, and the local tracks that were uploaded. Raises StorageError."""
    for segment in segments:
        erase_upload(data_dir, segment)
    _checked(room)
    with contextlib.ExitStack() as stack:
        try:
            rooms = _open(stack, str(data_dir / "rooms"), _FOLDER, missing_ok=True)
            if take is None or rooms is None:
                return rooms is not None and _remove(rooms, room)
            _checked(take)
            folder = _open(stack, room, _FOLDER, rooms, missing_ok=True)
            return folder is not None and _remove(folder, take)
        except OSError as err:
            raise StorageError(
                f"Room {room} cannot be deleted: {err.strerror}",
                remedy="Check the rights of the data folder.",
                code="not_erased",
            ) from err


@contextlib.contextmanager
def _held(data_dir: Path, session: SessionId) -> Iterator[tuple[int, int | None]]:
    """The folder of all sessions, and this one's while its lock is ours; None where it is not there."""
    _checked(session)
    with contextlib.ExitStack() as stack:
        try:
            sessions = _open(stack, str(data_dir / "sessions"), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            assert sessions is not None
            folder = _open(stack, session, _FOLDER, sessions, missing_ok=True)
            lock = (
                None if folder is None
                else _open(stack, LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, folder, missing_ok=True)
            )  # fmt: skip
            if lock is not None:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield sessions, folder
        except BlockingIOError:
            raise running(session) from None
        except OSError as err:
            raise StorageError(
                f"Session {session} cannot be cleared: {err.strerror}",
                remedy="Check the rights of the data folder.",
                code="not_erased",
            ) from err


def running(session: str) -> Conflict:
    """Nothing of a session that runs is deleted."""
    return Conflict(f"Session {session} is running", remedy="Pause its stream first.", code="session_running")


@contextlib.contextmanager
def _inside(folder: int | None, name: str) -> Iterator[int | None]:
    with contextlib.ExitStack() as stack:
        yield None if folder is None else _open(stack, name, _FOLDER, folder, missing_ok=True)


def _open(
    stack: contextlib.ExitStack, name: str, flags: int, folder: int | None = None, *, missing_ok: bool = False
) -> int | None:
    try:
        descriptor = os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        if missing_ok:
            return None
        raise
    stack.callback(os.close, descriptor)
    return descriptor


def _names(folder: int, but: set[str]) -> list[str]:
    """What is to go, by the names that it had: what an earlier try has renamed too."""
    names = {name[1:-5] if name == _gone(name[1:-5]) else name for name in os.listdir(folder)}
    return sorted(names - but)


def _gone(name: str) -> str:
    return f".{name}.gone"


def _remove(folder: int, name: str) -> bool:
    """Rename and delete a file or a folder with all that is in it; the rows go only when the disk has it."""
    found = _delete(folder, _gone(name))
    with contextlib.suppress(FileNotFoundError):
        os.rename(name, _gone(name), src_dir_fd=folder, dst_dir_fd=folder)
        found = _delete(folder, _gone(name))
    if found:
        os.fsync(folder)
    return found


def _delete(folder: int, name: str) -> bool:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        shutil.rmtree(name, dir_fd=folder)  # by descriptors: follows no link either
    else:
        os.unlink(name, dir_fd=folder)
    return True


def _checked(id_: str) -> None:
    if not is_safe_id(id_):
        raise StorageError(f"{id_[:80]!r} is no id", remedy="Leave it alone.", code="not_erased")
