"""The leader's side: every call carries the lease token and is refused once a higher one has been seen.

The fence is a row of the database that the writes go to, read and raised under its lock in their own transaction: a
leader that slept through its lease cannot write, whatever it believes (docs/adr/0011-catalog.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.ids import SessionId, StreamId
from core.protocols import Clock
from supervisor.catalog import limits
from supervisor.catalog.claims import ENDED, worker_row
from supervisor.catalog.database import Database
from supervisor.catalog.errors import Conflict, NotFound, StaleWrite
from supervisor.catalog.part import Part, Refusals
from supervisor.catalog.rows import one, value_of
from supervisor.catalog.schema import counters, jobs, sessions, steps, streams, workers
from supervisor.catalog.values import ClaimRow, ClaimState, JobRow, SessionState

RETRY = "Read the claims again: another one came first."


class Leading(Part):
    """One leadership. Every method raises StaleWrite, and CatalogAway; asked again after that it does its work once."""

    def __init__(self, database: Database, clock: Clock, refusals: Refusals, lease_token: int) -> None:
        super().__init__(database, clock, refusals)
        self.lease_token = lease_token
        self._raised = False

    async def claim(
        self, stream: StreamId, *, after_token: int, session: SessionId, worker_runtime: str, failures: int = 0
    ) -> ClaimRow:
        """Assign a stream anew: token `after_token` + 1, if `after_token` is still the newest (0: never claimed).

        Whose newest claim was erased with its session is claimed anew by 0 too, with the next token: none comes twice.
        A render's token is above all that its session had, and others' above those of its renders: what is said later
        of a clip counts. Makes the session where it is new, but for a render. Raises NotFound, Conflict
        (`claim_taken`, `stream_deleted`, `foreign_session`).
        """
        limits.safe_id("the session", session)
        async with self._fenced() as connection:
            query = select(streams).where(streams.c.id == stream).with_for_update(key_share=True)
            row = await one(connection, query)
            if row is None:
                raise NotFound("stream", stream)
            if after_token == 0 and not await _has_claim(connection, stream, row["claim_token"]):
                after_token = row["claim_token"]
            token = max(after_token, await _others_token(connection, session, stream)) + 1
            made = _claim_row(stream, token, self.lease_token, session, worker_runtime, failures, self._now_ns())
            if row["claim_token"] == token:
                there = value_of(ClaimRow, await worker_row(connection, stream, token))
                if _same(there, made):  # ours: the answer was lost
                    return there
            if row["claim_token"] != after_token:
                raise Conflict(f"Stream {stream} has claim {row['claim_token']}", remedy=RETRY, code="claim_taken")
            if row["deleted"]:
                raise Conflict(f"Stream {stream} is deleted", remedy="Leave it alone.", code="stream_deleted")
            await self._open_session(connection, session, row)
            await connection.execute(update(streams).where(streams.c.id == stream).values(claim_token=token))
            unseen = {"pid": 0, "metrics": "", "commands_seen": 0}
            await connection.execute(insert(workers).values(asdict(made) | unseen))
        return made

    async def claims(self) -> list[ClaimRow]:
        """The newest claim of each stream, of deleted ones too while it has not ended; by stream."""
        newest = and_(workers.c.stream == streams.c.id, workers.c.token == streams.c.claim_token)
        query = select(workers).join(streams, newest).order_by(workers.c.stream)
        async with self._fenced() as connection:
            shown = query.where(or_(~streams.c.deleted, workers.c.ended_ns.is_(None)))
            return [value_of(ClaimRow, row) for row in (await connection.execute(shown)).mappings()]

    async def set_claim(
        self,
        stream: StreamId,
        token: int,
        *,
        state: ClaimState,
        reason: str = "",
        code: int | None = None,
        failures: int = 0,
    ) -> None:
        """What the leader found out about an attempt, superseded ones too. Raises NotFound."""
        ended = self._now_ns() if state in ENDED else None
        values = {
            "state": state, "reason": limits.plain(reason), "code": code, "failures": failures, "ended_ns": ended,
        }  # fmt: skip
        async with self._fenced() as connection:
            mine = and_(workers.c.stream == stream, workers.c.token == token)
            done = await connection.execute(update(workers).where(mine).values(values))
            if done.rowcount == 0:
                raise NotFound("claim", f"{stream} {token}")

    async def set_session(
        self, id: SessionId, *, state: SessionState, reason: str = "", ended: bool = False, by: StreamId | None = None
    ) -> None:
        """Raises NotFound. `ended` notes the time, the first time. `by`: only if it is this stream's session."""
        values: dict[str, Any] = {"state": state, "reason": limits.plain(reason)}
        async with self._fenced() as connection:
            row = await one(connection, select(sessions.c.ended_ns, sessions.c.stream).where(sessions.c.id == id))
            if row is None:
                raise NotFound("session", id)
            if by not in (None, row["stream"]):
                return
            values["ended_ns"] = (row["ended_ns"] or self._now_ns()) if ended else None
            await connection.execute(update(sessions).where(sessions.c.id == id).values(values))

    async def set_job(self, row: JobRow) -> None:
        """State, steps, error and end of a job; `cancel` is the users'.

        Raises NotFound, Conflict (`job_changed`) where a user has cancelled or retried it since it was read.
        """
        values = {"state": row.state, "error": limits.plain(row.error), "ended_ns": row.ended_ns}
        async with self._fenced() as connection:
            known = await connection.scalar(
                select(jobs.c.version).where(jobs.c.id == row.id).with_for_update(key_share=True)
            )
            if known is None:
                raise NotFound("job", row.id)
            if known != row.version:
                raise Conflict(f"Job {row.id} was changed", remedy="Read it again.", code="job_changed")
            await connection.execute(update(jobs).where(jobs.c.id == row.id).values(values))
            await write_steps(connection, row)

    @asynccontextmanager
    async def _fenced(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that holds the fence. The first one raises it, and that stands whatever comes after."""
        if not self._raised:
            async with self._database.writing() as connection:
                await self._check(connection)
                lift = update(counters).where(counters.c.name == "lease").values(value=self.lease_token)
                await connection.execute(lift)
            self._raised = True
        async with self._database.writing() as connection:
            await self._check(connection)
            yield connection

    async def _check(self, connection: AsyncConnection) -> None:
        fence = select(counters.c.value).where(counters.c.name == "lease").with_for_update(key_share=True)
        seen = int(await connection.scalar(fence) or 0)
        if seen > self.lease_token:
            self._refusals.add()
            raise StaleWrite(self.lease_token, seen)

    async def _open_session(self, connection: AsyncConnection, session: SessionId, row: RowMapping) -> None:
        found = await connection.scalar(select(sessions.c.stream).where(sessions.c.id == session))
        if row["kind"] == "render":
            if found is None:
                raise NotFound("session", session)
        elif found is None:
            made = {
                "id": session, "stream": row["id"], "workspace": row["workspace"], "state": "starting", "reason": "",
                "started_ns": self._now_ns(), "media_s": 0.0, "ended_ns": None, "summary": {}, "acked": 0,
            }  # fmt: skip
            await connection.execute(insert(sessions).values(made))
        elif found != row["id"]:
            raise Conflict(
                f"Session {session} is another stream's", remedy="Begin a new session.", code="foreign_session"
            )


async def write_steps(connection: AsyncConnection, row: JobRow) -> None:
    """The steps of a job, anew."""
    await connection.execute(delete(steps).where(steps.c.job == row.id))
    rows = [
        asdict(step) | {"job": row.id, "position": position, "error": limits.plain(step.error)}
        for position, step in enumerate(row.steps)
    ]
    if rows:
        await connection.execute(insert(steps), rows)


def _claim_row(
    stream: StreamId, token: int, lease_token: int, session: SessionId, runtime: str, failures: int, since_ns: int
) -> ClaimRow:
    return ClaimRow(
        stream=stream,
        token=token,
        lease_token=lease_token,
        session=session,
        worker=f"w-{stream}-{token}",
        runtime=limits.text("the runtime", runtime, limits.MAX_NAME),
        state="claimed",
        failures=failures,
        since_ns=since_ns,
    )


async def _others_token(connection: AsyncConnection, session: SessionId, stream: StreamId) -> int:
    """The highest token that another stream's claim of this session has; 0 for none."""
    others = and_(workers.c.session == session, workers.c.stream != stream)
    return int(await connection.scalar(select(func.max(workers.c.token)).where(others)) or 0)


async def _has_claim(connection: AsyncConnection, stream: StreamId, token: int) -> bool:
    mine = and_(workers.c.stream == stream, workers.c.token == token)
    return await connection.scalar(select(workers.c.token).where(mine)) is not None


def _same(there: ClaimRow, made: ClaimRow) -> bool:
    return (there.lease_token, there.session, there.runtime) == (made.lease_token, made.session, made.runtime)
