"""Orders about clips: who does them, and when they are done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import structlog

from core.control import CommandKind
from core.ids import SessionId, StreamId
from supervisor.catalog import Catalog, Conflict, NotFound
from supervisor.catalog.values import ClaimRow, ClipRow, JobRow, StreamRow

RECORDING = frozenset(("running", "degraded"))
log = structlog.get_logger()


class OrderDesk:
    """`look` once a tick, then `clip_of` and `tell` for each job. Raises CatalogAway."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._version = version("clipd")
        self._clips: Mapping[str, ClipRow] = {}
        self._told: set[tuple[str, StreamId, int]] = set()

    async def look(self, jobs: Iterable[JobRow]) -> None:
        """At the clips of all jobs that are not over."""
        named = {job.clip for job in jobs if job.clip is not None}
        self._clips = await self._catalog.clips_named(named) if named else {}
        self._told = {key for key in self._told if key[0] in {job.id for job in jobs}}

    def clip_of(self, job: JobRow) -> ClipRow | None:
        """None where it was deleted since, or is yet to be cut."""
        return None if job.clip is None else self._clips.get(job.clip)

    async def tell(self, job: JobRow, rows: Mapping[StreamId, StreamRow], claims: Mapping[StreamId, ClaimRow]) -> None:
        """Have it made by the worker that records the clip's session, where there is one: told once each. What it does
        not do by its end a worker of its own does."""
        worker = None if job.session is None else _recorder(job.session, rows, claims)
        if worker is None or worker.version != self._version:  # another version may not know the order
            return
        key = (job.id, worker.stream, worker.token)
        if key in self._told:
            return
        try:
            await self._catalog.add_command(worker.stream, *_command(job))
        except (Conflict, NotFound) as err:
            log.info("order.not_told", job=job.id, why=str(err))
            return
        self._told.add(key)
        log.info("order.told", job=job.id, clip=job.clip, stream=worker.stream)

    async def is_told(self, job: JobRow) -> bool:
        """Whether a worker has said by now what became of it."""
        try:
            return (await self._catalog.job(None, job.id)).told is not None
        except NotFound:
            return False

    async def error(self, claim: ClaimRow, reason: str) -> str:
        """Why a render worker did not do it: its own word, where it said one."""
        return await self._catalog.render_error(claim.session, claim.attempt) or reason


def _command(job: JobRow) -> tuple[CommandKind, dict[str, Any]]:
    if job.asked is None:
        return "render", {"clip": job.clip, "formats": job.source.split(",")}
    return job.asked["kind"], {name: value for name, value in job.asked.items() if name != "kind"}


def _recorder(
    session: SessionId, rows: Mapping[StreamId, StreamRow], claims: Mapping[StreamId, ClaimRow]
) -> ClaimRow | None:
    for claim in claims.values():
        row = rows.get(claim.stream)
        if claim.session == session and claim.state in RECORDING and row is not None and row.kind != "render":
            return claim
    return None
