"""What workspaces use, by day (UTC, of this side's wall clock).

Figures change in the transaction that stores what they are counted from, so neither a request that comes twice nor a
process that dies counts anything twice: captured time is what a session's high-water mark (`sessions.media_s`) grows
by, less its gaps; clips are rows of `clips` that are new; renders are `render` lines that are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import Select, func, literal_column, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.ids import SessionId
from core.times import NS_PER_S
from supervisor.catalog import cursors
from supervisor.catalog.database import Database
from supervisor.catalog.limits import is_number, page_size, too_much
from supervisor.catalog.part import Part
from supervisor.catalog.rows import in_workspace, value_of
from supervisor.catalog.schema import clips, sessions, streams, usage, workspaces
from supervisor.catalog.values import Page, UsageRow

MINUTE_S: Final = 60.0
DAY_NS: Final = 86_400 * NS_PER_S
_EPOCH: Final = date(1970, 1, 1).toordinal()
NOTHING: Final[Mapping[str, Any]] = {"minutes": 0.0, "clips": 0, "renders": 0, "llm_usd": 0.0}


class Usage(Part):
    """Reads and gauges; what is counted is counted by those who store it."""

    async def usage(self, workspace: str | None, *, limit: int = 50, after: str | None = None) -> Page[UsageRow]:
        """Days on which something was used, the newest first. Raises UsageError."""
        size, order = page_size(limit), (usage.c.day, usage.c.workspace)
        query = select(usage).where(in_workspace(usage, workspace)).order_by(*(each.desc() for each in order))
        if after is not None:
            query = query.where(tuple_(*order) < tuple_(*_place(after)))
        async with self._database.reading() as connection:
            found = (await connection.execute(query.limit(size + 1))).mappings().all()
            accepted = await _accepted(connection, [row["day"] for row in found[:size]], workspace)
        rows = tuple(
            value_of(UsageRow, row, accepted=accepted.get((row["workspace"], row["day"]), 0)) for row in found[:size]
        )
        more = len(found) > size
        following = cursors.encode("usage", _ordinal(rows[-1].day), rows[-1].workspace) if more else None
        return Page(rows=rows, next=following)

    async def usage_today(self) -> dict[str, UsageRow]:
        """Of each workspace that has ever used anything: today's figures, and the bytes as they were last measured."""
        today = day_of(self._now_ns())
        rows = usage.alias()
        newest = select(func.max(rows.c.day)).where(rows.c.workspace == usage.c.workspace, rows.c.day <= today)
        query = select(usage).where(usage.c.day == newest.scalar_subquery())
        async with self._database.reading() as connection:
            found = [value_of(UsageRow, row) for row in (await connection.execute(query)).mappings()]
        return {row.workspace: row if row.day == today else replace(row, day=today, **NOTHING) for row in found}

    async def set_stored(self, stored: Mapping[str, int]) -> None:
        """Bytes that lie on the disk now, by workspace; those that are not named have none."""
        day = day_of(self._now_ns())
        async with self._database.writing() as connection:
            for workspace in (await connection.execute(select(workspaces.c.id))).scalars().all():
                gauge = {"bytes": stored.get(workspace, 0)}
                key = {"workspace": workspace, "day": day}
                await self._database.upsert(connection, usage, key, {**NOTHING, **gauge}, gauge)

    async def session_workspaces(self) -> dict[SessionId, str]:
        """Whose every session is."""
        async with self._database.reading() as connection:
            found = await connection.execute(select(sessions.c.id, sessions.c.workspace))
            return {SessionId(id): workspace for id, workspace in found}


async def count(database: Database, connection: AsyncConnection, workspace: str, at_ns: int, **more: float) -> None:
    """Add to the figures of a day, in the caller's transaction. A day begins with the bytes of the one before."""
    day = day_of(at_ns)
    fresh = {**NOTHING, **more, "bytes": func.coalesce(_bytes_before(workspace, day).scalar_subquery(), 0)}
    again = {name: usage.c[name] + value for name, value in more.items()}
    await database.upsert(connection, usage, {"workspace": workspace, "day": day}, fresh, again)


async def count_media(
    database: Database, connection: AsyncConnection, session: SessionId, workspace: str, media_s: float, at_ns: int
) -> float:
    """Media up to `media_s` is captured: what is new of it counts. Returns the session's high-water mark."""
    known = await _media_s(connection, session)
    if media_s <= known:
        return known
    await connection.execute(update(sessions).where(sessions.c.id == session).values(media_s=media_s))
    await count(database, connection, workspace, at_ns, minutes=(media_s - known) / MINUTE_S)
    return media_s


async def take_gap(
    database: Database,
    connection: AsyncConnection,
    session: SessionId,
    workspace: str,
    gap: Mapping[str, Any],
    at_ns: int,
) -> None:
    """A `gap` line: time in which nothing was captured, whether a heartbeat has told of what came after it or not.

    Of a recording the whole length counts: who resumes it reads it again, and tells of its holes again.
    """
    start_s, end_s = gap.get("start_s"), gap.get("end_s")
    if gap.get("track") != "all" or not (is_number(start_s) and is_number(end_s)) or not 0 <= start_s < end_s:
        return
    kind = select(streams.c.kind).join(sessions, sessions.c.stream == streams.c.id).where(sessions.c.id == session)
    if await connection.scalar(kind) == "vod":
        return
    known = await count_media(database, connection, session, workspace, float(start_s), at_ns)
    if known > start_s:
        await count(database, connection, workspace, at_ns, minutes=(start_s - min(known, end_s)) / MINUTE_S)
    if known < end_s:
        await connection.execute(update(sessions).where(sessions.c.id == session).values(media_s=float(end_s)))


def day_of(at_ns: int) -> str:
    """`YYYY-MM-DD`, UTC, of wall-clock ns."""
    return datetime.fromtimestamp(at_ns // NS_PER_S, UTC).date().isoformat()


async def _media_s(connection: AsyncConnection, session: SessionId) -> float:
    return float(await connection.scalar(select(sessions.c.media_s).where(sessions.c.id == session)) or 0.0)


def _bytes_before(workspace: str, day: str) -> Select[Any]:
    rows = usage.alias()
    return (
        select(rows.c.bytes).where(rows.c.workspace == workspace, rows.c.day < day).order_by(rows.c.day.desc()).limit(1)
    )


async def _accepted(
    connection: AsyncConnection, days: Sequence[str], workspace: str | None
) -> dict[tuple[str, str], int]:
    """How many clips that were first told of on one of these days were approved, by workspace and day."""
    if not days:
        return {}
    day = clips.c.created_ns // literal_column(str(DAY_NS))  # no parameter: PostgreSQL groups by the same text
    first, last = (date.fromisoformat(each).toordinal() - _EPOCH for each in (min(days), max(days)))
    query = (
        select(clips.c.workspace, day, func.count())
        .where(in_workspace(clips, workspace), clips.c.review == "approved")
        .where(clips.c.created_ns >= first * DAY_NS, clips.c.created_ns < (last + 1) * DAY_NS)
        .group_by(clips.c.workspace, day)
    )
    found = (await connection.execute(query)).all()
    return {(name, date.fromordinal(int(day) + _EPOCH).isoformat()): many for name, day, many in found}


def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()


def _place(cursor: str) -> tuple[str, str]:
    ordinal, workspace = cursors.decode("usage", cursor)
    try:
        return date.fromordinal(ordinal).isoformat(), workspace
    except (ValueError, OverflowError) as err:
        raise too_much("a day") from err
