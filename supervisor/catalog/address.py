"""Which database a URL means, as an engine that never hangs. No query is made here.

SQLite: `sqlite:////data/catalog.db` (and `sqlite:///` before any absolute path). PostgreSQL: `postgresql://user@host/db`,
where `sslmode`, `host` (a socket's folder) and `port` may follow as a query.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from core.errors import MissingPart, StorageError, UsageError

BUSY_S: Final = 5  # how long SQLite waits for another process' write
CONNECT_S: Final = 2
STATEMENT_S: Final = 3  # of PostgreSQL, by itself; ours is DEADLINE_S in database.py
LOCK_S: Final = 2
IDLE_S: Final = 10  # a supervisor that stood still inside a transaction does not hold its locks for longer
POOL_SIZE: Final = 5  # connections of one supervisor that are kept, and as many more under load
POOL_WAIT_S: Final = 3
_QUERY: Final = ("sslmode", "host", "port")


def engine_of(url: str, *, busy_s: float = BUSY_S) -> AsyncEngine:
    """An engine that has not connected yet. Raises UsageError, StorageError, MissingPart (no asyncpg)."""
    try:
        read = make_url(url)
    except ArgumentError as err:  # its text holds the URL, and so a password
        raise _bad("it is no URL") from err.__cause__
    except ValueError:  # its port
        raise _bad("its port is no number") from None
    if read.drivername == "sqlite":
        return _sqlite(read, busy_s)
    if read.drivername in ("postgresql", "postgres"):
        return _postgres(read)
    raise _bad(f"{read.drivername!r} is no database we know")


def _sqlite(url: URL, busy_s: float) -> AsyncEngine:
    if not url.database or not os.path.isabs(url.database) or url.query or url.host:
        raise _bad("SQLite needs sqlite:/// and an absolute path")
    path = Path(url.database)
    try:  # readable by us only: it holds who may do what, and hashes of secrets
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as err:
        raise StorageError(
            f"Cannot open the catalog {path.name}: {err.strerror}",
            remedy="Check that its folder is there and ours to write.",
            code="catalog_unwritable",
        ) from err
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        connect_args={"timeout": busy_s, "isolation_level": None},  # we say BEGIN ourselves, see database.py
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """A rollback journal, since the SQLite of older Pythons may lose a WAL (docs/adr/0011-catalog.md)."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=DELETE", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _postgres(url: URL) -> AsyncEngine:
    strange = next((name for name in url.query if name not in _QUERY), None)
    if strange is not None:
        raise _bad(f"{strange[:40]!r} is no option")
    query = dict(url.query)
    if (mode := query.pop("sslmode", None)) is not None:
        query["ssl"] = mode
    try:
        return create_async_engine(
            url.set(drivername="postgresql+asyncpg", query=query),
            connect_args={"timeout": CONNECT_S, "server_settings": _SESSION},
            pool_size=POOL_SIZE,
            max_overflow=POOL_SIZE,
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=True,  # a server that was restarted costs no failed call
        )
    except ModuleNotFoundError as err:
        raise MissingPart(
            "PostgreSQL needs asyncpg", remedy="Run: pip install 'clipd[postgres]'.", code="asyncpg_missing"
        ) from err


_SESSION: Final = {
    "application_name": "clipd",
    "statement_timeout": str(STATEMENT_S * 1000),
    "lock_timeout": str(LOCK_S * 1000),
    "idle_in_transaction_session_timeout": str(IDLE_S * 1000),
    "tcp_user_timeout": "5000",
    "timezone": "UTC",
}


def _bad(what: str) -> UsageError:
    return UsageError(
        f"Bad catalog URL: {what}",
        remedy="Write sqlite:////path/catalog.db or postgresql://user@host/name.",
        code="catalog_url",
    )
