"""The leader's side of a supervisor: a term begins when the lease is won, and ends with it or with a drain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

import structlog

from core.protocols import Clock
from core.times import ns
from supervisor.catalog import Catalog, CatalogAway, NotFound
from supervisor.catalog.values import StreamRow
from supervisor.reconcile.desk import StreamDesk, Streams
from supervisor.reconcile.term import NotLeading, Term, TermTools

DRAIN_NS: Final = ns(75)  # workers take 60 s at most; reliability.md section 3, item 41
log = structlog.get_logger()


class Chore(Protocol):
    """What a leader does beside, from time to time."""

    async def run(self) -> None:
        """Until cancelled."""


class Terms:
    """`gained` and `lost` are called on the loop. One term at a time."""

    def __init__(
        self,
        tools: Callable[[StreamDesk], TermTools],
        streams: Streams,
        catalog: Catalog,
        clock: Clock,
        chores: Sequence[Chore] = (),
    ) -> None:
        self._tools, self._streams, self._catalog, self._clock = tools, streams, catalog, clock
        self._chores = chores
        self._tasks: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Task[None]] = set()
        self.term: Term | None = None

    def gained(self, token: int) -> None:
        """Begin to act."""
        desk = StreamDesk(self._streams, self._clock, self._over)
        self.term = Term(token, self._tools(desk))
        self._tasks = [asyncio.create_task(self._run(self.term), name=f"term {token}")]
        self._tasks += [asyncio.create_task(chore.run(), name=type(chore).__name__) for chore in self._chores]

    async def lost(self) -> None:
        """Stop acting: returns when nothing more will be done. Workers run on."""
        tasks, self._tasks, self.term = self._tasks, [], None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self, hurry: asyncio.Event) -> None:
        """End all workers cleanly: they finish what is open, cut what they promised, and deliver it. When `hurry` is
        set they are killed: what is finished is not lost, and the next start delivers it."""
        term = self.term
        await self.lost()
        if term is None:
            return
        last = Term(term.token, replace(self._tools(StreamDesk(self._streams, self._clock, self._over)), closing=True))
        limit_ns = self._clock.boottime_ns() + DRAIN_NS
        while self._clock.boottime_ns() < limit_ns:
            try:
                if hurry.is_set():
                    await last.kill_all()
                if await last.tick() == 0:
                    return
            except CatalogAway:
                pass  # workers are asked again as soon as it is back
            except NotLeading:
                return
            await self._clock.sleep(ns(0.5))
        log.warning("drain.late")

    async def _run(self, term: Term) -> None:
        try:
            await term.run()
        except NotLeading:
            log.warning("term.ended", token=term.token)

    def _over(self, row: StreamRow, reason: str) -> None:
        """A stream that nobody starts again by itself is paused, with the reason; resuming it is a decision."""
        task = asyncio.create_task(self._pause(row, reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _pause(self, row: StreamRow, reason: str) -> None:
        log.info("stream.over", stream=row.id, reason=reason)
        try:
            await self._catalog.change_stream(row.workspace, row.id, wanted="paused", reason=reason)
        except (CatalogAway, NotFound) as err:
            log.warning("stream.not_paused", stream=row.id, why=str(err))
