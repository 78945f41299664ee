"""A live HLS origin over loopback: a recipe played in real time, with its chat, and faults where a test scripts them.

    /stream.m3u8    master playlist          /main.m3u8, /audio.m3u8   media playlists (audio: demuxed streams only)
    /live.ts        endless transport stream /chat.jsonl               chat lines as they happen, each with `wall`

The stream begins with the first request for anything: its wall clock time 0 is then `head_start` segments ago, so that
a viewer finds a few segments at once. From there a segment is listed when its last frame has happened on the injected
clock. Old segments leave the window and later the server; after the last one the playlist ends. Nothing is random here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Self

from aiohttp import web

from core.protocols import Clock
from core.times import Ns, ns
from daemon.demo.chat import as_line, make_chat
from daemon.demo.playlists import Listed, Variant, master_playlist, media_playlist
from daemon.demo.recipe import Recipe
from daemon.demo.render import MediaOptions, Rendition, SegmentInfo, StreamMedia, VideoLoop

_HTML: Final = "<!doctype html><title>Sign in</title><p>Please sign in to the network.</p>"
_KEPT_AFTER_WINDOW: Final = 6
_SLOW_PIECES: Final = 8
_PLAYLIST: Final = "application/vnd.apple.mpegurl"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong, for requests made in a span of stream time (seconds; for segments optionally only some).

    status: answers `status`. html: 200 with a login page. slow: the body takes `slow_s` longer. frozen: playlists stay
    as they were at `start_s`.
    """

    kind: Literal["status", "html", "slow", "frozen"]
    target: Literal["playlist", "segment", "chat"]
    start_s: float = 0.0
    end_s: float = float("inf")
    status: int = 404
    slow_s: float = 10.0
    segments: frozenset[int] = frozenset()

    def hits(self, target: str, at_s: float, index: int | None) -> bool:
        """Whether a request for a target at a time is affected."""
        if target != self.target or not self.start_s <= at_s < self.end_s:
            return False
        return not self.segments or index in self.segments


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginOptions:
    """How the origin serves. `lost` segments are never listed, as if the encoder had not delivered them.

    At `sequence_reset_s` the packager restarts: only newer segments are listed, numbered from 0 again. `vod` lists the
    whole stream at once, ended.
    """

    window: int = 6
    head_start: int = 3
    vod: bool = False
    lost: frozenset[int] = frozenset()
    sequence_reset_s: float | None = None
    faults: tuple[Fault, ...] = ()


class LiveOrigin:
    """One stream on 127.0.0.1 and a port of its own, while the `async with` block runs."""

    def __init__(
        self,
        recipe: Recipe,
        clock: Clock,
        *,
        media: MediaOptions | None = None,
        options: OriginOptions | None = None,
        video: VideoLoop | None = None,
    ) -> None:
        self._recipe, self._clock = recipe, clock
        self._options = options or OriginOptions()
        self._media_options, self._video = media or MediaOptions(), video
        self._began_ns: int | None = None
        self._wall_start_ns = 0
        self._port = 0

    async def __aenter__(self) -> Self:
        self._media = await asyncio.to_thread(self._open_media)
        self._chat = make_chat(self._recipe)
        app = web.Application()
        app.router.add_get("/stream.m3u8", self._guard("playlist", self._master))
        app.router.add_get("/{rendition:main|audio}.m3u8", self._guard("playlist", self._playlist))
        app.router.add_get(r"/{rendition:main|audio}-init.mp4", self._guard("segment", self._init))
        app.router.add_get(
            r"/{rendition:main|audio}-{index:\d+}.{suffix:ts|m4s}", self._guard("segment", self._segment)
        )
        app.router.add_get("/live.ts", self._endless)
        app.router.add_get("/chat.jsonl", self._guard("chat", self._chat_lines))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        if self._video is None:
            self._media.video.close()

    @property
    def url(self) -> str:
        """The master playlist."""
        return f"http://127.0.0.1:{self._port}/stream.m3u8"

    @property
    def ts_url(self) -> str:
        """The same stream as one endless transport stream."""
        return f"http://127.0.0.1:{self._port}/live.ts"

    @property
    def chat_url(self) -> str:
        """The chat, streamed as JSON lines."""
        return f"http://127.0.0.1:{self._port}/chat.jsonl"

    @property
    def media(self) -> StreamMedia:
        """What is served."""
        return self._media

    @property
    def wall_start_ns(self) -> int | None:
        """UTC ns since 1970 of stream time 0; None until the stream has begun."""
        return None if self._began_ns is None else self._wall_start_ns

    def begin(self) -> None:
        """Start the stream; the first request does it too."""
        if self._began_ns is None:
            ahead_ns = self._options.head_start * self._media.video.gop_ns
            self._began_ns = self._clock.boottime_ns() - ahead_ns
            self._wall_start_ns = self._clock.wall_ns() - ahead_ns

    def now_ns(self) -> Ns:
        """Stream time that has happened; 0 before the stream begins."""
        return Ns(0 if self._began_ns is None else self._clock.boottime_ns() - self._began_ns)

    async def finished(self) -> None:
        """Wait until the last frame has happened."""
        self.begin()
        await self._until(self._media.segments[-1].end_ns)

    def _open_media(self) -> StreamMedia:
        return StreamMedia(self._recipe, video=self._video or VideoLoop(), options=self._media_options)

    def _guard(self, target: str, handler: Handler) -> Handler:
        """Begin the stream, then let a scripted fault answer in the handler's place."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            self.begin()
            fault = self._fault(target, request)
            if fault is None or fault.kind == "frozen":
                return await handler(request)
            if fault.kind == "status":
                return web.Response(status=fault.status, text="no")
            if fault.kind == "html":
                return web.Response(text=_HTML, content_type="text/html")
            return await self._slowly(request, await handler(request), ns(fault.slow_s))

        return guarded

    def _fault(self, target: str, request: web.Request) -> Fault | None:
        index = request.match_info.get("index")
        at_s, number = self.now_ns() / 1e9, None if index is None else int(index)
        return next((f for f in self._options.faults if f.hits(target, at_s, number)), None)

    async def _slowly(self, request: web.Request, whole: web.StreamResponse, extra_ns: Ns) -> web.StreamResponse:
        if not isinstance(whole, web.Response) or not isinstance(whole.body, bytes):
            return whole
        out = web.StreamResponse(status=whole.status, headers={"Content-Type": whole.headers["Content-Type"]})
        out.content_length = len(whole.body)
        with contextlib.suppress(ConnectionResetError):
            await out.prepare(request)
            size = -(-len(whole.body) // _SLOW_PIECES)
            for at in range(0, len(whole.body), size):
                await self._clock.sleep(extra_ns // _SLOW_PIECES)
                await out.write(whole.body[at : at + size])
        return out

    async def _master(self, _: web.Request) -> web.Response:
        video, media = self._media.video, self._media
        first = 0
        for rendition in media.renditions:
            first += len(await asyncio.to_thread(media.segment, 0, rendition))
        shown = self._media_options.video
        variant = Variant(
            bandwidth=int(first * 8e9 / video.gop_ns * 1.5),
            codecs=f"{video.codecs},mp4a.40.2" if shown else "mp4a.40.2",
            width=video.width if shown else 0,
            height=video.height,
            fps=video.fps,
            uri="main.m3u8",
            audio_uri="audio.m3u8" if "audio" in media.renditions else "",
        )
        return _playlist_response(master_playlist(variant))

    async def _playlist(self, request: web.Request) -> web.Response:
        rendition = self._rendition(request)
        frozen = [f.start_s for f in [self._fault("playlist", request)] if f is not None and f.kind == "frozen"]
        shown = self._window(min([self.now_ns(), *(ns(at) for at in frozen)]))
        cmaf = self._media_options.container == "cmaf"
        text = media_playlist(
            [self._listed(info, rendition) for info in shown.segments],
            sequence=shown.sequence,
            discontinuity_sequence=shown.discontinuities,
            ended=shown.ended,
            vod=self._options.vod,
            init_uri=f"{rendition}-init.mp4" if cmaf else "",
        )
        return _playlist_response(text)

    def _window(self, now_ns: Ns) -> _Window:
        """What a playlist shows at a time."""
        happened = [s for s in self._media.segments if self._options.vod or s.end_ns <= now_ns]
        there = [s for s in happened if s.index not in self._options.lost]
        reset_s = self._options.sequence_reset_s
        if reset_s is not None and now_ns >= ns(reset_s):
            there = [s for s in there if s.start_ns >= ns(reset_s)]
        shown = there if self._options.vod else there[-self._options.window :]
        gone = there[: len(there) - len(shown)]
        return _Window(
            segments=shown,
            sequence=len(gone),
            discontinuities=sum(s.discontinuity for s in gone),
            ended=len(happened) == len(self._media.segments),
        )

    def _listed(self, info: SegmentInfo, rendition: Rendition) -> Listed:
        suffix = "m4s" if self._media_options.container == "cmaf" else "ts"
        return Listed(
            uri=f"{rendition}-{info.index:05d}.{suffix}",
            duration_ns=Ns(info.end_ns - info.start_ns),
            wall_ns=self._wall_start_ns + info.start_ns,
            discontinuity=info.discontinuity,
        )

    async def _init(self, request: web.Request) -> web.Response:
        if self._media_options.container != "cmaf":
            raise web.HTTPNotFound
        data = await asyncio.to_thread(self._media.init, self._rendition(request))
        return _media_response(data, "video/mp4")

    async def _segment(self, request: web.Request) -> web.Response:
        index, rendition = int(request.match_info["index"]), self._rendition(request)
        if not self._is_served(index):
            raise web.HTTPNotFound
        data = await asyncio.to_thread(self._media.segment, index, rendition)
        return _media_response(data, "video/mp2t" if self._media_options.container == "ts" else "video/mp4")

    def _is_served(self, index: int) -> bool:
        segments, options = self._media.segments, self._options
        if index >= len(segments) or index in options.lost:
            return False
        if options.vod:
            return True
        kept_ns = (options.window + _KEPT_AFTER_WINDOW) * self._media.video.gop_ns
        newest_ns = min(self.now_ns(), segments[-1].end_ns)
        return newest_ns - kept_ns < segments[index].end_ns <= newest_ns

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        self.begin()
        out = web.StreamResponse(headers={"Content-Type": "video/mp2t", "Cache-Control": "no-store"})
        now_ns = self.now_ns()
        with contextlib.suppress(ConnectionResetError):
            await out.prepare(request)
            for info in self._window(now_ns).segments + self._later(now_ns):
                await self._until(info.end_ns)
                await out.write(await asyncio.to_thread(self._media.segment, info.index))
        return out

    def _later(self, now_ns: Ns) -> list[SegmentInfo]:
        return [s for s in self._media.segments if s.end_ns > now_ns and s.index not in self._options.lost]

    async def _chat_lines(self, request: web.Request) -> web.StreamResponse:
        """The chat from the stream's start, each line when it happens; ends with the stream."""
        out = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
        with contextlib.suppress(ConnectionResetError):
            await out.prepare(request)
            for message in self._chat:
                await self._until(message.t_ns)
                await out.write(as_line(message, wall_start_ns=self._wall_start_ns).encode() + b"\n")
            await self._until(self._media.segments[-1].end_ns)
        return out

    async def _until(self, stream_ns: Ns) -> None:
        while not self._options.vod and (left_ns := stream_ns - self.now_ns()) > 0:
            await self._clock.sleep(left_ns)

    def _rendition(self, request: web.Request) -> Rendition:
        name = request.match_info["rendition"]
        for rendition in self._media.renditions:
            if rendition == name:
                return rendition
        raise web.HTTPNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    segments: list[SegmentInfo]
    sequence: int
    discontinuities: int
    ended: bool


def _playlist_response(text: str) -> web.Response:
    return web.Response(text=text, content_type=_PLAYLIST, headers={"Cache-Control": "no-cache, max-age=1"})


def _media_response(data: bytes, kind: str) -> web.Response:
    return web.Response(body=data, content_type=kind, headers={"Cache-Control": "public, max-age=3600"})
