"""An HLS stream as a source: which playlists are followed, and how their segments come onto one media time."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import Final

from core.errors import BadMedia, SourceError, SourceRefused, SourceUnreachable
from core.media import Kind, Track
from core.protocols import Clock
from core.timeline import Elapsed
from core.times import NS_PER_S, Ns, ns, to_s
from daemon.ingest.api import CaptureSink, Ended, Source, SourceInfo, source_gone
from daemon.ingest.hls.dates import Dates
from daemon.ingest.hls.demux import Demuxed
from daemon.ingest.hls.merge import Lane, merged
from daemon.ingest.hls.playlist import Master, MediaPlaylist, Variant
from daemon.ingest.hls.rendition import Fetched, Rendition, load
from daemon.ingest.hls.variants import ranked, sound_of
from daemon.ingest.http import Http
from daemon.ingest.placer import Pacer, Placer
from daemon.ingest.reader import BOTH
from daemon.ingest.request import Request
from daemon.ingest.threads import Threads

FIRST_TRIES: Final = 3
RETRY_NS: Final = NS_PER_S
REFRESH_NS: Final = 10 * NS_PER_S  # a page is asked for a new link at most this often: reliability.md row 40
MAX_VARIANTS: Final = 3  # qualities tried when the best one's playlist is refused
BAD_SEGMENTS: Final = 3  # in a row from the start: the stream is nothing we can read
THREADS: Final = 3


@dataclass(frozen=True, slots=True)
class Playlists:
    """What is followed: the media playlist, and the one of its sound where that is apart."""

    main: MediaPlaylist
    sound: MediaPlaylist | None


async def find_playlists(http: Http, request: Request, clock: Clock) -> Playlists:
    """Load the stream's playlists; the best quality whose playlist can be had. Raises SourceError kinds."""
    top = await _load_patiently(http, request.url, None, clock)
    if isinstance(top, MediaPlaylist):
        return Playlists(top, None)
    refused: SourceError | None = None
    for variant in ranked(top, request.options.max_height)[:MAX_VARIANTS]:
        try:
            return await _of_variant(http, top, variant, clock)
        except (SourceRefused, BadMedia) as err:
            refused = refused or err
    assert refused is not None  # ranked() gives at least one
    raise refused


async def _of_variant(http: Http, top: Master, variant: Variant, clock: Clock) -> Playlists:
    sound = sound_of(top, variant)
    main = await _load_media(http, variant.uri, top.url, clock)
    return Playlists(main, await _load_media(http, sound.uri, top.url, clock) if sound else None)


async def _load_media(http: Http, url: str, parent: str, clock: Clock) -> MediaPlaylist:
    found = await _load_patiently(http, url, parent, clock)
    if isinstance(found, Master):
        raise BadMedia("The playlist leads to another list of qualities", remedy="Give a quality's URL.", code="nested")
    return found


async def _load_patiently(http: Http, url: str, parent: str | None, clock: Clock) -> Master | MediaPlaylist:
    for attempt in range(1, FIRST_TRIES):
        try:
            return await load(http, url, parent)
        except SourceUnreachable:
            await clock.sleep(attempt * RETRY_NS)
    return await load(http, url, parent)


class Links:
    """New URLs of a running stream's playlists: a token has expired, a quality is gone. Picture and sound ask apart and
    get those of one look, at most every REFRESH_NS."""

    def __init__(self, http: Http, request: Request, clock: Clock) -> None:
        self._http, self._request, self._clock = http, request, clock
        self._asked_ns: int | None = None
        self._found: Playlists | None = None
        self._looking = asyncio.Lock()

    async def main(self) -> str | None:
        """Of the picture, or of both; None when nothing was found."""
        found = await self._look()
        return found.main.url if found else None

    async def sound(self) -> str | None:
        """Of the sound, where it is apart."""
        found = await self._look()
        return found.sound.url if found and found.sound else None

    async def _look(self) -> Playlists | None:
        async with self._looking:
            now_ns = self._clock.boottime_ns()
            if self._asked_ns is None or now_ns - self._asked_ns >= REFRESH_NS:
                self._asked_ns = now_ns
                with contextlib.suppress(SourceRefused, SourceUnreachable, BadMedia):  # the stall limit decides
                    refresh = self._request.refresh
                    url = await refresh() if refresh else self._request.url
                    self._found = await find_playlists(self._http, replace(self._request, url=url), self._clock)
            return self._found


class HlsSource(Source):
    """Made by `open_hls`. Live: joined near the edge, never held back. With an end: a replay, fetched as consumed."""

    def __init__(self, request: Request, clock: Clock, *, unstoppable: bool, duration_s: float | None) -> None:
        self._request = request
        self._clock = clock
        self.info = SourceInfo(kind="hls", unstoppable=unstoppable, duration_s=duration_s)

    async def run(self, sink: CaptureSink) -> Ended:
        """See Source."""
        async with self._request.http(self._clock) as http:
            with Threads(THREADS) as threads:
                playlists = await find_playlists(http, self._request, self._clock)
                lanes = self._lanes(http, playlists, threads, Links(http, self._request, self._clock))
                try:
                    return await _Run(self._request, self._clock, sink, lanes, live=playlists.main.live).run()
                finally:
                    for lane in lanes:
                        await lane.close()

    def _lanes(self, http: Http, playlists: Playlists, threads: Threads, links: Links) -> list[Lane]:
        options = self._request.options

        def lane(playlist: MediaPlaylist, kinds: frozenset[Kind], *, primary: bool) -> Lane:
            rendition = Rendition(
                http,
                playlist,
                kinds=kinds,
                edge=options.live_edge_segments if self._request.live else None,
                since_ns=self._request.resume.wall_ns if self._request.resume else None,
                stall_ns=ns(options.stall_s),
                clock=self._clock,
                threads=threads,
                renew=links.main if primary else links.sound,
            )
            return Lane(rendition, primary=primary)

        if playlists.sound is None:
            return [lane(playlists.main, BOTH, primary=True)]
        return [
            lane(playlists.main, frozenset(("video",)), primary=True),
            lane(playlists.sound, frozenset(("audio",)), primary=False),
        ]


async def open_hls(request: Request, clock: Clock) -> HlsSource:
    """Look at the stream once, to say what it is. Raises SourceError kinds."""
    async with request.http(clock) as http:
        main = (await find_playlists(http, request, clock)).main
    total_ns = sum(segment.duration_ns for segment in main.segments)
    return HlsSource(request, clock, unstoppable=main.live, duration_s=None if main.live else round(to_s(total_ns), 3))


class _Run:
    """One pass over the stream: the state between two segments."""

    def __init__(self, request: Request, clock: Clock, sink: CaptureSink, lanes: list[Lane], *, live: bool) -> None:
        self._clock = clock
        self._sink = sink
        self._lanes = lanes
        self._live = live
        self._stall_s = request.options.stall_s
        resume = request.resume
        self._dates = Dates(live=live, resume=resume)
        pacer = Pacer(clock, request.speed) if request.speed is not None and not live else None
        self._placer = Placer(sink, resume=resume, repeats=not live, elapsed=self._dates.jump, pacer=pacer)
        self._line = self._placer.timeline
        self._section = 0
        self._bad: list[SourceError] = []
        self._wraps = False

    async def run(self) -> Ended:
        async for lane, fetched in merged(self._lanes):
            await self._take(lane, fetched)
        self._placer.finish()
        await self._placer.deliver()
        if self._placer.placed == 0:
            raise self._bad[0] if self._bad else _nothing()
        if self._lanes[0].rendition.ended == "source_gone":
            raise source_gone(self._stall_s)
        return Ended("endlist")

    async def _take(self, lane: Lane, fetched: Fetched) -> None:
        if self._live:
            ahead_ns = fetched.step.segment.duration_ns + lane.rendition.ahead_ns
            await self._sink.live_edge(Ns(self._line.end_ns + ahead_ns))
        segment = fetched.step.segment
        elapsed = self._dates.between(
            segment,
            adjacent=fetched.step.missed == 0 and fetched.step.break_reason in (None, "discontinuity", "ad_break"),
            arrived_ns=fetched.arrived_ns,
            wall_ns=self._clock.wall_ns(),
            missed=fetched.step.missed,
        )
        self._break(lane, fetched, elapsed)
        if fetched.demuxed is None:
            await self._lose(lane, fetched)
            return
        await self._place(lane, fetched, fetched.demuxed, elapsed)

    def _break(self, lane: Lane, fetched: Fetched, elapsed: Elapsed) -> None:
        """A new epoch where the stream says so. The second lane follows the first into a section; it opens none itself
        unless it is first there, and what it missed shows in its own timestamps."""
        step = fetched.step
        if step.section > self._section or (lane.primary and step.break_reason == "sequence_jump"):
            self._line.break_epoch(
                step.break_reason or "discontinuity", elapsed_ns=elapsed.ns, by=elapsed.by, wall_ns=elapsed.wall_ns
            )
            self._section = max(self._section, step.section)
            for other in self._lanes:
                other.tracks = ()
        elif lane.primary and step.break_reason == "start":
            by = elapsed.by if self._line.epoch else "start" if step.segment.pdt_ns is None else "pdt"
            self._line.break_epoch("start", elapsed_ns=elapsed.ns, by=by, wall_ns=elapsed.wall_ns)

    async def _lose(self, lane: Lane, fetched: Fetched) -> None:
        """A segment without media: a gap, told at once. Sound lost alone shows as a hole between its packets."""
        segment = fetched.step.segment
        if fetched.error is not None and self._placer.placed == 0:
            self._bad.append(fetched.error)
            if len(self._bad) >= BAD_SEGMENTS and isinstance(fetched.error, BadMedia):
                raise fetched.error
        if fetched.lost == "ad":
            lane.rendition.progressed()
        if lane.primary:
            self._dates.lost(segment)
            self._line.mark_lost(segment.duration_ns, fetched.lost)
        lane.end_ns = max(lane.end_ns, self._line.end_ns)
        lane.reached_ns = max(lane.reached_ns, self._line.end_ns)
        await self._placer.deliver(up_to_ns=self._settled_ns())

    async def _place(self, lane: Lane, fetched: Fetched, demuxed: Demuxed, elapsed: Elapsed) -> None:
        if len(self._lanes) > 1:
            demuxed = self._on_one_clock(demuxed)
        if fetched.step.section < self._section and not self._line.fits(demuxed.packets[0], wraps=demuxed.wraps):
            self._line.dropped["old_section"] += len(demuxed.packets)
            return
        lane.tracks = demuxed.tracks
        self._placer.use(self._all_tracks(lane))
        self._dates.coming(elapsed)
        placed = self._placer.place(demuxed.packets, wraps=demuxed.wraps)
        if placed:
            lane.rendition.progressed()
            lane.end_ns = max(packet.end_ns for packet in placed)
            lane.reached_ns = max(packet.dts_ns for packet in placed)
        if lane.primary:
            self._dates.placed(fetched.step.segment, fetched.arrived_ns)
        await self._placer.deliver(up_to_ns=self._settled_ns())

    def _all_tracks(self, lane: Lane) -> tuple[Track, ...]:
        """Tracks of every lane in this section: an epoch is announced with all of them, so its first packets look at
        the other lane's waiting segment."""
        found: list[Track] = []
        for other in self._lanes:
            head = other.head
            if not other.tracks and other is not lane and head is not None and head.step.section == self._section:
                other.tracks = self._on_one_clock(head.demuxed).tracks if head.demuxed is not None else ()
            found += other.tracks
        return tuple(found)

    def _on_one_clock(self, demuxed: Demuxed) -> Demuxed:
        """MPEG-TS beside MP4: one timeline, two notations."""
        heads = [lane.head.demuxed for lane in self._lanes if lane.head is not None]
        self._wraps = self._wraps or any(found is not None and found.wraps for found in (demuxed, *heads))
        return demuxed.on_90k() if self._wraps else demuxed

    def _settled_ns(self) -> int | None:
        """Up to where all lanes have delivered, so up to where the order is final; a live single lane never holds."""
        running = [lane.reached_ns for lane in self._lanes if not lane.done]
        if len(running) > 1:
            return min(running)
        return None if self._live else self._placer.settled_ns()


def _nothing() -> BadMedia:
    return BadMedia(
        "The stream has no media", remedy="It has not begun, or has no segments; try again later.", code="no_media"
    )
