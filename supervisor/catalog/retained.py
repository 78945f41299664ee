"""What has been over for how long, for those who clear up. Ages are by the wall clock: they count in hours and days."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, not_, select, tuple_

from core.ids import SessionId
from supervisor.catalog import limits
from supervisor.catalog.part import Part
from supervisor.catalog.rows import value_of
from supervisor.catalog.schema import clips, jobs, moments, sessions, streams, workers
from supervisor.catalog.values import OldClip, OverSession

JOB_OVER = ("completed", "failed", "cancelled")
Place = tuple[int, str]  # where a list goes on: behind this time and id


class Retained(Part):
    """Nothing here shows a session that has a worker, or a job that may want it again: its stream's, or an order."""

    async def over_sessions(self, before_ns: int, *, after: Place = (0, ""), limit: int = 200) -> list[OverSession]:
        """Sessions that were over before this time, the longest first; `after` is the last one's `over_ns` and id."""
        over = _over_ns()
        count = select(func.count()).where(clips.c.session == sessions.c.id).scalar_subquery()
        query = (
            select(sessions.c.id, over.label("over_ns"), count.label("clips"))
            .where(over < before_ns, not_(_busy()), tuple_(over, sessions.c.id) > tuple_(*after))
            .order_by(over, sessions.c.id)
            .limit(limits.page_size(limit))
        )
        async with self._database.reading() as connection:
            return [value_of(OverSession, row) for row in (await connection.execute(query)).mappings()]

    async def unpicked_clips(self, before_ns: int, *, after: Place = (0, ""), limit: int = 200) -> list[OldClip]:
        """Clips of sessions that are over which nobody has approved, first told before this time, the oldest first."""
        query = (
            select(clips.c.id, clips.c.session, clips.c.created_ns)
            .join(sessions, sessions.c.id == clips.c.session)
            .where(clips.c.created_ns < before_ns, clips.c.review != "approved", not_(_busy()))
            .where(_over_ns().is_not(None), tuple_(clips.c.created_ns, clips.c.id) > tuple_(*after))
            .order_by(clips.c.created_ns, clips.c.id)
            .limit(limits.page_size(limit))
        )
        async with self._database.reading() as connection:
            return [value_of(OldClip, row) for row in (await connection.execute(query)).mappings()]

    async def drop_unpicked(self, id: str) -> bool:
        """Delete a clip's rows unless it has been approved by now; whether they are gone."""
        gone = and_(clips.c.id == id, clips.c.review != "approved")
        async with self._database.writing() as connection:
            return (await connection.execute(delete(clips).where(gone))).rowcount == 1

    async def clips_of(self, session: SessionId) -> frozenset[str]:
        """The ids of all its clips."""
        async with self._database.reading() as connection:
            found = await connection.execute(select(clips.c.id).where(clips.c.session == session))
            return frozenset(found.scalars())

    async def strip_session(self, id: SessionId) -> None:
        """Delete what it was made of, but not its clips: moments. Events go by their own age (`forget`)."""
        async with self._database.writing() as connection:
            await connection.execute(delete(moments).where(moments.c.session == id))

    async def is_busy(self, id: SessionId) -> bool:
        """Whether its stream has a worker for it, as far as is known, or a job that is not over."""
        query = select(sessions.c.id).where(sessions.c.id == id, _busy())
        async with self._database.reading() as connection:
            return await connection.scalar(query) is not None


def _over_ns() -> ColumnElement[Any]:
    """When a session ended: as was written, else when its last attempt did (a stream that was paused between two)."""
    last = select(func.max(workers.c.ended_ns)).where(workers.c.session == sessions.c.id).scalar_subquery()
    return func.coalesce(sessions.c.ended_ns, last)


def _busy() -> ColumnElement[bool]:
    newest = and_(workers.c.stream == streams.c.id, workers.c.token == streams.c.claim_token)
    working = exists().where(workers.c.session == sessions.c.id, newest, workers.c.ended_ns.is_(None))
    wanted = exists().where(jobs.c.stream == sessions.c.stream, jobs.c.state.not_in(JOB_OVER))
    asked = exists().where(jobs.c.session == sessions.c.id, jobs.c.state.not_in(JOB_OVER))
    return working | wanted | asked
