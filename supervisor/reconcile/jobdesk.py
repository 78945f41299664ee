"""Jobs and their streams: a job that is not over wants its stream, and one that is over wants it no more.

The stream of an order goes with it: nobody looks at it again.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from core.ids import StreamId
from core.protocols import Clock
from supervisor.catalog import Catalog, Conflict, Leading, NotFound
from supervisor.catalog.values import ClaimRow, JobRow, StreamRow
from supervisor.reconcile.jobs import OVER, StepTimes, advance, failed
from supervisor.reconcile.orderdesk import OrderDesk
from supervisor.reconcile.orders import NOT_MADE, advance_order, is_made
from supervisor.reconcile.values import Mark

log = structlog.get_logger()


class JobDesk:
    """`tick` with each look, `ended` with each worker's end. Raises CatalogAway and StaleWrite."""

    def __init__(self, catalog: Catalog, leading: Leading, clock: Clock) -> None:
        self._catalog, self._leading, self._clock = catalog, leading, clock
        self._times = StepTimes()
        self._orders = OrderDesk(catalog)
        self._active: dict[StreamId, JobRow] = {}

    async def tick(self, rows: Mapping[StreamId, StreamRow], claims: Mapping[StreamId, ClaimRow]) -> set[StreamId]:
        """Bring every job to where its worker is, and its stream to where the job is. The streams of those that are
        over now, which `rows` still show as wanted."""
        ended: set[StreamId] = set()
        self._active = {job.stream: job for job in await self._catalog.active_jobs()}
        await self._orders.look(self._active.values())
        for job in list(self._active.values()):
            made = await self._advanced(job, rows, claims)
            if made != job and not await self._write(made):
                continue
            row = rows.get(job.stream)
            if made.state in OVER:
                ended.add(job.stream)
            if made.clip is not None and made.state in OVER:
                log.info("job.state", job=job.id, state=made.state, error=made.error)
                await self._drop(job.stream)
                continue
            wanted = "paused" if made.state in OVER else "running"
            if row is not None and row.wanted != wanted:
                await self._want(row, wanted, made)

        for stream, row in rows.items():
            if row.kind == "render" and stream not in self._active:
                await self._drop(stream)  # a leader died when its job was over
                ended.add(stream)
        return ended

    async def ended(self, claim: ClaimRow, mark: Mark) -> None:
        """A worker came to its end. One that was lost, or an order's that made nothing, has spent a try."""
        job = self._active.get(claim.stream)
        if job is None or (job.asked is not None and await self._orders.is_told(job)):
            return
        if mark.state in ("failed", "lost"):
            reason = mark.reason if job.clip is None else await self._orders.error(claim, mark.reason)
            await self._write(failed(job, reason))
        elif job.clip is not None and (mark.state, mark.reason) == ("done", "ended"):
            clip = (await self._catalog.clips_named([job.clip])).get(job.clip)
            if not is_made(job, clip) and (clip is not None or job.asked is not None):
                await self._write(failed(job, NOT_MADE))

    async def _advanced(
        self, job: JobRow, rows: Mapping[StreamId, StreamRow], claims: Mapping[StreamId, ClaimRow]
    ) -> JobRow:
        late = self._times.late(job, self._clock.boottime_ns())
        claim, now_ns = claims.get(job.stream), self._clock.wall_ns()
        if job.clip is None:
            return advance(job, claim, now_ns, late)
        clip = self._orders.clip_of(job)
        made = advance_order(job, clip, claim, now_ns, late)
        if made.state not in OVER:
            await self._orders.tell(made, rows, claims)
        return made

    async def _drop(self, stream: StreamId) -> None:
        try:
            await self._catalog.delete_stream(None, stream)
        except NotFound:
            return

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
