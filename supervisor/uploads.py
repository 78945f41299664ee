"""Files of uploads: chunks that come in any order and more than once, and the recording that is joined of them.

DATA/uploads/<id>/ holds `<seq>.part` (a whole chunk, durable), `joined` (what is being joined) and `media` (done).
Parts are written under another name, synced, then renamed; they go only when what was joined of them is synced. So a
crash costs the chunk that was under way, and nothing is held in memory. No catalog and no event loop here.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.errors import StorageError
from core.ids import is_safe_id

CHUNK: Final = 8 << 20
MAX_BYTES: Final = 10 << 30
SOURCE: Final = "upload:"  # how a stream and a job name the recording; the path is nobody's business
SYNC_EVERY: Final = 32  # parts: so much lies on the disk twice while it is joined
_COPY: Final = 1 << 20
_LOCK: Final = "lock"
_JOINED: Final = "joined"
_MEDIA: Final = "media"


class Busy(Exception):
    """Chunks are still coming, or it is being joined by somebody else."""


class Incomplete(Exception):
    """There are chunks missing."""


class Damaged(Exception):
    """The bytes are not those that were announced."""


def folder_of(data_dir: Path) -> Path:
    """Of all uploads."""
    return data_dir / "uploads"


def media_path(data_dir: Path, source: str) -> str:
    """The file behind `upload:<id>`; every other source as it is."""
    id_ = source.removeprefix(SOURCE)
    return str(folder_of(data_dir) / id_ / _MEDIA) if source.startswith(SOURCE) and is_safe_id(id_) else source


def chunks(size: int) -> int:
    """How many an upload of this size has."""
    return -(-size // CHUNK)


def length_of(size: int, seq: int) -> int:
    """Bytes of a chunk: CHUNK, the last one has the rest."""
    return min(CHUNK, size - seq * CHUNK)


class Upload:
    """The folder of one upload of `size` bytes."""

    def __init__(self, data_dir: Path, id_: str, size: int) -> None:
        self._folder, self._size = folder_of(data_dir) / id_, size

    def make(self) -> None:
        """The empty folder. Raises StorageError."""
        with _errors():
            self._folder.parent.mkdir(exist_ok=True, mode=0o700)
            self._folder.mkdir(mode=0o700)
            (self._folder / _LOCK).touch()
            _sync(self._folder)
            _sync(self._folder.parent)

    @property
    def is_whole(self) -> bool:
        """Whether it is joined."""
        return (self._folder / _MEDIA).exists()

    def have(self) -> list[tuple[int, int]]:
        """Ranges of bytes that are safe here: (first, behind the last), in order."""
        if self.is_whole:
            return [(0, self._size)]
        found: list[tuple[int, int]] = []
        parts, joined = self._parts(), self._joined_chunks()
        for seq in range(chunks(self._size)):
            if seq >= joined and seq not in parts:
                continue
            first, behind = seq * CHUNK, seq * CHUNK + length_of(self._size, seq)
            if found and found[-1][1] == first:
                first = found.pop()[0]
            found.append((first, behind))
        return found

    @contextlib.contextmanager
    def receive(self, seq: int) -> Iterator[Incoming]:
        """A chunk that comes in. Raises Busy while it is joined, StorageError."""
        with self._locked(fcntl.LOCK_SH), _errors():
            path = self._folder / f".{seq}.{secrets.token_hex(6)}"
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                yield Incoming(file, path, self._folder / f"{seq}.part")
            finally:
                os.close(file)
                path.unlink(missing_ok=True)

    def join(self, sha256: str) -> None:
        """Make the recording of its chunks; again, it goes on where it was. Blocks for as long as the disk takes.

        `sha256`: of the whole, "" where it was not told. Raises Busy, Incomplete, Damaged, StorageError.
        """
        with self._locked(fcntl.LOCK_EX), _errors():
            if self.is_whole:
                return
            if self.have() != [(0, self._size)]:
                raise Incomplete
            joined = self._folder / _JOINED
            self._copy(joined)
            if sha256 and _sha256(joined) != sha256:
                raise Damaged
            os.replace(joined, self._folder / _MEDIA)
            for path in self._folder.glob(".*"):
                path.unlink()  # chunks that a crash broke off
            _sync(self._folder)

    def _copy(self, joined: Path) -> None:
        # Its folder is closed to others; a worker in a container may run as somebody else, and gets the file alone
        descriptor = os.open(joined, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            taken: list[Path] = []
            for seq in sorted(self._parts()):
                path = self._folder / f"{seq}.part"
                _append(path, descriptor, seq * CHUNK)
                taken.append(path)
                if len(taken) == SYNC_EVERY:
                    _settle(descriptor, taken)
            _settle(descriptor, taken)
            if os.fstat(descriptor).st_size != self._size:
                raise Damaged
        finally:
            os.close(descriptor)

    def _parts(self) -> set[int]:
        """Chunks that are there whole."""
        found = set()
        with os.scandir(self._folder) as entries:
            for entry in entries:
                name, dot, rest = entry.name.partition(".")
                if name.isdecimal() and dot + rest == ".part":
                    seq = int(name)
                    if seq < chunks(self._size) and entry.stat().st_size == length_of(self._size, seq):
                        found.add(seq)
        return found

    def _joined_chunks(self) -> int:
        """How many from the first on are in `joined`; the last of them may be there as a part too."""
        try:
            size = (self._folder / _JOINED).stat().st_size
        except FileNotFoundError:
            return 0
        return chunks(self._size) if size == self._size else size // CHUNK

    @contextlib.contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with _errors():
            lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise Busy from None
        finally:
            os.close(lock)


class Incoming:
    """A chunk that is being written."""

    def __init__(self, file: int, path: Path, final: Path) -> None:
        self._file, self._path, self._final = file, path, final
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """The next bytes."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        self._digest.update(data)
        self.size += len(data)

    def keep(self, sha256: str) -> None:
        """It is whole: durable under its name. Raises Damaged."""
        if self._digest.hexdigest() != sha256:
            raise Damaged
        os.fsync(self._file)
        os.replace(self._path, self._final)
        _sync(self._final.parent)


def _append(path: Path, target: int, offset: int) -> None:
    with path.open("rb", buffering=0) as part:
        while data := part.read(_COPY):
            view = memoryview(data)
            while view:
                written = os.pwrite(target, view, offset)
                view, offset = view[written:], offset + written


def _settle(descriptor: int, taken: list[Path]) -> None:
    """What was copied is synced before the parts go."""
    os.fsync(descriptor)
    for path in taken:
        path.unlink()
    taken.clear()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except BlockingIOError:
        raise
    except OSError as err:
        raise StorageError(
            f"The upload cannot be written: {err.strerror}",
            remedy="Check the data folder's space and rights.",
            code="not_uploaded",
        ) from err
