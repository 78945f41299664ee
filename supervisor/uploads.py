"""Files of uploads: chunks that come in any order and more than once, and the recording that is joined of them.

Of uploads whose size is known; segments.py has those that still grow. DATA/uploads/<id>/ holds `<seq>.part` (a whole
chunk, durable), `joined` (what is being joined) and `media` (done). Parts are written under another name, synced, then
renamed; they go only when what was joined of them is synced. So a crash costs the chunk that was under way, and nothing
is held in memory. No catalog and no event loop here.
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
JOINED: Final = "joined"
_MEDIA: Final = "media"


class Busy(Exception):
    """Chunks are still coming, or it is being joined by somebody else."""


class Incomplete(Exception):
    """There are chunks missing."""


class Damaged(Exception):
    """The bytes are not those that were announced."""


class Other(Exception):
    """Other bytes are there already."""


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


class Folder:
    """The folder of one upload. The files of its parts are its kind's business."""

    def __init__(self, data_dir: Path, id_: str) -> None:
        self.path = folder_of(data_dir) / id_

    def make(self) -> None:
        """The empty folder; one that is there stays. Raises StorageError."""
        with storing():
            self.path.parent.mkdir(exist_ok=True, mode=0o700)
            self.path.mkdir(mode=0o700, exist_ok=True)
            (self.path / _LOCK).touch()
            sync(self.path)
            sync(self.path.parent)

    @property
    def media(self) -> Path:
        """What was joined of it."""
        return self.path / _MEDIA

    @property
    def is_whole(self) -> bool:
        """Whether it is joined."""
        return self.media.exists()

    @contextlib.contextmanager
    def receive(self, seq: int) -> Iterator[Incoming]:
        """A chunk that comes in. Raises Busy while it is joined, StorageError."""
        with self.locked(fcntl.LOCK_SH), storing():
            path = self.path / f".{seq}.{secrets.token_hex(6)}"
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                yield Incoming(file, path, self.path / f"{seq}.part")
            finally:
                os.close(file)
                path.unlink(missing_ok=True)

    def sizes(self) -> dict[int, int]:
        """Bytes of each part that is there whole, by its number."""
        found = {}
        with os.scandir(self.path) as entries:
            for entry in entries:
                name, dot, rest = entry.name.partition(".")
                if name.isdecimal() and dot + rest == ".part":
                    found[int(name)] = entry.stat().st_size
        return found

    def publish(self) -> None:
        """What was joined gets its name, and what crashes broke off goes."""
        os.replace(self.path / JOINED, self.media)
        for path in self.path.glob(".*"):
            path.unlink()
        sync(self.path)

    @contextlib.contextmanager
    def locked(self, how: int) -> Iterator[None]:
        """Shared while a chunk comes, alone while it is joined. Raises Busy, StorageError."""
        with storing():
            lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise Busy from None
        finally:
            os.close(lock)


class Upload(Folder):
    """An upload of `size` bytes, in chunks of CHUNK."""

    def __init__(self, data_dir: Path, id_: str, size: int) -> None:
        super().__init__(data_dir, id_)
        self._size = size

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

    def join(self, sha256: str) -> None:
        """Make the recording of its chunks; again, it goes on where it was. Blocks for as long as the disk takes.

        `sha256`: of the whole, "" where it was not told. Raises Busy, Incomplete, Damaged, StorageError.
        """
        with self.locked(fcntl.LOCK_EX), storing():
            if self.is_whole:
                return
            if self.have() != [(0, self._size)]:
                raise Incomplete
            joined = self.path / JOINED
            self._copy(joined)
            if sha256 and sha256_of(joined) != sha256:
                raise Damaged
            self.publish()

    def _copy(self, joined: Path) -> None:
        # Its folder is closed to others; a worker in a container may run as somebody else, and gets the file alone
        descriptor = os.open(joined, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            taken: list[Path] = []
            for seq in sorted(self._parts()):
                path = self.path / f"{seq}.part"
                append(path, descriptor, seq * CHUNK)
                taken.append(path)
                if len(taken) == SYNC_EVERY:
                    settle(descriptor, taken)
            settle(descriptor, taken)
            if os.fstat(descriptor).st_size != self._size:
                raise Damaged
        finally:
            os.close(descriptor)

    def _parts(self) -> set[int]:
        """Chunks that are there whole."""
        return {
            seq for seq, size in self.sizes().items() if seq < chunks(self._size) and size == length_of(self._size, seq)
        }

    def _joined_chunks(self) -> int:
        """How many from the first on are in `joined`; the last of them may be there as a part too."""
        try:
            size = (self.path / JOINED).stat().st_size
        except FileNotFoundError:
            return 0
        return chunks(self._size) if size == self._size else size // CHUNK


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
        self._check(sha256)
        os.replace(self._path, self._final)
        sync(self._final.parent)

    def keep_first(self, sha256: str) -> bool:
        """It is whole: durable under its name; False: the same bytes were there already. Raises Damaged, Other."""
        self._check(sha256)
        try:
            os.link(self._path, self._final)
        except FileExistsError:
            if sha256_of(self._final) != sha256:
                raise Other from None
            is_new = False
        else:
            is_new = True
        sync(self._final.parent)  # of the first one too: who sent it may have died before it was
        return is_new

    def _check(self, sha256: str) -> None:
        if self._digest.hexdigest() != sha256:
            raise Damaged
        os.fsync(self._file)


def append(path: Path, target: int, offset: int) -> None:
    """Copy a part to its place."""
    with path.open("rb", buffering=0) as part:
        while data := part.read(_COPY):
            view = memoryview(data)
            while view:
                written = os.pwrite(target, view, offset)
                view, offset = view[written:], offset + written


def settle(descriptor: int, taken: list[Path]) -> None:
    """What was copied is synced before the parts go."""
    os.fsync(descriptor)
    for path in taken:
        path.unlink()
    taken.clear()


def sha256_of(path: Path) -> str:
    """In hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(folder: Path) -> None:
    """The names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def storing() -> Iterator[None]:
    """What the disk's errors mean: StorageError."""
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
