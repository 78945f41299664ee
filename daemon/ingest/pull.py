"""A stream that is called for: RTMP, RTSP and SRT from another host, read by the bundled ffmpeg.

The host is looked up and checked here, each time anew, and ffmpeg is given the address that was checked. It follows no
redirect: RTMP's and SRT's it does not know, and RTSP's need a protocol that it is not granted. RTSP comes interleaved
in its TCP connection, so no port is opened for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, cast
from urllib.parse import SplitResult, urlsplit

import structlog

from core.errors import BadMedia, SourceError, SourceRefused, SourceUnreachable
from core.netpolicy import Address
from core.protocols import Clock
from core.times import NS_PER_S, ns
from daemon.doors.address import PULLED, RTMP_PORT, parse_srt
from daemon.doors.api import Refused
from daemon.ingest.ffmpeg import Connection
from daemon.ingest.push import PushKind
from daemon.ingest.request import Request
from daemon.ingest.srt import PROTOCOLS, US_PER_MS
from daemon.ingest.visits import Visit, VisitedSource

TRIES: Final = 3  # before a source that has never answered is given up
RETRY_NS: Final = NS_PER_S // 2
MAX_RETRY_NS: Final = 4 * NS_PER_S  # with the time to connect a source is found within 10 s of its return
CONNECT_NS: Final = 4 * NS_PER_S
RTSP_PORT: Final = 554
_REMEDY: Final = "Check the address, and that the stream is running there."
_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "http_401": ("wants a user name and password, or others", "Give them as scheme://user:password@host/..."),
    "http_403": ("does not let us in", _REMEDY),
    "http_404": ("has no such stream", _REMEDY),
    "refused": ("refuses us", _REMEDY),
    "bad_key": ("wants another passphrase", "Set CLIPD_INGEST__SRT__PASSPHRASE to the one used there."),
    "redirected": ("sends us elsewhere, which is not followed", "Give the address that it leads to."),
}
log = structlog.get_logger()


class PullSource(VisitedSource):
    """Calls again after a break, in a new epoch, until media time has stood still for the stall limit. A connection
    that is alive while media time stands still is given up after `ingest.timeout_s`."""

    _patient = False

    def __init__(self, request: Request, clock: Clock) -> None:
        request.policy.check_url(request.url, schemes=PULLED)
        self._parts = urlsplit(request.url)
        self._scheme = cast("PushKind", self._parts.scheme)  # it has been checked
        super().__init__(self._scheme, clock=clock, options=request.options, resume=request.resume)
        self._format = "flv" if self._scheme == "rtmp" else "mpegts"
        self._request = request
        self._policy = request.policy
        self._frozen_ns = ns(request.options.timeout_s)
        self._owed_ns = max(CONNECT_NS, ns(request.options.timeout_s))
        self._had_media = request.resume is not None

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[object]:
        async with self._visiting():
            yield self

    def _where(self) -> tuple[str, str] | None:
        return None

    async def _visits(self) -> None:
        delay_ns, number = RETRY_NS, 0
        while True:
            error: SourceError | None
            try:
                visit, said = await self._visit(self._connection(await self._address(number)), waits=False)
                error = self._judged(visit, said)
            except SourceError as err:
                error = err
            number = 0 if error is None else number + 1
            delay_ns = RETRY_NS if error is None else delay_ns
            if error is not None:
                self._note(error, number)
            await self._clock.sleep(delay_ns)
            delay_ns = min(2 * delay_ns, MAX_RETRY_NS)

    def _judged(self, visit: Visit, said: list[str]) -> SourceError | None:
        """What went wrong with a connection that brought nothing."""
        if visit.feed is not None:
            self._had_media = True
            return None
        host = self._parts.hostname
        for code, (what, remedy) in _REFUSALS.items():
            if code in said:
                return SourceRefused(f"{host} {what}", remedy=remedy, code=code)
        if "not_media" in said:
            return BadMedia(f"{host} sends no media that can be read", remedy=_REMEDY, code="not_media")
        if visit.dropped or "timeout" in said:
            return SourceUnreachable(f"{host} sends nothing", remedy=_REMEDY)
        return SourceUnreachable(f"{host} cannot be reached, or has ended the connection", remedy=_REMEDY)

    def _note(self, error: SourceError, number: int) -> None:
        """Give up at once where more tries will not help, and nothing has come yet; else tell the user."""
        log.info("pull.failed", host=self._parts.hostname, code=error.code, number=number)
        if not self._had_media and (number >= TRIES or not isinstance(error, SourceUnreachable)):
            raise error
        self._note_refused(Refused(error.code, error.what))

    def _refusal(self, refused: Refused, often: str) -> tuple[str, str, str]:
        return f"pull_{refused.code}", f"The source has not come back{often}: {refused.text}", "It is tried on."

    # -- to where

    async def _address(self, number: int) -> Address:
        """A checked address of the host; of several another one at each try. Raises SourceError kinds."""
        host = self._policy.check_url(self._request.url, schemes=PULLED)
        try:
            async with asyncio.timeout(self._options.timeout_s):
                addresses = list(dict.fromkeys(await self._request.lookup(host)))
        except (TimeoutError, OSError, ValueError) as err:
            raise SourceUnreachable(f"{host} is not known", remedy="Check the address and the network.") from err
        if host == self._policy.unsettled_host:
            self._policy = self._policy.settled(addresses)
        self._policy.check_addresses(host, addresses)
        return addresses[number % len(addresses)]

    def _connection(self, address: Address) -> Connection:
        make = {"rtmp": _rtmp, "rtsp": _rtsp, "srt": _srt}[self._scheme]
        return make(self._request, self._parts, f"[{address}]" if address.version == 6 else str(address))


def _rtmp(request: Request, parts: SplitResult, place: str) -> Connection:
    """The server hears the name that was typed, in tcUrl: some serve several names at one address."""
    pieces = parts.path.strip("/").split("/")
    app = "/".join(pieces[: 2 if len(pieces) > 2 else 1])  # as libavformat's rtmpproto.c divides app and playpath
    port = parts.port or RTMP_PORT
    named = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return Connection(
        url=f"rtmp://{_login(parts)}{place}:{port}{parts.path}{_query(parts)}",
        options={
            "rtmp_tcurl": f"rtmp://{named}:{port}/{app}",
            "rtmp_live": "live",
            "rw_timeout": _us(request.options.timeout_s),
        },
        protocols="rtmp,tcp",
        demuxer="flv",
        fmt="flv",
    )


def _rtsp(request: Request, parts: SplitResult, place: str) -> Connection:
    return Connection(
        url=f"rtsp://{_login(parts)}{place}:{parts.port or RTSP_PORT}{parts.path}{_query(parts)}",
        options={"rtsp_transport": "tcp", "timeout": _us(request.options.timeout_s)},
        protocols="tcp",
        demuxer="rtsp",
        fmt="mpegts",
    )


def _srt(request: Request, parts: SplitResult, place: str) -> Connection:
    address = parse_srt(request.url)
    options = {
        "mode": "caller",
        "latency": str(request.options.srt.latency_ms * US_PER_MS),
        "timeout": _us(request.options.timeout_s),
    }
    secrets = {"passphrase": address.passphrase, "streamid": address.streamid}
    return Connection(
        url=f"srt://{place}:{parts.port}",
        options=options | {name: value for name, value in secrets.items() if value},
        protocols=PROTOCOLS,
        demuxer="mpegts",
        fmt="mpegts",
    )


def _login(parts: SplitResult) -> str:
    login, at, _ = parts.netloc.rpartition("@")
    return login + at


def _query(parts: SplitResult) -> str:
    return f"?{parts.query}" if parts.query else ""


def _us(seconds: float) -> str:
    return str(round(seconds * 1_000_000))
