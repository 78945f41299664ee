"""The workers' side: hello, heartbeats, commands. What a superseded claim says about state is refused and counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import and_, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.control import Command, CommandKind, Heartbeat, Hello
from core.ids import StreamId
from supervisor.catalog import limits
from supervisor.catalog.claims import ENDED, OVER, Owner, lock_stream, owner_of, worker_row
from supervisor.catalog.database import take_number
from supervisor.catalog.errors import Conflict, NotFound, Superseded
from supervisor.catalog.part import Part
from supervisor.catalog.rows import one, value_of
from supervisor.catalog.schema import commands, sessions, streams, workers
from supervisor.catalog.usage import count_media
from supervisor.catalog.values import ClaimRow

MAX_WAITING: Final = 256  # commands of one claim that it has not asked behind
HEALTH: Final = (
    "state", "reason", "media_s", "lag_s", "rss_bytes", "ring_bytes", "disk_free_bytes", "undelivered",
    "done",
)  # fmt: skip


class Workers(Part):
    """What workers say about themselves, and what they are told."""

    async def hello(self, hello: Hello) -> ClaimRow:
        """An attempt has begun: claimed, starting or lost -> running. Raises NotFound, Superseded (deliver only)."""
        async with self._database.writing() as connection:
            owner = await owner_of(connection, hello.session, hello.claim_token)
            if owner.claim.stream != hello.stream:
                raise NotFound("claim", f"{hello.stream} {hello.claim_token}")
            if owner.newest:
                values: dict[str, Any] = {
                    "attempt": hello.attempt,
                    "pid": hello.pid,
                    "node": limits.plain(hello.node, limits.MAX_NAME),
                    "version": limits.plain(hello.version, limits.MAX_NAME),
                }
                if owner.claim.state in ("claimed", "starting", "lost"):
                    values |= {"state": "running", "reason": "", "code": None, "ended_ns": None}
                await _change(connection, owner.claim, values)
            row = await worker_row(connection, hello.stream, hello.claim_token)
        claim = value_of(ClaimRow, row)
        if not owner.newest:
            self._refusals.add()
            raise Superseded(claim)
        return claim

    async def beat(self, beat: Heartbeat) -> bool:
        """Whether the claim is the newest; if so the beat is stored. Raises NotFound."""
        async with self._database.writing() as connection:
            owner = await owner_of(connection, beat.session, beat.claim_token)
            if owner.newest:
                await self._store_beat(connection, owner, beat)
        if not owner.newest:
            self._refusals.add()
        return owner.newest

    async def metrics(self) -> dict[StreamId, str]:
        """The exposition text of every running worker's last heartbeat. Not of renders: each has a stream of its own,
        and so would have series of its own."""
        newest = and_(workers.c.stream == streams.c.id, workers.c.token == streams.c.claim_token)
        query = select(workers.c.stream, workers.c.metrics).join(streams, newest)
        async with self._database.reading() as connection:
            told = and_(workers.c.ended_ns.is_(None), workers.c.metrics != "", streams.c.kind != "render")
            found = await connection.execute(query.where(told))
            return {StreamId(stream): metrics for stream, metrics in found}

    async def newest_claims(self, ids: Sequence[StreamId]) -> dict[StreamId, ClaimRow]:
        """The claim that counts of each of these streams that has one; at most a page of them."""
        if len(ids) > limits.MAX_PAGE:
            raise limits.too_much(f"more than {limits.MAX_PAGE} streams")
        newest = and_(workers.c.stream == streams.c.id, workers.c.token == streams.c.claim_token)
        query = select(workers).join(streams, newest).where(streams.c.id.in_(ids))
        async with self._database.reading() as connection:
            rows = [value_of(ClaimRow, row) for row in (await connection.execute(query)).mappings()]
        return {row.stream: row for row in rows}

    async def attempts(self, workspace: str | None, stream: StreamId, *, limit: int = 20) -> list[ClaimRow]:
        """The last claims of a stream, the newest first: what restarts and quarantine are decided by."""
        query = select(workers).join(streams, streams.c.id == workers.c.stream).where(workers.c.stream == stream)
        if workspace is not None:
            query = query.where(streams.c.workspace == workspace)
        async with self._database.reading() as connection:
            found = await connection.execute(query.order_by(workers.c.token.desc()).limit(limits.page_size(limit)))
            return [value_of(ClaimRow, row) for row in found.mappings()]

    async def add_command(
        self, stream: StreamId, kind: CommandKind, args: dict[str, Any] | None = None, *, workspace: str | None = None
    ) -> int:
        """Tell the stream's newest worker; the command's id. Raises NotFound, Conflict (`not_running`, `too_many`)."""
        async with self._database.writing() as connection:
            token, whose = await lock_stream(connection, stream)
            if workspace is not None and whose != workspace:
                raise NotFound("stream", stream)
            row = None if token == 0 else await worker_row(connection, stream, token)
            if row is None or row["state"] in ENDED:
                raise Conflict(f"Stream {stream} is not running", remedy="Resume it first.", code="not_running")
            if await _waiting(connection, stream, token, row["commands_seen"]) >= MAX_WAITING:
                raise Conflict(f"Stream {stream} has not obeyed yet", remedy="Wait a little.", code="too_many")
            number = await take_number(connection, "commands")
            values = {
                "id": number, "stream": stream, "claim_token": token,
                "kind": limits.text("kind", kind, limits.MAX_NAME), "args": limits.document("args", args or {}),
                "at_ns": self._now_ns(),
            }  # fmt: skip
            await connection.execute(insert(commands).values(values))
            return number

    async def commands(self, stream: StreamId, claim_token: int, after: int, *, limit: int = 32) -> list[Command]:
        """What this claim has been told behind `after`, in order. What it asks behind counts as obeyed."""
        mine = and_(commands.c.stream == stream, commands.c.claim_token == claim_token, commands.c.id > after)
        query = select(commands.c.id, commands.c.kind, commands.c.args).where(mine).order_by(commands.c.id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.limit(limits.page_size(limit)))).mappings().all()
            worker = await one(connection, _seen(stream, claim_token))
        if worker is not None and after > worker["commands_seen"]:
            await self._saw(stream, claim_token, after)
        return [value_of(Command, row) for row in rows]

    async def waiting_commands(self, stream: StreamId, claim_token: int) -> int:
        """How many commands this claim has not obeyed: for the answer to its heartbeat."""
        async with self._database.reading() as connection:
            worker = await one(connection, _seen(stream, claim_token))
            seen = 0 if worker is None else int(worker["commands_seen"])
            return await _waiting(connection, stream, claim_token, seen)

    async def _saw(self, stream: StreamId, claim_token: int, after: int) -> None:
        mine = and_(workers.c.stream == stream, workers.c.token == claim_token, workers.c.commands_seen < after)
        async with self._database.writing() as connection:
            newest = select(func.max(commands.c.id)).where(
                commands.c.stream == stream, commands.c.claim_token == claim_token
            )
            last = int(await connection.scalar(newest) or 0)  # a worker cannot obey what nobody has said yet
            await connection.execute(update(workers).where(mine).values(commands_seen=min(after, last)))

    async def _store_beat(self, connection: AsyncConnection, owner: Owner, beat: Heartbeat) -> None:
        claim = owner.claim
        health = {name: getattr(beat, name) for name in HEALTH} | {"reason": limits.plain(beat.reason)}
        metrics = beat.metrics if len(beat.metrics) <= limits.MAX_METRICS else ""
        values: dict[str, Any] = {
            "beat": claim.beat + 1,
            "progress": max(claim.progress, beat.progress),
            "health": health,
            "metrics": limits.plain(metrics, limits.MAX_METRICS),
        }
        if claim.state not in ENDED and beat.state in ("draining", "done"):
            values["state"] = "draining"
        elif claim.state in ("claimed", "starting"):
            values["state"] = "running"
        await _change(connection, claim, values)
        mine = sessions.c.id == claim.session
        session = await one(connection, select(sessions.c.state).where(mine))
        if session is None or session["state"] in OVER or owner.of != claim.stream:
            return  # a render says nothing about the session that it renders from
        if beat.state in ("live", "gap"):
            told = {"state": beat.state, "reason": limits.plain(beat.reason)}
            await connection.execute(update(sessions).where(mine).values(told))
        await count_media(self._database, connection, claim.session, owner.workspace, beat.media_s, self._now_ns())


async def _change(connection: AsyncConnection, claim: ClaimRow, values: dict[str, Any]) -> None:
    mine = and_(workers.c.stream == claim.stream, workers.c.token == claim.token)
    await connection.execute(update(workers).where(mine).values(values))


def _seen(stream: StreamId, token: int) -> Any:
    return select(workers.c.commands_seen).where(workers.c.stream == stream, workers.c.token == token)


async def _waiting(connection: AsyncConnection, stream: StreamId, token: int, seen: int) -> int:
    mine = and_(commands.c.stream == stream, commands.c.claim_token == token, commands.c.id > seen)
    return int(await connection.scalar(select(func.count()).select_from(commands).where(mine)) or 0)
