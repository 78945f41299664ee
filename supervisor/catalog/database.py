"""Transactions with a deadline: one way to read, one to write, and what a database's errors mean.

On SQLite a writer says BEGIN IMMEDIATE, so it never has to give up halfway for another process' write; writers of one
process wait for each other here, in order, and not by polling the file. On PostgreSQL the methods lock the rows they
decide by (`FOR NO KEY UPDATE`), always in this order: fence, stream, worker, session, counter.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, event, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from supervisor.catalog.address import BUSY_S, engine_of
from supervisor.catalog.errors import CatalogAway
from supervisor.catalog.limits import too_much
from supervisor.catalog.schema import counters

try:  # an extra; what it raises while it connects reaches us as it is
    from asyncpg import InterfaceError, PostgresError

    _DRIVER_ERRORS: tuple[type[Exception], ...] = (InterfaceError, PostgresError)
except ModuleNotFoundError:
    _DRIVER_ERRORS = ()

DEADLINE_S: Final = {"sqlite": 8.0, "postgresql": 5.0}  # of one transaction, waiting for its turn included
_SQLITE_CODES: Final = {
    "SQLITE_BUSY": "locked", "SQLITE_LOCKED": "locked", "SQLITE_FULL": "full", "SQLITE_READONLY": "readonly",
    "SQLITE_PERM": "denied", "SQLITE_CORRUPT": "damaged", "SQLITE_NOTADB": "damaged", "SQLITE_CANTOPEN": "unreachable",
    "SQLITE_IOERR": "unreachable", "SQLITE_INTERRUPT": "timeout",
}  # fmt: skip
# By class of SQLSTATE (PostgreSQL, appendix A), longest first
_POSTGRES_CODES: Final = {
    "57014": "timeout", "25P03": "timeout", "55P03": "locked", "25006": "readonly", "42501": "denied",
    "3D000": "unreachable", "08": "unreachable", "57P": "unreachable", "53": "full", "40": "locked", "28": "denied",
    "58": "damaged", "XX": "damaged",
}  # fmt: skip


class Database:
    """An engine and its transactions."""

    def __init__(self, url: str, *, busy_s: float = BUSY_S, deadline_s: float | None = None) -> None:
        self._engine = engine_of(url, busy_s=busy_s)
        self.dialect: str = self._engine.dialect.name
        self._deadline_s = deadline_s or DEADLINE_S[self.dialect]
        self._readers = self._engine.execution_options(reading=True)
        self._turn = asyncio.Lock()
        if self.dialect == "sqlite":
            event.listen(self._engine.sync_engine, "begin", _begin)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes nothing. Raises CatalogAway."""
        with answering():
            async with asyncio.timeout(self._deadline_s), self._readers.begin() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self, *, deadline_s: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at the end, or not at all. Raises CatalogAway, perhaps committed."""
        turn: AbstractAsyncContextManager[Any] = self._turn if self.dialect == "sqlite" else nullcontext()
        with answering():
            async with asyncio.timeout(deadline_s or self._deadline_s), turn, self._engine.begin() as connection:
                yield connection

    async def close(self) -> None:
        """Let go of every connection."""
        with answering():
            await self._engine.dispose()

    async def upsert(
        self,
        connection: AsyncConnection,
        table: Table,
        key: dict[str, Any],
        fresh: dict[str, Any],
        again: dict[str, Any],
    ) -> None:
        """Insert `key` and `fresh`; where the key is there already, change it by `again` (values or expressions)."""
        build = (sqlite if self.dialect == "sqlite" else postgresql).insert
        statement = build(table).values(key | fresh)
        await connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=again))


async def take_number(connection: AsyncConnection, name: str, count: int = 1) -> int:
    """The first of `count` numbers that nobody has had. Locked to the end: numbers become visible in order."""
    mine: ColumnElement[bool] = counters.c.name == name
    last = await connection.scalar(select(counters.c.value).where(mine).with_for_update(key_share=True))
    value = int(last or 0)
    await connection.execute(update(counters).where(mine).values(value=value + count))
    return value + 1


@contextmanager
def answering() -> Iterator[None]:
    """What a database's errors mean: CatalogAway, or a bug of ours, which stays what it is."""
    try:
        yield
    except (PoolTimeout, TimeoutError) as err:
        raise CatalogAway("timeout", "the database did not answer in time") from err
    except UnicodeEncodeError as err:  # half of a surrogate pair in a name that was asked for
        raise too_much("a text that is none") from err
    except DBAPIError as err:
        if _is_bad_text(err.orig):
            raise too_much("a text that is none") from err
        if (code := _code(err.orig)) is None:
            if not err.connection_invalidated:
                raise
            code = "unreachable"
        raise CatalogAway(code, f"the database said no: {type(err.orig).__name__}") from err
    except _DRIVER_ERRORS as err:
        raise CatalogAway(_code(err) or "unreachable", f"the database said no: {type(err).__name__}") from err
    except OSError as err:
        raise CatalogAway("unreachable", "the database does not answer") from err


def _is_bad_text(error: BaseException | None) -> bool:
    """PostgreSQL takes no U+0000 (22021); asyncpg no half of a surrogate pair, which it says as a cause."""
    cause = None if error is None else error.__cause__
    return getattr(error, "sqlstate", None) == "22021" or isinstance(
        getattr(cause, "__cause__", None), UnicodeEncodeError
    )


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _code(error: BaseException | None) -> str | None:
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", "")
        return next((code for prefix, code in _SQLITE_CODES.items() if name.startswith(prefix)), None)
    state = str(getattr(error, "sqlstate", None) or "")
    return next((code for prefix, code in _POSTGRES_CODES.items() if state.startswith(prefix)), None)


PING: Final = text("SELECT 1")
