"""WHIP (RFC 9725) for one stream: an encoder posts an offer, its media comes out as Matroska.

Keys are looked at before. An offer is taken or refused as a whole; there is no ICE restart, so an ETag never changes.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import structlog
from aiohttp import web

from core.protocols import Clock
from core.times import NS_PER_S
from recorder.frames import EncodedFrame
from recorder.livemux import LiveMux
from recorder.rtc.options import BadOffer, IceOptions
from recorder.rtc.publisher import Publisher
from recorder.rtc.sdp import MAX_BYTES

PATH: Final = "/whip"
SDP: Final = "application/sdp"
FRAGMENT: Final = "application/trickle-ice-sdpfrag"
MAX_KBPS: Final = 2_500  # what a browser begins with; encoders such as OBS go by their own settings
KEYFRAMES_S: Final = 2.0
SPARSE_NS: Final = 10 * NS_PER_S  # keyframes further apart than this are told the user
RETRY_S: Final = 3  # a publisher silent for so long gives way
MAX_OPENING: Final = 4  # offers that are being answered at once
ENDED: Final = 32  # sessions whose second DELETE is answered like the first
_UNPROCESSABLE: Final = frozenset({"no_codec", "not_sending", "restart"})
log = structlog.get_logger()


class Outlet(Protocol):
    """Takes one publisher's Matroska. None of its calls blocks."""

    def write(self, data: bytes) -> bool:
        """Take the bytes. False: it is full, until `WhipSession.resume`."""

    def restart(self) -> None:
        """What follows is another Matroska stream of the same publisher."""

    def close(self, reason: str) -> None:
        """No more will come: `unpublished`, `lost`, or the code of a refusal."""


class Busy(Exception):
    """Somebody else is publishing."""


class Endpoint(Protocol):
    """Who a WHIP endpoint serves."""

    def take(self, session: WhipSession, /) -> Outlet:
        """Where a publisher's media goes. Raises Busy."""

    def warn(self, code: str, message: str, remedy: str, /) -> None:
        """Tell the user, once a code and session."""


class WhipSession:
    """One publisher's connection and the Matroska made of it; to its outlet's reader, the publisher's link."""

    def __init__(self, endpoint: Endpoint, clock: Clock, ice: IceOptions, on_over: Callable[[str], None]) -> None:
        self.name = secrets.token_urlsafe(18)
        self.etag = f'"{secrets.token_hex(8)}"'
        self.publisher = Publisher(
            on_frame=self._frame,
            on_state=self._state,
            clock=clock,
            now_ms=lambda: clock.boottime_ns() / 1e6,
            ice=ice,
            max_kbps=MAX_KBPS,
        )
        self.publisher.keyframes_every(KEYFRAMES_S)
        self._endpoint = endpoint
        self._clock = clock
        self._on_over = on_over
        self._outlet: Outlet | None = None
        self._mux: LiveMux | None = None
        self._media_ns = clock.boottime_ns()
        self._keyframe_ns: int | None = None
        self._warned: set[str] = set()

    async def open(self, offer: str) -> str:
        """Answer, and take the stream. Raises BadOffer and Busy; then the connection is closed."""
        answer = await self.publisher.answer(offer)
        try:
            self._outlet = self._endpoint.take(self)
        except Busy:
            await self.publisher.close()
            raise
        tracks = sum(name != "screen" for name in self.publisher.codecs)
        self._mux = LiveMux(on_bytes=self._outlet.write, on_restart=self._outlet.restart, expected=tracks)
        return answer

    async def end(self, reason: str) -> None:
        """No more media; idempotent."""
        self._shut(reason)
        await self.publisher.close()

    def resume(self) -> None:
        """There is room again after a `write` that returned False."""
        if self._mux is not None:
            self._mux.resume()
        self.publisher.request_keyframe("cam")

    def drop(self, code: str, text: str) -> None:
        """Turn the publisher away."""
        log.info("publisher.dropped", code=code, reason=text)
        self._shut(code)
        self._on_over(self.name)

    def silent_ns(self) -> int:
        """How long ago its last media came."""
        return self._clock.boottime_ns() - self._media_ns

    def preamble(self) -> bytes:
        """Nothing: whoever joins late waits for the next stream."""
        return b""

    def _frame(self, frame: EncodedFrame) -> None:
        self._media_ns = frame.arrival_ns
        if self._mux is None or frame.track == "screen":
            return
        self._mux.put(frame)
        if frame.codec == "opus":
            return
        if self._mux.wants_keyframe:
            self.publisher.request_keyframe("cam")
        if frame.is_keyframe or self._keyframe_ns is None:
            self._look()
            self._keyframe_ns = frame.arrival_ns
        elif frame.arrival_ns - self._keyframe_ns > SPARSE_NS:
            self._warn(
                "sparse_keyframes",
                "The publisher's keyframes are more than 10 s apart, so clips cannot begin where they should",
                "In the encoder, set a keyframe interval of 1 or 2 s.",
            )

    def _look(self) -> None:
        """At each keyframe: does the encoder send what cannot be used?"""
        tracks = self.publisher.stats()["tracks"]
        if tracks.get("cam", {}).get("dropped", {}).get("b_frames"):
            self._warn(
                "b_frames",
                "The publisher sends B-frames, which WebRTC has no place for: they are left out",
                "In the encoder, set B-frames (bframes, bf) to 0.",
            )

    def _warn(self, code: str, message: str, remedy: str) -> None:
        if code not in self._warned:
            self._warned.add(code)
            self._endpoint.warn(code, message, remedy)

    def _state(self, state: str) -> None:
        if state in ("failed", "closed"):
            self._shut("lost")
            self._on_over(self.name)

    def _shut(self, reason: str) -> None:
        """No more for the reader; the first reason stays."""
        if self._mux is not None:
            self._mux.finish()
        if self._outlet is not None:
            self._outlet.close(reason)


class WhipEndpoint:
    """The HTTP side: `routes` for an application that listens where only the supervisor comes."""

    def __init__(self, endpoint: Endpoint, *, clock: Clock, ice: IceOptions) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._ice = ice
        self._sessions: dict[str, WhipSession] = {}
        self._ended: deque[str] = deque(maxlen=ENDED)
        self._ends: set[asyncio.Task[None]] = set()  # of connections that are being closed
        self._opening = 0
        self._closed = False

    def routes(self) -> list[web.RouteDef]:
        """POST of an offer; PATCH and DELETE of its session; what the RFC wants answered besides."""
        session = f"{PATH}/{{session}}"
        return [
            web.post(PATH, self._post),
            web.get(PATH, self._nothing, allow_head=True),
            web.options(PATH, self._options),
            web.patch(session, self._patch),
            web.delete(session, self._delete),
            web.get(session, self._nothing, allow_head=True),
            web.options(session, self._options),
        ]

    async def close(self) -> None:
        """End every session; new offers are refused."""
        self._closed = True
        for name in list(self._sessions):
            self._gone(name)
        await asyncio.gather(*self._ends, return_exceptions=True)

    async def _post(self, request: web.Request) -> web.Response:
        if self._closed or self._opening >= MAX_OPENING:
            return _refusal(503, "busy", "Try again in a moment", retry=True)
        if request.content_type != SDP:
            return _refusal(415, "no_sdp", f"Send the offer as {SDP}", accept=SDP)
        if not _accepts(request.headers.get("Accept", "")):
            return _refusal(406, "no_sdp", f"The answer is {SDP}")
        self._opening += 1
        try:
            return await self._answered(await _text(request))
        except Busy:
            return _refusal(409, "busy", "Somebody is publishing to this key", retry=True)
        except BadOffer as err:
            return _bad_offer(err)
        finally:
            self._opening -= 1

    async def _answered(self, offer: str) -> web.Response:
        session = WhipSession(self._endpoint, self._clock, self._ice, self._gone)
        self._sessions[session.name] = session
        try:
            answer = await session.open(offer)
        except BaseException:
            self._sessions.pop(session.name, None)
            raise
        if session.name not in self._sessions:  # the endpoint has closed meanwhile, or the connection
            await session.end("lost")
            return _refusal(503, "busy", "Try again in a moment", retry=True)
        headers = {"Location": f"{PATH}/{session.name}", "ETag": session.etag, "Accept-Patch": FRAGMENT}
        return web.Response(status=201, text=answer, content_type=SDP, headers=headers)

    async def _patch(self, request: web.Request) -> web.Response:
        session = self._sessions.get(request.match_info["session"])
        if session is None:
            return _refusal(404, "no_session", "There is no such session")
        if request.content_type != FRAGMENT:
            return _refusal(415, "no_fragment", f"Send candidates as {FRAGMENT}", accept=FRAGMENT)
        if request.headers.get("If-Match", "*") not in ("*", session.etag):
            return _refusal(412, "other_etag", "The session is another one by now")
        try:
            await session.publisher.trickle(await _text(request))
        except BadOffer as err:
            return _bad_offer(err)
        return web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        name = request.match_info["session"]
        session = self._sessions.pop(name, None)
        if session is not None:
            self._ended.append(name)
            await session.end("unpublished")
        elif name not in self._ended:
            return _refusal(404, "no_session", "There is no such session")
        return web.Response(status=200)

    async def _nothing(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's signature
        return web.Response(status=204)

    async def _options(self, request: web.Request) -> web.Response:
        allowed = "PATCH, DELETE, OPTIONS" if "session" in request.match_info else "POST, OPTIONS"
        return web.Response(status=204, headers={"Accept-Post": SDP, "Accept-Patch": FRAGMENT, "Allow": allowed})

    def _gone(self, name: str) -> None:
        """A session has ended without a DELETE: by itself, or turned away."""
        session = self._sessions.pop(name, None)
        if session is not None:
            self._ended.append(name)
            task = asyncio.create_task(session.end("lost"), name="whip-end")
            self._ends.add(task)
            task.add_done_callback(self._ends.discard)


async def _text(request: web.Request) -> str:
    """The body. Raises BadOffer."""
    data = bytearray()
    async for piece in request.content.iter_any():
        data += piece
        if len(data) > MAX_BYTES:
            raise BadOffer("The body is too long", remedy=f"At most {MAX_BYTES} bytes.", code="too_big")
    try:
        return data.decode()
    except UnicodeDecodeError as err:
        raise BadOffer("The body is no text", remedy="Send SDP.", code="malformed") from err


def _accepts(header: str) -> bool:
    """Whether an Accept header lets the answer be SDP."""
    kinds = {kind.partition(";")[0].strip().lower() for kind in header.split(",")}
    return bool(kinds & {"", "*/*", "application/*", SDP})


def _bad_offer(err: BadOffer) -> web.Response:
    status = 413 if err.code == "too_big" else 422 if err.code in _UNPROCESSABLE else 400
    return _refusal(status, err.code, str(err))


def _refusal(status: int, code: str, message: str, *, retry: bool = False, accept: str = "") -> web.Response:
    """An error in the API's shape."""
    headers = {"Retry-After": str(RETRY_S)} if retry else {}
    if accept:
        headers["Accept-Patch" if accept == FRAGMENT else "Accept-Post"] = accept
    body = json.dumps({"error": {"code": code, "message": message, "details": []}})
    return web.Response(status=status, text=body, content_type="application/json", headers=headers)
