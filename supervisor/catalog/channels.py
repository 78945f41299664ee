"""Channels: where a workspace's alerts go. Their targets and secrets leave the catalog for senders only."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, Final, get_args

from sqlalchemy import and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import UsageError
from supervisor.catalog import limits
from supervisor.catalog.errors import Conflict, NotFound
from supervisor.catalog.part import Part
from supervisor.catalog.rows import in_workspace, one, page, value_of
from supervisor.catalog.schema import channels
from supervisor.catalog.values import ChannelKind, ChannelRow, Page

CHANGEABLE: Final = frozenset({"name", "target", "secrets", "filters", "enabled", "reason"})
MOST: Final = 100  # channels of a workspace: each clip is held against all of them


class Channels(Part):
    """Made and changed by admins."""

    async def add_channel(self, row: ChannelRow) -> ChannelRow:
        """Raises Conflict (`channel_taken`: the name; `too_many_channels`), NotFound (workspace), UsageError."""
        made = _checked(replace(row, created_ns=self._now_ns()))
        try:
            async with self._database.writing() as connection:
                mine = select(func.count()).where(channels.c.workspace == row.workspace)
                if int(await connection.scalar(mine) or 0) >= MOST:
                    raise Conflict(
                        f"A workspace has {MOST} channels at most", remedy="Delete one.", code="too_many_channels"
                    )
                await connection.execute(insert(channels).values(asdict(made)))
        except IntegrityError as err:
            raise _taken(row.name) from err
        return made

    async def channel(self, workspace: str | None, id: str) -> ChannelRow:
        """Raises NotFound."""
        mine = and_(channels.c.id == id, in_workspace(channels, workspace))
        async with self._database.reading() as connection:
            row = await one(connection, select(channels).where(mine))
        if row is None:
            raise NotFound("channel", id)
        return value_of(ChannelRow, row)

    async def channels(self, workspace: str | None, *, limit: int = 50, after: str | None = None) -> Page[ChannelRow]:
        """Newest first."""
        shown = in_workspace(channels, workspace)
        async with self._database.reading() as connection:
            return await page(
                connection, channels, ChannelRow, shown, by=channels.c.created_ns, limit=limit, after=after
            )

    async def change_channel(self, workspace: str | None, id: str, /, **changes: Any) -> ChannelRow:
        """Raises NotFound, Conflict (`channel_taken`), UsageError."""
        if changes.keys() - CHANGEABLE:
            raise UsageError("Of a channel its kind stays", remedy="Make another one.", code="not_changeable")
        mine = and_(channels.c.id == id, in_workspace(channels, workspace))
        try:
            async with self._database.writing() as connection:
                row = await one(connection, select(channels).where(mine))
                if row is None:
                    raise NotFound("channel", id)
                made = _checked(replace(value_of(ChannelRow, row), **changes))
                values = {name: getattr(made, name) for name in changes}
                if values:
                    await connection.execute(update(channels).where(mine).values(values))
        except IntegrityError as err:
            raise _taken(str(changes.get("name", ""))) from err
        return made

    async def delete_channel(self, workspace: str | None, id: str) -> None:
        """With all that waits to be told there. Raises NotFound."""
        mine = and_(channels.c.id == id, in_workspace(channels, workspace))
        async with self._database.writing() as connection:
            if (await connection.execute(delete(channels).where(mine))).rowcount == 0:
                raise NotFound("channel", id)


def _checked(row: ChannelRow) -> ChannelRow:
    """As it is stored. Raises UsageError."""
    if row.kind not in get_args(ChannelKind):
        raise limits.too_much("kind is none that is known")
    limits.safe_id("id", row.id)
    return replace(
        row,
        name=limits.text("name", row.name, limits.MAX_NAME),
        target=limits.text("target", row.target),
        secrets=limits.document("secrets", row.secrets),
        filters=limits.document("filters", row.filters),
        reason=limits.plain(row.reason, limits.MAX_NAME),
    )


def _taken(name: str) -> Conflict:
    return Conflict(f"There is a channel {name[:80]!r}", remedy="Choose another name.", code="channel_taken")
