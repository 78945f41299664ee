"""Publishers that the bundled ffmpeg brings, one connection after the other: what SRT, and everything pulled, share."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from core.protocols import Clock
from daemon.ingest.feed import Feed
from daemon.ingest.ffmpeg import Child, Connection, connected
from daemon.ingest.push import CHECK_NS, PushSource

log = structlog.get_logger()


class Visit:
    """One connection while it lasts; the Link of its feed. `began_ns`: since when media is owed, None while a listener
    waits for whoever comes."""

    def __init__(self, child: Child, clock: Clock, began_ns: int | None) -> None:
        self._child = child
        self._clock = clock
        self._room = asyncio.Event()
        self._media_ns = clock.boottime_ns()
        self.began_ns = began_ns
        self.feed: Feed | None = None
        self.dropped = False

    async def carry(self, source: PushSource) -> None:
        """Bytes to a feed of the source's, from the first on to the last."""
        while data := await self._child.read():
            self._media_ns = self._clock.boottime_ns()
            if self.feed is None:
                self.feed = source.take(self)
            self._room.clear()
            if not self.feed.write(data) and not self.dropped:
                await self._room.wait()

    def resume(self) -> None:
        """See Link."""
        self._room.set()

    def drop(self, code: str, text: str) -> None:
        """See Link; the other end is told nothing, its connection ends."""
        log.info("visit.dropped", code=code, reason=text)
        self.dropped = True
        self._room.set()
        self._child.kill()

    def silent_ns(self) -> int:
        """See Link."""
        return self._clock.boottime_ns() - self._media_ns

    def preamble(self) -> bytes:
        """See Link; nobody asks, since each connection is a stream of its own."""
        return b""


class VisitedSource(PushSource):
    """One connection after the other, for as long as the source is open."""

    _owed_ns: int  # media has to come within this time of the connection

    @abstractmethod
    async def _visits(self) -> None:
        """Make the connections, by `_visit`, for ever. What it raises ends the source."""

    @asynccontextmanager
    async def _visiting(self) -> AsyncIterator[None]:
        """Connections are made for as long as the block runs."""
        task = asyncio.create_task(self._all_visits(), name="visits")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _all_visits(self) -> None:
        try:
            await self._visits()
        except Exception as err:  # noqa: BLE001 - raised again by `run`, which waits for publishers meanwhile
            self._failure = err

    async def _visit(self, connection: Connection, *, waits: bool) -> tuple[Visit, list[str]]:
        """One connection, to its end, and what was said meanwhile. `waits`: for somebody to come."""
        said: list[str] = []
        visits: list[Visit] = []

        def heard(code: str) -> None:
            if len(said) < 64:  # what one connection says is a few lines; a flood of callers is counted by `_heard`
                said.append(code)
            self._heard(code)
            if code == "accepted" and visits:
                visits[0].began_ns = self._clock.boottime_ns()

        async with connected(connection, heard) as child:
            visit = Visit(child, self._clock, None if waits else self._clock.boottime_ns())
            visits.append(visit)
            owed = asyncio.create_task(self._owed(visit), name="visit-owed")
            try:
                await visit.carry(self)
            finally:
                owed.cancel()
                await asyncio.gather(owed, return_exceptions=True)
        if visit.feed is not None:
            visit.feed.close("unpublished" if waits and not visit.dropped and "timeout" not in said else "lost")
        return visit, said

    def _heard(self, code: str) -> None:
        """ffmpeg has said something, at once."""

    async def _owed(self, visit: Visit) -> None:
        """Somebody who is connected and sends nothing that is media does not keep the others out."""
        while visit.feed is None:
            await self._clock.sleep(CHECK_NS)
            now_ns = self._clock.boottime_ns()
            if visit.feed is None and visit.began_ns is not None and now_ns - visit.began_ns > self._owed_ns:
                visit.drop("slow", "No media came in time")
                return
