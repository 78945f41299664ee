"""Follows one media playlist: reloads it, fetches its segments a few ahead, and hands them out in order.

Nothing here waits for anything but the network: a slow consumer finds the next segments fetched, up to AHEAD of them.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, NamedTuple

from core.errors import BadMedia, SourceError, SourceRefused, SourceUnreachable
from core.media import Kind, Track
from core.protocols import Clock
from core.times import NS_PER_S
from daemon.ingest.api import FROZEN_NS
from daemon.ingest.hls.crypt import decrypt
from daemon.ingest.hls.demux import Demuxed, demux
from daemon.ingest.hls.playlist import MAX_BYTES, ByteRange, InitMap, KeyRef, Master, MediaPlaylist, Segment, parse
from daemon.ingest.hls.window import Step, Window
from daemon.ingest.http import Http
from daemon.ingest.templates import KINDS
from daemon.ingest.threads import Threads

AHEAD: Final = 3
MAX_SEGMENT_BYTES: Final = 64 << 20  # reliability.md row 44
MAX_KEY_BYTES: Final = 1024
PATIENCE_NS: Final = 20 * NS_PER_S  # a live segment that still fails after this is given up: footage behind it waits
PLAYLIST_NS: Final = 5 * NS_PER_S  # for the body of a live one, a few kB: what trickles is asked for anew
LIVE_TRIES: Final = 2  # at least: the first may have ended because this machine stood still
REPLAY_TRIES: Final = 5
FIRST_DELAY_NS: Final = NS_PER_S // 2
MAX_DELAY_NS: Final = 4 * NS_PER_S
END_LOOKS: Final = 2  # a live playlist that says it has ended is looked at again: packagers say so when they restart
CACHED: Final = 4  # initialisation sections and keys


class Fetched(NamedTuple):
    """A step's outcome. `lost`: why there is no media (a gap reason), "" when there is. `start_ns`: where the playlist
    puts it, counted from where it was joined; `arrived_ns`: CLOCK_BOOTTIME."""

    step: Step
    demuxed: Demuxed | None
    lost: str
    start_ns: int
    arrived_ns: int
    error: SourceError | None = None


async def load(
    http: Http, url: str, parent: str | None = None, *, within_ns: int | None = None
) -> Master | MediaPlaylist:
    """One playlist, whose body has to come `within_ns`. Raises SourceError kinds."""
    body = await http.get(url, limit=MAX_BYTES, parent=parent, within_ns=within_ns)
    return parse(body.data, body.url)


class Rendition:
    """Use `items`, then `close`. `first` is the playlist as loaded; `edge` and `since_ns` say where it is joined (see
    Window); `renew` finds this playlist's new URL when the old one is refused, None when there is no other yet."""

    def __init__(
        self,
        http: Http,
        first: MediaPlaylist,
        *,
        kinds: frozenset[Kind],
        edge: int | None,
        since_ns: int | None,
        stall_ns: int,
        clock: Clock,
        threads: Threads,
        renew: Callable[[], Awaitable[str | None]],
    ) -> None:
        self._http, self._clock, self._threads = http, clock, threads
        self._kinds = kinds
        self._stall_ns = stall_ns
        self._renew = renew
        self._refused = asyncio.Event()  # a segment was: the link has expired, though the playlist may still be had
        self._listed: dict[int, Segment] = {}  # as last listed; a renewed link names the same segments otherwise
        self._url = first.url
        self._window = Window(edge, since_ns)
        self._pending: deque[tuple[Step, int]] = deque()
        self._inflight: deque[asyncio.Task[Fetched]] = deque()
        self._more = asyncio.Event()
        self._played_ns = 0  # sum of segment durations: the playlist's own clock
        self._handed_ns = 0
        self._held = False
        self._cache: OrderedDict[tuple[str, ByteRange | None], bytes] = OrderedDict()
        self._caching = asyncio.Lock()
        self._rotation: tuple[InitMap | None, int] | None = None  # of the newest initialisation section
        self._tracks: deque[tuple[InitMap | None, tuple[Track, ...]]] = deque(maxlen=KINDS)  # lately seen
        self._progress_ns = clock.boottime_ns()
        self._moved_ns = self._progress_ns  # when the playlist last named something new
        self.live = first.live
        self.ended = ""  # reason, once no more segments will come
        self._take(first)
        self._reloading = asyncio.create_task(self._reload(first.target_ns), name="hls-reload") if first.live else None
        if self._reloading is not None:
            self._reloading.add_done_callback(lambda _task: self._more.set())

    async def items(self) -> AsyncGenerator[Fetched, None]:
        """Outcomes in playlist order, until the playlist ends or has not moved for the stall limit (`ended`)."""
        while True:
            self._fill()
            if self._inflight:
                fetched = await self._inflight[0]
                self._inflight.popleft()
                self._handed_ns = fetched.start_ns + fetched.step.segment.duration_ns
                self._fill()
                self._held = True
                yield fetched
                self._held = False
            elif self.ended:
                return
            else:
                if self._reloading is not None and self._reloading.done():
                    self._reloading.result()  # a bug in the reload loop must not look like silence
                self._more.clear()
                await self._more.wait()

    def progressed(self) -> None:
        """Media of this rendition has advanced: it is alive."""
        self._progress_ns = self._clock.boottime_ns()

    @property
    def ahead_ns(self) -> int:
        """Media known to exist upstream that `items` has not handed out."""
        return self._played_ns - self._handed_ns

    @property
    def full(self) -> bool:
        """Whether AHEAD segments are fetched and nobody takes them."""
        return len(self._inflight) >= AHEAD and all(task.done() for task in self._inflight)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to fetch and nothing handed out is still being placed: the playlist stands still."""
        return not self._pending and not self._inflight and not self._held

    @property
    def busy(self) -> set[asyncio.Task[Fetched]]:
        """Fetches under way."""
        return {task for task in self._inflight if not task.done()}

    async def close(self) -> None:
        """End every task."""
        tasks = [*self._inflight, *([self._reloading] if self._reloading else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- the playlist

    def _take(self, playlist: MediaPlaylist) -> int:
        steps = self._window.update(playlist)
        for step in steps:
            self._pending.append((step, self._played_ns))
            self._played_ns += step.segment.duration_ns
        self._listed = {segment.seq: segment for segment in playlist.segments}
        self.live = self.live or playlist.live
        if not self.live:
            self.ended = "endlist"
        self._fill()
        self._more.set()
        return len(steps)

    async def _reload(self, target_ns: int) -> None:
        """RFC 8216 6.3.4: after a change wait one target duration, without one half of it."""
        wait_ns, ends = target_ns, 0
        while not self.ended:
            started_ns = self._clock.boottime_ns()
            await self._clock.sleep(wait_ns)
            try:
                if self._refused.is_set():
                    self._refused.clear()
                    self._follow(await self._renew())
                playlist = await load(self._http, self._url, self._url, within_ns=PLAYLIST_NS)
                if not isinstance(playlist, MediaPlaylist):
                    raise BadMedia("The playlist became a list of qualities", remedy="", code="bad_playlist")
                changed = self._take(playlist) > 0
                target_ns = playlist.target_ns
                ends = 0 if playlist.live else ends + 1
                if ends > END_LOOKS:
                    self.ended = "endlist"
            except SourceRefused:
                changed = False
                self._refused.set()
            except (SourceUnreachable, BadMedia):
                changed = False
            self._look_elsewhere(moved=changed)
            took_ns = self._clock.boottime_ns() - started_ns - wait_ns
            wait_ns = max((target_ns if changed or ends else target_ns // 2) - max(0, took_ns), NS_PER_S // 4)
            if self.idle and self._clock.boottime_ns() - self._progress_ns > self._stall_ns:
                self.ended = "source_gone"

    def _look_elsewhere(self, *, moved: bool) -> None:
        """A playlist that stands still, or cannot be had, may be at another address by now."""
        now_ns = self._clock.boottime_ns()
        if moved or now_ns - self._moved_ns > FROZEN_NS:
            self._moved_ns = now_ns
            if not moved:
                self._refused.set()

    def _follow(self, url: str | None) -> None:
        if url is not None and url != self._url:
            self._url = url
            self._window.renewed()

    # -- segments

    def _fill(self) -> None:
        while self._pending and len(self._inflight) < AHEAD:
            step, start_ns = self._pending.popleft()
            self._inflight.append(asyncio.create_task(self._fetch(step, start_ns), name=f"hls-{step.segment.seq}"))

    async def _fetch(self, step: Step, start_ns: int) -> Fetched:
        """Try until it is there, or not worth it any more; never raises for a segment's own faults."""
        segment, started_ns, delay_ns, tries = step.segment, self._clock.boottime_ns(), FIRST_DELAY_NS, 0
        if segment.gap or segment.ad:
            return self._lost(step, start_ns, "ad" if segment.ad else "gap_tag", None)
        while True:
            tries += 1
            try:
                data, init = await self._bytes(segment)
                turned = self._rotation[1] if self._rotation and self._rotation[0] == segment.init else None
                known = [tracks for its, tracks in self._tracks if its == segment.init]
                demuxed = await self._threads.run(demux, data, init, self._kinds, start_ns, turned, known)
                self._rotation = (segment.init, demuxed.rotation)
                self._remember(segment.init, demuxed.tracks)
                return Fetched(step, demuxed, "", start_ns, self._clock.boottime_ns())
            except BadMedia as err:
                if tries >= 2 or err.code == "too_big":
                    return self._lost(step, start_ns, "segment_damaged", err)
            except (SourceRefused, SourceUnreachable) as err:
                if err.code == "address_refused" or not self._worth_another(err, segment, started_ns, tries):
                    return self._lost(step, start_ns, "segment_lost", err)
                if isinstance(err, SourceRefused):
                    self._refused.set()
            await self._clock.sleep(delay_ns)
            segment = self._listed.get(segment.seq, segment)
            delay_ns = min(2 * delay_ns, MAX_DELAY_NS)

    def _remember(self, init: InitMap | None, tracks: tuple[Track, ...]) -> None:
        """One entry for those that share templates, the newest last."""
        templates = [track.template for track in tracks]
        same = next((one for one in self._tracks if [track.template for track in one[1]] == templates), None)
        if same is not None:
            self._tracks.remove(same)
        self._tracks.append((init, tracks))

    def _worth_another(self, err: SourceError, segment: Segment, started_ns: int, tries: int) -> bool:
        """A server that cannot be had may still hold what its playlist lists no longer (RFC 8216 6.2.2); one that says
        no then means it."""
        if not self.live:
            return tries < REPLAY_TRIES
        listed = segment.seq >= self._window.first_seq
        if isinstance(err, SourceRefused) and not listed:
            return False
        return tries < LIVE_TRIES or self._clock.boottime_ns() - started_ns < PATIENCE_NS

    def _lost(self, step: Step, start_ns: int, reason: str, err: SourceError | None) -> Fetched:
        return Fetched(step, None, reason, start_ns, self._clock.boottime_ns(), err)

    async def _bytes(self, segment: Segment) -> tuple[bytes, bytes]:
        init = b""
        if segment.init is not None:
            init = await self._cached(segment.init.uri, segment.init.byterange, MAX_SEGMENT_BYTES)
            init = await self._clear(init, segment.init.key, segment.seq)
        data = await self._get(segment.uri, segment.byterange, MAX_SEGMENT_BYTES)
        return await self._clear(data, segment.key, segment.seq), init

    async def _clear(self, data: bytes, key: KeyRef | None, seq: int) -> bytes:
        if key is None:
            return data
        secret = await self._cached(key.uri, None, MAX_KEY_BYTES)
        return await self._threads.run(decrypt, data, secret, key.iv, seq)

    async def _cached(self, uri: str, byterange: ByteRange | None, limit: int) -> bytes:
        name = (uri, byterange)
        async with self._caching:  # segments fetched side by side need the same one
            if name not in self._cache:
                self._cache[name] = await self._get(uri, byterange, limit)
                while len(self._cache) > CACHED:
                    self._cache.popitem(last=False)
            return self._cache[name]

    async def _get(self, uri: str, byterange: ByteRange | None, limit: int) -> bytes:
        span = None if byterange is None else (byterange.offset, byterange.length)
        return (await self._http.get(uri, limit=limit, parent=self._url, byterange=span)).data
