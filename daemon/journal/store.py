"""One SQLite connection for all threads of a session: opened, checked and locked; its errors get our names."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import apsw

from core.errors import JournalCorrupt, StorageError
from daemon.journal.schema import STEPS, VERSION

SQLITE_FLOOR: Final = 3_051_003  # before 3.51.3 a WAL reset could lose commits, DESIGN.md section 1
BUSY_MS: Final = 5_000
# KiB of pages that a connection keeps. Rows are appended: what is used again is the ends of the tables and indexes.
# SQLite's own 2 MB would be filled with pages that nobody reads, 4 MB an hour of stream, and let go only then.
CACHE_KIB: Final = 512
GUARDED_BYTES: Final = 16 << 20  # of one value; our longest are a few hundred KB
GUARDED_STEPS: Final = 20_000  # of SQLite's machine, under a millisecond, between two looks at the time


class Store:
    """Statements and transactions on one connection, one at a time. WAL and FULL: a commit survives power loss."""

    def __init__(self, path: Path, *, read_only: bool = False, guard_s: float | None = None) -> None:
        """`guard_s`: for looks into a journal that another process writes and that may be anything: its schema runs no
        code, no link is followed, a look that has taken so many seconds is given up. The file as a whole is not
        checked, which would read all of it each time."""
        if apsw.SQLITE_VERSION_NUMBER < SQLITE_FLOOR:
            raise StorageError(
                f"SQLite {apsw.sqlite_lib_version()} can lose a journal", remedy="Run `make setup` again."
            )
        self._path = path
        self.version = 0  # of the file's tables; older than ours only where it is read
        self._lock = threading.RLock()
        self._depth = 0
        flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        if guard_s is not None:
            flags |= apsw.SQLITE_OPEN_NOFOLLOW
        with self._named():
            self._connection = apsw.Connection(str(path), flags=flags)
            self._connection.set_busy_timeout(BUSY_MS)
            try:
                self._connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
                if guard_s is not None:
                    self._guard(guard_s)
                self._prepare(read_only, checked=guard_s is None)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Checkpoints and lets go; the folder can be copied then."""
        with self._lock:
            self._connection.close()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock, self._named():
            return list(self._connection.execute(sql, tuple(values)))

    def write(self, sql: str, values: Sequence[Any] = ()) -> int:
        """One statement, durable when it returns (or when the surrounding batch ends). Returns the row id."""
        with self.batch(), self._named():
            self._connection.execute(sql, tuple(values))
            return self._connection.last_insert_rowid()

    def write_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """The same statement for many rows, in one transaction."""
        if rows:
            with self.batch(), self._named():
                self._connection.executemany(sql, [tuple(row) for row in rows])

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        """One transaction around the block; nested batches join the outer one."""
        with self._lock:
            if self._depth:
                yield
                return
            self._depth = 1
            try:
                with self._named():
                    self._connection.execute("BEGIN IMMEDIATE")
                yield
                with self._named():
                    self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(apsw.Error):
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

    def _guard(self, guard_s: float) -> None:
        until_s = time.monotonic() + guard_s
        self._connection.execute("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON")
        self._connection.limit(apsw.SQLITE_LIMIT_LENGTH, GUARDED_BYTES)
        self._connection.set_busy_timeout(round(guard_s * 1000))
        self._connection.set_progress_handler(lambda: time.monotonic() > until_s, GUARDED_STEPS)

    def _prepare(self, read_only: bool, *, checked: bool) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone() or (0,)
        if version > VERSION:
            raise StorageError(
                f"{self._path} was written by a newer clipd (schema {version})", remedy="Update clipd to open it."
            )
        if not read_only:
            self._connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=512")
        if checked:
            (found,) = self._connection.execute("PRAGMA quick_check(1)").fetchone() or ("no answer",)
            if found != "ok":
                raise apsw.CorruptError(str(found))
        if version < VERSION and not read_only:
            steps = "".join(STEPS[version:])
            self._connection.execute(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version={VERSION}; COMMIT")
            version = VERSION
        self.version = version

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """SQLite's errors as ours, with the folder and what to do."""
        try:
            yield
        except (apsw.CorruptError, apsw.NotADBError) as err:
            raise JournalCorrupt(
                f"{self._path} is damaged: {err}",
                remedy="Start the session again: the damaged file is kept beside a new one, the footage is there.",
            ) from err
        except apsw.InterruptError as err:
            raise StorageError(
                f"{self._path.parent.name} took too long to read", remedy="Ask for less of it.", code="journal_slow"
            ) from err
        except apsw.FullError as err:
            raise StorageError(
                f"The disk is full: {self._path.parent}",
                remedy="Free some space or use another --data-dir.",
                code="disk_full",
            ) from err
        except (apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError, apsw.BusyError) as err:
            raise StorageError(
                f"{self._path} cannot be used: {err}", remedy="Check the disk and the folder's rights.", code="disk_io"
            ) from err
