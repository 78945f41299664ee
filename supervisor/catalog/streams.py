"""Streams and workspaces, as users see them: every query names its workspace, None only for the supervisor itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Final, get_args

from sqlalchemy import RowMapping, Select, and_, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import UsageError
from core.ids import StreamId
from core.spec import Origin, Rights, WorkerKind
from supervisor.catalog import limits
from supervisor.catalog.errors import Conflict, NotFound
from supervisor.catalog.part import Part
from supervisor.catalog.rows import in_workspace, one, page, value_of
from supervisor.catalog.schema import streams, workspaces
from supervisor.catalog.values import Page, StreamRow, Wanted, WorkspaceRow

CHANGEABLE: Final = frozenset({"name", "source", "rights", "wanted", "reason", "priority", "options"})
MAX_PRIORITY: Final = 1000


class Streams(Part):
    """Desired streams. What runs is in claims."""

    async def add_workspace(self, row: WorkspaceRow) -> WorkspaceRow:
        """Raises Conflict (`workspace_taken`)."""
        made = replace(
            row,
            id=limits.safe_id("the workspace", row.id),
            name=limits.text("the name", row.name, limits.MAX_NAME),
            limits=limits.document("limits", row.limits),
            created_ns=row.created_ns or self._now_ns(),
        )
        try:
            async with self._database.writing() as connection:
                await connection.execute(insert(workspaces).values(asdict(made)))
        except IntegrityError as err:
            raise _taken("workspace", row.id) from err
        return made

    async def workspace(self, workspace: str) -> WorkspaceRow:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            row = await one(connection, select(workspaces).where(workspaces.c.id == workspace))
        if row is None:
            raise NotFound("workspace", workspace)
        return value_of(WorkspaceRow, row)

    async def workspaces(self) -> list[WorkspaceRow]:
        """Every one, by id; for the supervisor itself."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(workspaces).order_by(workspaces.c.id))).mappings()
            return [value_of(WorkspaceRow, row) for row in rows]

    async def add_stream(self, row: StreamRow) -> StreamRow:
        """Raises Conflict (`stream_taken`) where the workspace has one of that name, NotFound (workspace)."""
        made = checked_stream(replace(row, created_ns=row.created_ns or self._now_ns(), deleted=False))
        try:
            async with self._database.writing() as connection:
                known = await connection.scalar(select(workspaces.c.id).where(workspaces.c.id == row.workspace))
                if known is None:
                    raise NotFound("workspace", row.workspace)
                await connection.execute(insert(streams).values(**asdict(made), claim_token=0))
        except IntegrityError as err:
            raise _taken("stream", row.name) from err
        return made

    async def change_stream(self, workspace: str | None, id: StreamId, /, **changes: Any) -> StreamRow:
        """Change any of CHANGEABLE; resumed, it is paused for no reason any more. Raises NotFound, Conflict
        (`stream_taken`), UsageError."""
        if changes.get("wanted") == "running":
            changes = {"reason": "", **changes}
        strange = next((name for name in changes if name not in CHANGEABLE), None)
        if strange is not None:
            raise UsageError(
                f"{strange[:40]!r} of a stream cannot be changed",
                remedy=f"Change one of: {', '.join(sorted(CHANGEABLE))}.",
                code="not_changeable",
            )
        try:
            async with self._database.writing() as connection:
                row = await _stream(connection, workspace, id, lock=True)
                made = checked_stream(replace(value_of(StreamRow, row), **changes))
                values = {name: getattr(made, name) for name in CHANGEABLE}
                await connection.execute(update(streams).where(streams.c.id == id).values(values))
        except IntegrityError as err:
            raise _taken("stream", str(changes.get("name"))) from err
        return made

    async def delete_stream(self, workspace: str | None, id: StreamId) -> None:
        """Hide it, free its name, and want it no longer; its claim is drained by the leader. Raises NotFound."""
        async with self._database.writing() as connection:
            await _stream(connection, workspace, id, lock=True)
            gone = {"deleted": True, "wanted": "paused"}
            await connection.execute(update(streams).where(streams.c.id == id).values(gone))

    async def stream(self, workspace: str | None, id: StreamId) -> StreamRow:
        """Raises NotFound, for a deleted one too, except to the supervisor itself (None)."""
        async with self._database.reading() as connection:
            return value_of(StreamRow, await _stream(connection, workspace, id))

    async def streams(self, workspace: str | None, *, limit: int = 50, after: str | None = None) -> Page[StreamRow]:
        """Newest first, without deleted ones and renders, which are jobs."""
        shown = and_(in_workspace(streams, workspace), ~streams.c.deleted, streams.c.kind != "render")
        async with self._database.reading() as connection:
            return await page(connection, streams, StreamRow, shown, by=streams.c.created_ns, limit=limit, after=after)

    async def streams_named(self, ids: Sequence[StreamId]) -> list[StreamRow]:
        """Those that are there, deleted ones too."""
        async with self._database.reading() as connection:
            found = await connection.execute(select(streams).where(streams.c.id.in_(ids)))
            return [value_of(StreamRow, row) for row in found.mappings()]

    async def all_streams(self) -> list[StreamRow]:
        """Every stream that is not deleted, the oldest first; for the leader."""
        query = select(streams).where(~streams.c.deleted).order_by(streams.c.created_ns, streams.c.id)
        async with self._database.reading() as connection:
            return [value_of(StreamRow, row) for row in (await connection.execute(query)).mappings()]


def checked_stream(row: StreamRow) -> StreamRow:
    """As it is stored. Raises UsageError."""
    choices = (
        ("kind", row.kind, WorkerKind), ("origin", row.origin, Origin), ("rights", row.rights, Rights),
        ("wanted", row.wanted, Wanted),
    )  # fmt: skip
    wrong = next((what for what, value, allowed in choices if value not in get_args(allowed)), None)
    if wrong is not None:
        raise limits.too_much(f"{wrong} is none that is known")
    if type(row.priority) is not int or abs(row.priority) > MAX_PRIORITY:
        raise limits.too_much(f"priority is not in -{MAX_PRIORITY}..{MAX_PRIORITY}")
    return replace(
        row,
        id=StreamId(limits.safe_id("the stream", row.id)),
        name=limits.text("name", row.name, limits.MAX_NAME),
        source=limits.text("source", row.source),
        options=limits.document("options", row.options),
    )


async def _stream(
    connection: AsyncConnection, workspace: str | None, id: StreamId, *, lock: bool = False
) -> RowMapping:
    query: Select[Any] = select(streams).where(streams.c.id == id, in_workspace(streams, workspace))
    if workspace is not None:
        query = query.where(streams.c.kind != "render")  # a user's render is a job
    if workspace is not None or lock:
        query = query.where(~streams.c.deleted)
    if lock:
        query = query.with_for_update(key_share=True)
    row = await one(connection, query)
    if row is None:
        raise NotFound("stream", id)
    return row


def _taken(what: str, name: str) -> Conflict:
    return Conflict(f"There is a {what} {name[:80]!r} already", remedy="Choose another name.", code=f"{what}_taken")
