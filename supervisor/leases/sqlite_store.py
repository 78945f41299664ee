"""The lease in a file of this host: one row of an SQLite database in the DATA folder, for supervisors that share it.

Rollback journal, synced in full, one connection a call: a file that was removed or replaced is noticed, and nothing is
left open when a process is stopped. The journal's file is kept, so that a full disk does not cost the lease.

Because all candidates live on one host, a lease can really be fenced here: whoever takes over a stale record first ends
the process that sleeps on it (`identity.end_process`). A process that was stopped in the middle of a write would keep
everybody out for good; it is found by the kernel's list of locks and ended after a lease's duration.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from core.protocols import Clock
from supervisor.leases.api import LeaseRecord, LeaseTiming, StoreAway
from supervisor.leases.guard import CALL_LIMIT_S, Guard
from supervisor.leases.identity import end_pid, end_process, start_time
from supervisor.leases.records import MAX_META, MAX_OWNER, from_fields, to_fields

_R = TypeVar("_R")
BUSY_S: Final = 0.5  # how long one call waits for another process's; leaves time to end that process
LOCK_BYTES: Final = (0x40000000, 512)  # where SQLite locks a database: start and length (sqlite3 os.h)
FLOCK: Final = "@hhqqi4x"  # struct flock of 64-bit Linux: type, whence, start, length, pid

TABLE: Final = """CREATE TABLE IF NOT EXISTS lease (
  only INTEGER PRIMARY KEY CHECK (only = 1), owner TEXT NOT NULL, token INTEGER NOT NULL, counter INTEGER NOT NULL,
  meta TEXT NOT NULL)"""
SELECT: Final = (
    f"SELECT substr(owner, 1, {MAX_OWNER + 1}), token, counter, substr(meta, 1, {MAX_META + 1}) FROM lease LIMIT 1"
)
WRITE: Final = "INSERT OR REPLACE INTO lease (only, owner, token, counter, meta) VALUES (1, ?, ?, ?, ?)"

CODES: Final = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "readonly",
    sqlite3.SQLITE_PERM: "denied",
    sqlite3.SQLITE_AUTH: "denied",
    sqlite3.SQLITE_CANTOPEN: "unreachable",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
}


class _Blocker(NamedTuple):
    """A process that keeps the file locked, and since when we see it do so."""

    pid: int
    start: str
    since_ns: int


class SqliteStore:
    """A LeaseStore. The folder of `path` has to be there; the file is made with the first record."""

    def __init__(self, path: Path, *, timing: LeaseTiming, clock: Clock, limit_s: float = CALL_LIMIT_S) -> None:
        self._path, self._timing, self._clock = path, timing, clock
        self._guard = Guard("lease-sqlite", limit_s=limit_s)
        self._blocker: _Blocker | None = None

    def check(self) -> None:
        """A folder that is gone is an unmounted disk, not a lease that nobody has."""
        self._guard.call(self._check)

    def read(self) -> LeaseRecord | None:
        """None where the file or its row is missing."""
        return self._guard.call(self._read)

    def create(self, new: LeaseRecord) -> bool:
        """Makes the file where it is missing."""
        return self._guard.call(lambda: self._write(None, new))

    def swap(self, seen: LeaseRecord, new: LeaseRecord) -> bool:
        """Ends the process of a record that changes hands and was not handed back."""
        return self._guard.call(lambda: self._swap(seen, new))

    def close(self) -> None:
        """Nothing is open between calls."""
        self._guard.close()

    # in the guard's thread

    def _check(self) -> None:
        if not os.access(self._path.parent, os.W_OK | os.X_OK):
            raise StoreAway("unreachable", f"{self._path.parent} is not there, or not writable")

    def _read(self) -> LeaseRecord | None:
        self._check()
        if not self._path.exists():
            return None
        return self._attempt(_select, mode="rw")

    def _swap(self, seen: LeaseRecord, new: LeaseRecord) -> bool:
        if seen.owner not in ("", new.owner):
            found = self._read()
            if not _is(found, new) and not _is(found, seen):
                return False
            end_process(seen.meta)
        return self._write(seen, new)

    def _write(self, seen: LeaseRecord | None, new: LeaseRecord) -> bool:
        self._check()
        return self._attempt(lambda db: _compare_and_swap(db, seen, new), mode="rwc")

    def _attempt(self, do: Callable[[sqlite3.Connection], _R], *, mode: str) -> _R:
        try:
            with closing(self._open(mode)) as db:
                result = do(db)
        except sqlite3.Error as err:
            code = CODES.get(getattr(err, "sqlite_errorcode", 0) & 0xFF, "error")
            if code == "locked":
                self._blocked()
            raise StoreAway(code, f"{self._path.name}: {err}"[:200]) from err
        self._blocker = None
        return result

    def _open(self, mode: str) -> sqlite3.Connection:
        uri = f"{self._path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)

    def _blocked(self) -> None:
        """End whoever kept the file locked for a lease's duration, if it runs the same program as we do."""
        pid = _lock_holder(self._path)
        start = start_time(pid) if pid else None
        if not pid or start is None or pid == os.getpid() or not _same_program(pid):
            self._blocker = None
            return
        now_ns = self._clock.boottime_ns()
        if self._blocker is None or self._blocker[:2] != (pid, start):
            self._blocker = _Blocker(pid, start, now_ns)
        elif now_ns - self._blocker.since_ns >= self._timing.duration_ns:
            end_pid(pid, start)


def _select(db: sqlite3.Connection) -> LeaseRecord | None:
    try:
        row = db.execute(SELECT).fetchone()
    except sqlite3.OperationalError as err:
        if "no such table" in str(err):
            return None
        raise
    return None if row is None else from_fields(*row)


def _compare_and_swap(db: sqlite3.Connection, seen: LeaseRecord | None, new: LeaseRecord) -> bool:
    db.execute("PRAGMA journal_mode = PERSIST")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("BEGIN IMMEDIATE")
    db.execute(TABLE)
    found = _select(db)
    if _is(found, new):
        db.execute("ROLLBACK")
        return True
    if (found is None) != (seen is None) or (seen is not None and not _is(found, seen)):
        db.execute("ROLLBACK")
        return False
    db.execute(WRITE, to_fields(new))
    db.execute("COMMIT")
    return True


def _is(found: LeaseRecord | None, other: LeaseRecord) -> bool:
    return found is not None and (found.owner, found.token, found.counter) == (other.owner, other.token, other.counter)


def _lock_holder(path: Path) -> int:
    """The process that keeps this database locked; 0 where nobody does, or in another container.

    Closing a descriptor of a file drops all of this process's locks on it, so no connection may be open meanwhile.
    """
    start, length = LOCK_BYTES
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
        kind, _, _, _, pid = struct.unpack(FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    return pid if kind != fcntl.F_UNLCK else 0


def _same_program(pid: int) -> bool:
    try:
        return os.path.samefile(f"/proc/{pid}/exe", "/proc/self/exe")
    except OSError:
        return False
