"""Orders about clips (render, trim, cut): each a job with a stream of its own, so with claims of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from core.ids import SessionId
from supervisor.catalog import limits
from supervisor.catalog.errors import Conflict, NotFound
from supervisor.catalog.jobs import checked_job, insert_job, with_steps
from supervisor.catalog.part import Part
from supervisor.catalog.rows import in_workspace, value_of
from supervisor.catalog.schema import clips, events, jobs, sessions, streams
from supervisor.catalog.streams import checked_stream
from supervisor.catalog.values import ClipRow, JobRow, StreamRow


class Orders(Part):
    """Asked for by users, seen and ended by the leader."""

    async def add_order(self, stream: StreamRow, job: JobRow) -> JobRow:
        """Both or neither: a leader takes away an order's stream without a job. Raises NotFound (session), Conflict
        (`render_underway`, `trim_underway`, `cut_underway`) where the workspace has a stream of that name."""
        now_ns = self._now_ns()
        row = checked_stream(replace(stream, created_ns=now_ns, deleted=False))
        made = checked_job(replace(job, created_ns=now_ns, version=0))
        try:
            async with self._database.writing() as connection:
                whose = await connection.scalar(select(sessions.c.workspace).where(sessions.c.id == job.session))
                if whose != job.workspace:
                    raise NotFound("session", str(job.session))
                await connection.execute(insert(streams).values(**asdict(row), claim_token=0))
                await insert_job(connection, made)
        except IntegrityError as err:
            kind = "render" if job.asked is None else str(job.asked["kind"])
            raise Conflict(
                f"Such a {kind} of clip {job.clip} is under way already",
                remedy="See its jobs, and wait for it or cancel it.",
                code=f"{kind}_underway",
            ) from err
        return made

    async def orders_of(self, workspace: str | None, clip: str, *, limit: int = 20) -> list[JobRow]:
        """The newest first."""
        query = select(jobs).where(jobs.c.clip == clip, in_workspace(jobs, workspace))
        order = query.order_by(jobs.c.created_ns.desc(), jobs.c.id.desc()).limit(limits.page_size(limit))
        async with self._database.reading() as connection:
            return await with_steps(connection, (await connection.execute(order)).mappings().all())

    async def clips_named(self, ids: Iterable[str]) -> dict[str, ClipRow]:
        """Those that are there; for the leader."""
        query = select(clips).where(clips.c.id.in_(list(ids)))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings()
            return {row["id"]: value_of(ClipRow, row) for row in rows}

    async def render_error(self, session: SessionId, attempt: int) -> str:
        """What an attempt said of the render that failed it; "" for nothing."""
        query = (
            select(events.c.line)
            .where(events.c.session == session, events.c.attempt == attempt, events.c.kind == "render")
            .order_by(events.c.seq.desc())
            .limit(1)
        )
        async with self._database.reading() as connection:
            line = await connection.scalar(query) or {}
        return str(line.get("reason", "")) if line.get("state") == "failed" else ""
