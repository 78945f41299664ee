"""A stream that is pushed to us: publishers come and go. `RtmpSource`: the worker itself is the server, for one key.

A publisher that is back within `ingest.stall_s` continues the session in a new epoch, behind a gap of the time it was
away.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Literal

from configs.ingest import IngestOptions
from core.errors import BadMedia
from core.protocols import Clock
from core.timeline import Elapsed
from core.times import NS_PER_S, ns
from daemon.doors.address import PushAddress
from daemon.doors.api import Link, Publisher, Refused, same_secret
from daemon.doors.rtmp import DoorLimits, RtmpDoor
from daemon.ingest.api import FROZEN_NS, CaptureSink, Ended, Resume, Source, SourceInfo, source_gone
from daemon.ingest.feed import Feed
from daemon.ingest.pipe import Pipe
from daemon.ingest.placer import Placer
from daemon.ingest.reader import MediaReader
from daemon.ingest.templates import Templates
from daemon.ingest.threads import Threads

STEP_NS: Final = NS_PER_S // 4  # media handed over at a time: what it adds to latency
RECENT: Final = 8  # steps, 2 s: the least delayed of them says when the last one was due
TAKEOVER_NS: Final = 3 * NS_PER_S  # a publisher silent for longer gives way: its connection is half-open
CHECK_NS: Final = NS_PER_S // 2
_REMEDY: Final = "docs/sources.md says what each reason means."
PushKind = Literal["rtmp", "srt", "rtsp", "door", "whip"]
WARN_NS: Final = 30 * NS_PER_S  # a refusal of a kind is told to the user this often at most


class PushSource(Source):
    """What publishers come to, by whatever way. Waits for the first one for as long as it takes.

    Subclasses whose media is no FLV say so in `_format`; those that fetch it themselves are not `_patient`.
    """

    _format: Literal["flv", "mpegts", "matroska"] = "flv"
    _patient = True  # with the first publisher; else the grace time holds for it too

    def __init__(self, kind: PushKind, *, clock: Clock, options: IngestOptions, resume: Resume | None) -> None:
        self._clock = clock
        self._options = options
        self._resume = resume
        self._arrived_ns = resume.boottime_ns if resume else None
        # media time may stand still for so long while a connection is alive: then its publisher may come again
        self._frozen_ns = min(ns(options.stall_s), FROZEN_NS)
        self._failure: Exception | None = None  # what ends the source, and not a publisher only
        self._began = (0, 0)  # boottime and UTC of the running FLV's first bytes: finding out what it is takes a second
        self._feed: Feed | None = None  # of the publisher that has the stream
        self._came = asyncio.Event()
        self._templates = Templates()
        self._told: dict[str, int] = {}
        self._untold: Counter[str] = Counter()
        self._warnings: asyncio.Queue[tuple[str, str, str]] = asyncio.Queue(16)
        self.info = SourceInfo(kind=kind, unstoppable=True)
        self.listening = asyncio.Event()

    @abstractmethod
    def _open(self) -> AbstractAsyncContextManager[object]:
        """What publishers connect to, open for as long as the block runs. Raises UsageError."""

    @abstractmethod
    def _where(self) -> tuple[str, str] | None:
        """What the user is told to do, once it is open: a message and a remedy."""

    async def run(self, sink: CaptureSink) -> Ended:
        """See Source. Ends as `unpublished` when the last publisher said so and none came back, else raises
        SourceGone. Raises UsageError when the port cannot be had."""
        async with self._open():
            self.listening.set()
            telling = asyncio.create_task(self._tell(sink), name="push-tell")
            try:
                return await self._publishers(sink)
            finally:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)

    def take(self, link: Link) -> Feed:
        """Let a publisher in whose key is right: one at a time. Raises Refused."""
        if self._feed is not None and self._feed.reason is None:
            if self._feed.link.silent_ns() < TAKEOVER_NS:
                raise Refused("busy", "Somebody is publishing to this key")
            self._feed.link.drop("silent", "Another publisher has taken over")
        self._feed = Feed(link)
        self._came.set()
        return self._feed

    # -- publishers, one after the other

    async def _publishers(self, sink: CaptureSink) -> Ended:
        placer = Placer(sink, resume=self._resume, elapsed=self._elapsed)
        last: str | None = None
        if where := self._where():
            await sink.warn("waiting_for_publisher", *where)
        begun = self._resume is not None or not self._patient
        progress_ns = self._clock.boottime_ns() if begun else None  # None: nothing has begun
        while True:
            await self._wait_for_publisher(progress_ns)
            feed, placed = self._feed, placer.placed
            if feed is None:
                placer.finish()
                await placer.deliver()
                if last == "unpublished":
                    return Ended(last)
                raise source_gone(self._options.stall_s)
            self._came.clear()  # set again by the next one, who may come while this one is served
            await self._serve(feed, placer, sink)
            last = feed.reason
            if placer.placed > placed:
                progress_ns = self._arrived_ns
            placer.timeline.break_epoch("reconnect", elapsed_ns=None, by="boottime", wall_ns=None)

    async def _wait_for_publisher(self, since_ns: int | None) -> None:
        """Return when there is one, or when media time has stood still for the grace time."""
        while not self._came.is_set():
            if self._failure is not None:
                raise self._failure
            if since_ns is not None and self._clock.boottime_ns() - since_ns > ns(self._options.stall_s):
                return
            await self._either(self._came.wait(), CHECK_NS)

    async def _either(self, waited: Awaitable[object], limit_ns: int) -> None:
        """Return when it is there, or when the time is over by the injected clock."""
        tasks = {asyncio.ensure_future(waited), asyncio.ensure_future(self._clock.sleep(limit_ns))}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, feed: Feed, placer: Placer, sink: CaptureSink) -> None:
        """One publisher, to its end. Media that cannot be read turns it away; the next one may do better."""
        guard = asyncio.create_task(self._guard(feed, placer), name="push-guard")
        try:
            while not feed.over:
                await self._stream(feed, placer)
        except BadMedia as err:
            feed.link.drop("codec", "The media cannot be read")
            feed.close("codec")
            await sink.warn(err.code, f"A publisher sent media that cannot be read: {err.what}", err.remedy)
        finally:
            guard.cancel()
            await asyncio.gather(guard, return_exceptions=True)
            if self._feed is feed:
                self._feed = None
                self._came.clear()

    async def _guard(self, feed: Feed, placer: Placer) -> None:
        """A connection that is alive while media time stands still is no live stream."""
        placed, since_ns = placer.placed, self._clock.boottime_ns()
        while True:
            await self._clock.sleep(CHECK_NS)
            if placer.placed > placed:
                placed, since_ns = placer.placed, self._clock.boottime_ns()
            elif self._clock.boottime_ns() - since_ns > self._frozen_ns:
                feed.link.drop("silent", "Media time does not move")
                return

    # -- one stream of bytes

    async def _stream(self, feed: Feed, placer: Placer) -> None:
        pipe = Pipe()
        with Threads(2) as threads:
            tasks = [
                asyncio.create_task(_pump(feed, pipe, threads), name="push-feed"),
                asyncio.create_task(self._media(pipe, threads, placer), name="push-media"),
            ]
            try:
                await asyncio.wait(tasks[1:])
                tasks[1].result()
            finally:
                pipe.abort()  # before anything is waited for: a read may stand in it
                tasks[0].cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _media(self, pipe: Pipe, threads: Threads, placer: Placer) -> None:
        if not await threads.run(pipe.peek, 1):
            return
        self._began = (self._clock.boottime_ns(), self._clock.wall_ns())
        reader = await threads.run(MediaReader, pipe, self._format)
        try:
            await self._read(reader, threads, placer)
        finally:
            self._templates.done(reader)

    async def _read(self, reader: MediaReader, threads: Threads, placer: Placer) -> None:
        if placer.placed == 0 and self._resume is None:  # where the wall clock stood when it began, for chat
            placer.timeline.break_epoch("start", elapsed_ns=0, by="start", wall_ns=self._began[1])
        recent: deque[tuple[int, int]] = deque(maxlen=RECENT)  # when a step came, and the media time it ended at
        waited = joined = False
        while packets := await threads.run(reader.read, STEP_NS):
            if waited and not joined:  # media before the first keyframe is left out: the epoch begins later
                self._began = (self._clock.boottime_ns(), self._clock.wall_ns())
            placer.use(self._templates.tracks(reader))
            if placer.place(packets, wraps=reader.wraps):
                joined = True
                self._arrived_ns = self._clock.boottime_ns()
                recent.append((self._arrived_ns, placer.timeline.end_ns))
            waited = True
            await placer.deliver()
        if recent:  # the last step waits for the end of the connection, which is noticed late
            last_ns = placer.timeline.end_ns
            self._arrived_ns = min(arrived_ns + last_ns - end_ns for arrived_ns, end_ns in recent)

    def _elapsed(self) -> Elapsed:
        """From the last packet to the first bytes after it; inside a stream, to now."""
        began_ns, wall_ns = self._began
        if self._arrived_ns is None:
            return Elapsed(0, "source", wall_ns)
        if began_ns <= self._arrived_ns:
            began_ns, wall_ns = self._clock.boottime_ns(), self._clock.wall_ns()
        return Elapsed(max(0, began_ns - self._arrived_ns), "boottime", wall_ns)

    # -- what the user is told

    def _note_refused(self, refused: Refused) -> bool:
        """Count it; whether the user is told now."""
        now_ns = self._clock.boottime_ns()
        self._untold[refused.code] += 1
        if now_ns - self._told.get(refused.code, -WARN_NS) < WARN_NS or self._warnings.full():
            return False
        self._told[refused.code] = now_ns
        count = self._untold.pop(refused.code)
        often = f" ({count} of them)" if count > 1 else ""
        self._warnings.put_nowait(self._refusal(refused, often))
        return True

    def _refusal(self, refused: Refused, often: str) -> tuple[str, str, str]:
        return f"push_{refused.code}", f"A connection was refused{often}: {refused.text}", _REMEDY

    async def _tell(self, sink: CaptureSink) -> None:
        while True:
            await sink.warn(*await self._warnings.get())


async def _pump(feed: Feed, pipe: Pipe, threads: Threads) -> None:
    """From the loop's side to the thread's, to the end of the FLV stream."""
    try:
        while (data := await feed.next()) is not None:
            await threads.run(pipe.feed, data)
    finally:
        pipe.finish()


class RtmpSource(PushSource):
    """An RTMP server for one key, open while the source runs."""

    def __init__(
        self, address: PushAddress, *, clock: Clock, options: IngestOptions, resume: Resume | None = None
    ) -> None:
        super().__init__("rtmp", clock=clock, options=options, resume=resume)
        self._address = address
        self.port = 0  # once it listens

    async def admit(self, publisher: Publisher) -> Feed:
        """The door's gate."""
        if not same_secret(publisher.path, self._address.path):
            raise Refused("bad_key", "No stream has this key")
        return self.take(publisher.link)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[object]:
        limits = DoorLimits(silent_s=self._options.timeout_s, publish_s=self._options.timeout_s)
        host, port = self._address.host, self._address.port
        async with RtmpDoor(self, host, port, clock=self._clock, limits=limits, on_refused=self._note_refused) as door:
            self.port = door.port
            yield door

    def _where(self) -> tuple[str, str]:
        place = PushAddress(host=self._address.host, port=self.port, app=self._address.app).server
        return (
            f"Waiting for a publisher at {place}",
            f"OBS: Settings, Stream, Service Custom, Server {place}, and the stream key that clipd was given.",
        )
