"""Takes of rooms, and the segments of local tracks that browsers bring. Which chunks are there the folder knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from sqlalchemy import and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.ids import is_safe_id
from supervisor.catalog import limits
from supervisor.catalog.errors import Conflict, NotFound
from supervisor.catalog.part import Part
from supervisor.catalog.room_values import SETTLED, SegmentRow, SegmentState, TakeRow
from supervisor.catalog.rows import in_workspace, one, page, value_of
from supervisor.catalog.schema import room_people, room_segments, room_takes, rooms, streams, workers
from supervisor.catalog.values import Page

MOST_SEGMENTS: Final = 2000  # of one person: one for each run of a recorder
MOST_PEOPLE: Final = 500  # of one take
LIVE: Final = ("claimed", "starting", "running", "degraded", "draining")  # states of a claim that may yet tell


class Takes(Part):
    """Stored by intake (`take` lines) and by whoever holds an upload token; ended by the leader."""

    async def takes(self, workspace: str, room: str, *, limit: int = 50, after: str | None = None) -> Page[TakeRow]:
        """Newest first. Raises NotFound (room)."""
        table = room_takes
        mine = and_(rooms.c.id == room, in_workspace(rooms, workspace))
        async with self._database.reading() as connection:
            if await connection.scalar(select(rooms.c.id).where(mine)) is None:
                raise NotFound("room", room)
            shown = table.c.room == room
            return await page(connection, table, TakeRow, shown, by=table.c.started_ns, limit=limit, after=after)

    async def take(self, workspace: str | None, room: str, id: str) -> TakeRow:
        """Raises NotFound."""
        mine = and_(room_takes.c.room == room, room_takes.c.id == id, in_workspace(room_takes, workspace))
        async with self._database.reading() as connection:
            row = await one(connection, select(room_takes).where(mine))
        if row is None:
            raise NotFound("take", id)
        return value_of(TakeRow, row)

    async def open_takes(self, *, limit: int = 200) -> list[TakeRow]:
        """Those that were being recorded when their room was closed, and whose worker has gone; for the leader."""
        newest = and_(
            workers.c.stream == streams.c.id, workers.c.token == streams.c.claim_token,
            workers.c.session == room_takes.c.session, workers.c.state.in_(LIVE),
        )  # fmt: skip
        working = select(workers.c.token).where(newest, streams.c.id == rooms.c.stream).correlate(room_takes, rooms)
        resumed = and_(streams.c.id == rooms.c.stream, streams.c.wanted == "running")
        wanted = select(streams.c.id).where(resumed).correlate(rooms)
        query = select(room_takes).join(rooms).where(room_takes.c.state == "recording", ~working.exists())
        async with self._database.reading() as connection:
            found = await connection.execute(query.where(~wanted.exists()).limit(limits.page_size(limit)))
            return [value_of(TakeRow, row) for row in found.mappings()]

    async def waiting_takes(self, *, limit: int = 200) -> list[TakeRow]:
        """Stopped ones whose local tracks nobody has aligned yet, the oldest first; for the leader."""
        mine = and_(room_takes.c.state == "stopped", room_takes.c.conform == "")
        query = select(room_takes).where(mine).order_by(room_takes.c.started_ns, room_takes.c.id)
        async with self._database.reading() as connection:
            found = await connection.execute(query.limit(limits.page_size(limit)))
            return [value_of(TakeRow, row) for row in found.mappings()]

    async def old_takes(self, before_ns: int, *, limit: int = 200) -> list[TakeRow]:
        """Stopped before this time, the oldest first; for the leader."""
        query = select(room_takes).where(room_takes.c.stopped_ns < before_ns).order_by(room_takes.c.stopped_ns)
        async with self._database.reading() as connection:
            found = await connection.execute(query.limit(limits.page_size(limit)))
            return [value_of(TakeRow, row) for row in found.mappings()]

    async def change_take(self, room: str, id: str, **changes: Any) -> None:
        """By the leader; one that is not there any more stays so."""
        mine = and_(room_takes.c.room == room, room_takes.c.id == id)
        async with self._database.writing() as connection:
            await connection.execute(update(room_takes).where(mine).values(changes))

    async def erase_take(self, room: str, id: str) -> None:
        """Its row and those of its segments; their files are the caller's."""
        async with self._database.writing() as connection:
            of_take = and_(room_segments.c.room == room, room_segments.c.take == id)
            await connection.execute(delete(room_segments).where(of_take))
            await connection.execute(delete(room_takes).where(room_takes.c.room == room, room_takes.c.id == id))

    async def add_segment(self, row: SegmentRow) -> tuple[SegmentRow, bool]:
        """Announced by a browser: the row, and whether it is new; the same again is the same.

        Raises NotFound where it is somebody else's, Conflict (`other_segment`, `too_many_segments`).
        """
        now_ns = self._now_ns()
        made = replace(
            row,
            settings=limits.document("settings", row.settings, 4096),
            created_ns=now_ns,
            touched_ns=now_ns,
        )
        async with self._database.writing() as connection:
            whose = select(room_people.c.id).where(room_people.c.id == row.person, room_people.c.room == row.room)
            if await connection.scalar(whose.with_for_update(key_share=True)) is None:
                raise NotFound("participant", row.person)
            known = await one(connection, select(room_segments).where(room_segments.c.id == row.id))
            if known is not None:
                return _same(value_of(SegmentRow, known), made), False
            count = select(func.count()).where(room_segments.c.person == row.person)
            if int(await connection.scalar(count) or 0) >= MOST_SEGMENTS:
                raise Conflict("There are too many segments", remedy="Join anew.", code="too_many_segments")
            await connection.execute(insert(room_segments).values(asdict(made)))
        return made, True

    async def segment(self, person: str, id: str) -> SegmentRow:
        """Raises NotFound, for somebody else's too."""
        mine = and_(room_segments.c.id == id, room_segments.c.person == person)
        async with self._database.reading() as connection:
            row = await one(connection, select(room_segments).where(mine))
        if row is None:
            raise NotFound("upload", id)
        return value_of(SegmentRow, row)

    async def segments(
        self, *, room: str | None = None, take: str | None = None, person: str | None = None
    ) -> list[SegmentRow]:
        """Those of a take or of somebody, the oldest first."""
        table = room_segments
        named = [(table.c.room, room), (table.c.take, take), (table.c.person, person)]
        query = select(table).where(*(column == value for column, value in named if value is not None))
        async with self._database.reading() as connection:
            found = (await connection.execute(query.order_by(table.c.created_ns, table.c.id))).mappings()
            return [value_of(SegmentRow, row) for row in found]

    async def segments_in(
        self, state: SegmentState, *, before_ns: int | None = None, limit: int = 50
    ) -> list[SegmentRow]:
        """The longest untouched first; `before_ns`: those that nothing came for since. For the leader."""
        table = room_segments
        query = select(table).where(table.c.state == state).order_by(table.c.touched_ns, table.c.id)
        if before_ns is not None:
            query = query.where(table.c.touched_ns < before_ns)
        async with self._database.reading() as connection:
            found = await connection.execute(query.limit(limits.page_size(limit)))
            return [value_of(SegmentRow, row) for row in found.mappings()]

    async def touch_segment(self, id: str, bytes: int) -> None:
        """So much has come."""
        await self._change_segment(id, {"bytes": bytes, "touched_ns": self._now_ns()}, "open")

    async def finish_segment(self, id: str, **facts: Any) -> None:
        """All of it is there: `chunks`, `bytes`, `sha256`, `t_stop_ms`, `reason`."""
        await self._change_segment(id, {**facts, "state": "whole", "touched_ns": self._now_ns()}, "open")

    async def settle_segment(self, id: str, state: SegmentState, reason: str, report: Mapping[str, Any]) -> None:
        """Checked, or given up; its take is aligned again."""
        if state not in SETTLED:
            raise limits.too_much("a state that settles nothing")
        values = {
            "state": state, "reason": limits.plain(reason, 400), "report": limits.document("report", report, 4096),
            "touched_ns": self._now_ns(),
        }  # fmt: skip
        async with self._database.writing() as connection:
            row = await one(connection, select(room_segments).where(room_segments.c.id == id))
            if row is None:
                return
            await connection.execute(update(room_segments).where(room_segments.c.id == id).values(values))
            of_take = and_(room_takes.c.room == row["room"], room_takes.c.id == row["take"])
            await connection.execute(update(room_takes).where(of_take).values(conform=""))

    async def brought_bytes(self, room: str, person: str) -> tuple[int, int]:
        """What a room's people have brought so far, and what this one has."""
        table = room_segments
        async with self._database.reading() as connection:
            of_room = await connection.scalar(select(func.sum(table.c.bytes)).where(table.c.room == room))
            of_person = await connection.scalar(select(func.sum(table.c.bytes)).where(table.c.person == person))
        return int(of_room or 0), int(of_person or 0)

    async def _change_segment(self, id: str, values: Mapping[str, Any], state: SegmentState) -> None:
        mine = and_(room_segments.c.id == id, room_segments.c.state == state)
        async with self._database.writing() as connection:
            await connection.execute(update(room_segments).where(mine).values(values))


async def store_take(
    connection: AsyncConnection, stream: str, session: str, line: Mapping[str, Any], now_ns: int
) -> None:
    """A `take` line of a room's worker, which speaks for its own room only; a stream without one is passed over."""
    room = await one(connection, select(rooms).where(rooms.c.stream == stream))
    id, state = line.get("id"), line.get("state")
    if room is None or not isinstance(id, str) or not is_safe_id(id) or state not in ("recording", "stopped"):
        return
    mine = and_(room_takes.c.room == room["id"], room_takes.c.id == id)
    old = await one(connection, select(room_takes).where(mine))
    people = {**({} if old is None else old["people"]), **_people(line.get("participants"))}
    people = dict(list(people.items())[:MOST_PEOPLE])
    start_s = line.get("start_s")
    values: dict[str, Any] = {"state": state, "people": people, "session": session}
    if state == "stopped":
        values["stopped_ns"] = now_ns if old is None or old["stopped_ns"] is None else old["stopped_ns"]
    if old is not None:
        await connection.execute(update(room_takes).where(mine).values(values))
        return
    start = float(start_s) if limits.is_number(start_s) else 0.0
    fresh = {"room": room["id"], "id": id, "workspace": room["workspace"], "start_s": start, "conform": ""}
    await connection.execute(insert(room_takes).values({**fresh, "started_ns": now_ns, **values}))


def _people(told: object) -> dict[str, Any]:
    """{pid: {name, role}} of what a worker says; at most 64 of them."""
    found = {}
    for each in told[:64] if isinstance(told, list) else []:
        pid = each.get("pid") if isinstance(each, Mapping) else None
        if isinstance(pid, str) and is_safe_id(pid):
            found[pid] = {name: limits.plain(str(each.get(name, "")), 80) for name in ("name", "role")}
    return found


def _same(known: SegmentRow, made: SegmentRow) -> SegmentRow:
    if known.person != made.person:
        raise NotFound("upload", made.id)
    if (known.take, known.track, known.mime) != (made.take, made.track, made.mime):
        raise Conflict("This segment is of another track", remedy="Take a new id for each.", code="other_segment")
    return known
