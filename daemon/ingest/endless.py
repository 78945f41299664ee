"""A media stream that comes over one http connection and has no stated end: MPEG-TS, FLV, MP3 and AAC radio."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Final

from core.errors import BadMedia, SourceError, SourceRefused, SourceUnreachable
from core.protocols import Clock
from core.timeline import Elapsed
from core.times import NS_PER_S, ns
from daemon.ingest.api import FROZEN_NS, CaptureSink, Ended, Source, SourceInfo, source_gone
from daemon.ingest.http import Http, Response
from daemon.ingest.pipe import Pipe
from daemon.ingest.placer import Placer
from daemon.ingest.reader import MediaReader
from daemon.ingest.request import Request
from daemon.ingest.sniff import FILES_ONLY, HEAD_BYTES, media_format
from daemon.ingest.templates import Templates
from daemon.ingest.threads import Threads

STEP_NS: Final = NS_PER_S // 4  # media handed over at a time: what it adds to latency
FAST: Final = 3.0  # media seconds a second: what comes faster is a file that does not state its length
RETRY_NS: Final = NS_PER_S // 2
MAX_RETRY_NS: Final = 5 * NS_PER_S


class EndlessSource(Source):
    """Reconnects after a break, in a new epoch, until nothing has come for the stall limit."""

    def __init__(self, request: Request, clock: Clock) -> None:
        self._request = request
        self._clock = clock
        self._moved_ns = clock.boottime_ns()  # when media last came, or the connection was made
        self._arrived_ns = request.resume.boottime_ns if request.resume else None
        self._templates = Templates()
        self.info = SourceInfo(kind="http", unstoppable=True)

    async def run(self, sink: CaptureSink) -> Ended:
        """See Source."""
        placer = Placer(sink, resume=self._request.resume, elapsed=self._elapsed)
        stall_ns, progress_ns, delay_ns = ns(self._request.options.stall_s), self._clock.boottime_ns(), RETRY_NS
        async with self._request.http(self._clock) as http:
            while True:
                placed, error = placer.placed, None
                try:
                    ended = await self._connection(http, placer)
                    if ended is not None:
                        return ended
                except (SourceUnreachable, SourceRefused, BadMedia) as err:
                    error = err
                if placer.placed > placed:
                    progress_ns, delay_ns = self._clock.boottime_ns(), RETRY_NS
                self._give_up_early(placer, error)
                if self._clock.boottime_ns() - progress_ns > stall_ns:
                    raise source_gone(self._request.options.stall_s)
                await self._clock.sleep(delay_ns)
                delay_ns = min(2 * delay_ns, MAX_RETRY_NS)
                placer.timeline.break_epoch("reconnect", elapsed_ns=None, by="boottime", wall_ns=None)

    def _give_up_early(self, placer: Placer, error: SourceError | None) -> None:
        if placer.placed == 0 and error is not None and not isinstance(error, SourceUnreachable):
            raise error

    async def _connection(self, http: Http, placer: Placer) -> Ended | None:
        """One connection, to its end; an Ended when there is no sense in another."""
        started = (self._clock.boottime_ns(), placer.timeline.end_ns)
        async with http.open(self._request.url) as response:
            pipe, self._moved_ns = Pipe(), self._clock.boottime_ns()
            with Threads(2) as threads:
                feeding = asyncio.create_task(self._feed(response, pipe, threads), name="http-feed")
                try:
                    return await self._media(pipe, threads, placer, feeding, started)
                finally:
                    pipe.abort()
                    feeding.cancel()
                    await asyncio.gather(feeding, return_exceptions=True)

    async def _media(
        self, pipe: Pipe, threads: Threads, placer: Placer, feeding: asyncio.Task[None], started: tuple[int, int]
    ) -> Ended | None:
        head = await threads.run(pipe.peek, HEAD_BYTES)
        if not head and feeding.done():
            feeding.result()
        fmt = media_format(head, "The answer")
        reader = await threads.run(MediaReader, pipe, fmt)
        try:
            while packets := await threads.run(reader.read, STEP_NS):
                placer.use(self._templates.tracks(reader))
                if placer.place(packets, wraps=reader.wraps):
                    self._moved_ns = self._clock.boottime_ns()
                self._arrived_ns = self._clock.boottime_ns()
                await placer.deliver()
        finally:
            self._templates.done(reader)
        if feeding.done():
            feeding.result()
        took_ns = max(1, self._clock.boottime_ns() - started[0])
        was_file = fmt in FILES_ONLY or (placer.timeline.end_ns - started[1]) / took_ns > FAST
        if not was_file:
            return None
        placer.finish()
        await placer.deliver()
        return Ended("eof")

    async def _feed(self, response: Response, pipe: Pipe, threads: Threads) -> None:
        """Bytes that go on coming while media stands still are no live stream: another connection may do better."""
        try:
            async with aclosing(response.chunks(rated=False)) as chunks:
                async for chunk in chunks:
                    if self._clock.boottime_ns() - self._moved_ns > FROZEN_NS:
                        raise SourceUnreachable(
                            "The stream sends bytes, and its media stands still", remedy="It is asked for again.",
                            code="frozen",
                        )  # fmt: skip
                    await threads.run(pipe.feed, chunk)
        finally:
            pipe.finish()

    def _elapsed(self) -> Elapsed:
        """Since the last packet came; media that is late is not counted twice, media that is lost is."""
        if self._arrived_ns is None:
            return Elapsed(0, "source")
        return Elapsed(max(0, self._clock.boottime_ns() - self._arrived_ns), "boottime", self._clock.wall_ns())


def is_endless(fmt: str, response: Response) -> bool:
    """Whether an answer is a stream rather than a file."""
    return response.length is None and fmt not in FILES_ONLY
