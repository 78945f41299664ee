"""Clips that shall be rendered again: each a job with a stream of its own, so with claims of its own."""

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
from supervisor.catalog.schema import clips, events, jobs, streams
from supervisor.catalog.streams import checked_stream
from supervisor.catalog.values import ClipRow, JobRow, StreamRow


class Renders(Part):
    """Asked for by users, seen and ended by the leader."""

    async def add_render(self, stream: StreamRow, job: JobRow) -> JobRow:
        """Both or neither: a leader takes away a render's stream without a job. Raises NotFound (clip), Conflict
        (`render_underway`) where the workspace has a stream of that name."""
        now_ns = self._now_ns()
        row = checked_stream(replace(stream, created_ns=now_ns, deleted=False))
        made = checked_job(replace(job, created_ns=now_ns, version=0))
        try:
            async with self._database.writing() as connection:
                whose = await connection.scalar(select(clips.c.workspace).where(clips.c.id == job.clip))
                if whose != job.workspace:
                    raise NotFound("clip", str(job.clip))
                await connection.execute(insert(streams).values(**asdict(row), claim_token=0))
                await insert_job(connection, made)
        except IntegrityError as err:
            raise Conflict(
                f"Clip {job.clip} is being rendered as {job.source[:80]} already",
                remedy="See its renders.",
                code="render_underway",
            ) from err
        return made

    async def renders_of(self, workspace: str | None, clip: str, *, limit: int = 20) -> list[JobRow]:
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
