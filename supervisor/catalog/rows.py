"""Between rows and values, and pages of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, RowMapping, Select, Table, and_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from supervisor.catalog import cursors
from supervisor.catalog.limits import page_size
from supervisor.catalog.values import Page

T = TypeVar("T")


def value_of(kind: type[T], row: RowMapping | Mapping[str, Any], **beside: Any) -> T:
    """The dataclass `kind` of a row whose columns have the names of its fields; `beside` are fields of other tables."""
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in {**row, **beside}.items() if name in names})


def in_workspace(table: Table, workspace: str | None) -> ColumnElement[bool]:
    """Whose rows may be seen. None is the supervisor itself, never a user."""
    return true() if workspace is None else table.c.workspace == workspace


async def one(connection: AsyncConnection, query: Select[Any]) -> RowMapping | None:
    """The only row, or None."""
    found: RowMapping | None = (await connection.execute(query)).mappings().one_or_none()
    return found


async def page(
    connection: AsyncConnection,
    table: Table,
    kind: type[T],
    *where: ColumnElement[bool],
    by: Column[Any],
    limit: int,
    after: str | None,
    beside: Mapping[str, Any] | None = None,
) -> Page[T]:
    """Rows by `by`, then id, newest first. `after` is `next` of the page before. Raises UsageError."""
    size = page_size(limit)
    order = (by, table.c.id)
    query = select(table).where(and_(true(), *where)).order_by(*(each.desc() for each in order)).limit(size + 1)
    if after is not None:
        key, name = cursors.decode(table.name, after)
        query = query.where(by < key if by is table.c.id else tuple_(*order) < tuple_(key, name))
    rows = (await connection.execute(query)).mappings().all()
    more = len(rows) > size
    last = rows[size - 1] if more else None
    following = None if last is None else cursors.encode(table.name, last[by.name], str(last["id"]))
    return Page(rows=tuple(value_of(kind, row, **(beside or {})) for row in rows[:size]), next=following)
