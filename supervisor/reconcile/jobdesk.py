"""Jobs and their streams: a job that is not over wants its stream, and one that is over wants it no more."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from core.ids import StreamId
from core.protocols import Clock
from supervisor.catalog import Catalog, Conflict, Leading, NotFound
from supervisor.catalog.values import ClaimRow, JobRow, StreamRow
from supervisor.reconcile.jobs import OVER, StepTimes, advance, failed

log = structlog.get_logger()


class JobDesk:
    """`tick` with each look, `died` with each worker that did not end well. Raises CatalogAway and StaleWrite."""

    def __init__(self, catalog: Catalog, leading: Leading, clock: Clock) -> None:
        self._catalog, self._leading, self._clock = catalog, leading, clock
        self._times = StepTimes()
        self._active: dict[StreamId, JobRow] = {}

    async def tick(self, rows: Mapping[StreamId, StreamRow], claims: Mapping[StreamId, ClaimRow]) -> None:
        """Bring every job to where its worker is, and its stream to where the job is."""
        self._active = {job.stream: job for job in await self._catalog.active_jobs()}
        for job in list(self._active.values()):
            late = self._times.late(job, self._clock.boottime_ns())
            made = advance(job, claims.get(job.stream), self._clock.wall_ns(), late)
            if made != job and not await self._write(made):
                continue
            row = rows.get(job.stream)
            wanted = "paused" if made.state in OVER else "running"
            if row is not None and row.wanted != wanted:
                await self._want(row, wanted, made)

    async def died(self, claim: ClaimRow, reason: str) -> None:
        """A worker was lost: the steps it was in have one try less."""
        job = self._active.get(claim.stream)
        if job is not None:
            await self._write(failed(job, reason))

    async def _write(self, job: JobRow) -> bool:
        """False where a user has changed it since: the next look begins with what they said."""
        try:
            await self._leading.set_job(job)
        except (Conflict, NotFound):
            return False
        self._active[job.stream] = job
        return True

    async def _want(self, row: StreamRow, wanted: str, job: JobRow) -> None:
        log.info("job.state", job=job.id, state=job.state, error=job.error)
        reason = "" if wanted == "running" else job.error or job.state
        try:
            await self._catalog.change_stream(None, row.id, wanted=wanted, reason=reason)
        except NotFound:
            return
