"""Fetches over http(s) under the address policy: connects to checked addresses only, follows redirects by hand, limits
size and rate. Environment proxies are ignored: a proxy would resolve names out of the policy's sight.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal, Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core.errors import BadMedia, SourceRefused, SourceUnreachable
from core.netpolicy import ADDRESS_REFUSED, Address, AddressPolicy
from core.protocols import Clock
from core.times import NS_PER_S
from daemon.ingest.pool import Pool

MAX_REDIRECTS: Final = 5
MIN_RATE: Final = 20_000  # bytes a second, once a fetch has taken RATE_AFTER_NS: reliability.md row 44
RATE_AFTER_NS: Final = 15 * NS_PER_S
CHUNK_BYTES: Final = 1 << 16
USER_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) clipd"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_REFUSED: Final = frozenset({401, 403, 404, 410, 451})

CLOSE_S: Final = 2.0  # how long a WebSocket's other end may take to say goodbye

WebSocket = aiohttp.ClientWebSocketResponse[Literal[False]]
Lookup = Callable[[str], Awaitable[Sequence[Address]]]


async def system_lookup(host: str) -> list[Address]:
    """Every address the system's resolver knows; also turns `127.1` and `0x7f000001` into what connect would use."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ip_address(str(info[4][0]).partition("%")[0]) for info in infos]


@dataclass(frozen=True, slots=True)
class Body:
    """A fetched body and the URL it finally came from."""

    data: bytes
    url: str


class Response:
    """An answer with status 200 or 206, its body unread."""

    def __init__(self, response: aiohttp.ClientResponse, url: str, clock: Clock) -> None:
        self._response = response
        self._clock = clock
        self.url = url
        self.status = response.status
        self.length = response.content_length
        self.etag = response.headers.get("ETag")

    async def chunks(self, *, rated: bool = True, within_ns: int | None = None) -> AsyncGenerator[bytes, None]:
        """The body in pieces. With `rated` a trickle below MIN_RATE raises SourceUnreachable, and so does a body that
        is not over `within_ns`."""
        started_ns, count = self._clock.boottime_ns(), 0
        with _network_errors(self.url):
            async for chunk in self._response.content.iter_chunked(CHUNK_BYTES):
                count += len(chunk)
                took_ns = self._clock.boottime_ns() - started_ns
                late = within_ns is not None and took_ns > within_ns
                if late or (rated and took_ns > RATE_AFTER_NS and count * NS_PER_S < MIN_RATE * took_ns):
                    raise SourceUnreachable(
                        f"{_where(self.url)} sends too slowly: {count} bytes in {took_ns / NS_PER_S:.0f} s",
                        remedy="The server or the network is too slow; it is tried again.",
                        code="too_slow",
                    )
                yield chunk

    async def read(self, limit: int, within_ns: int | None = None) -> bytes:
        """The whole body; raises BadMedia above `limit` bytes, and as `chunks` does."""
        if self.length is not None and self.length > limit:
            raise _too_big(self.url, limit)
        parts, size = [], 0
        async with aclosing(self.chunks(within_ns=within_ns)) as chunks:
            async for chunk in chunks:
                parts.append(chunk)
                size += len(chunk)
                if size > limit:
                    raise _too_big(self.url, limit)
        return b"".join(parts)

    async def read_part(self, skip: int, length: int, limit: int) -> bytes:
        """`length` bytes after `skip`, and no more is read; for servers that send all when asked for a part."""
        if skip + length > limit:
            raise _too_big(self.url, limit)
        data = bytearray()
        async with aclosing(self.chunks()) as chunks:
            async for chunk in chunks:
                data += chunk
                if len(data) >= skip + length:
                    break
        return bytes(data[skip : skip + length])


class Http:
    """A client for one source; use as `async with`."""

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        clock: Clock,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        lookup: Lookup = system_lookup,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._timeout_s = timeout_s
        self.headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **(headers or {})}
        self._lookup = lookup
        self._pool: Pool | None = None

    async def __aenter__(self) -> Self:
        self._pool = Pool(self._new_session)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    def _new_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(self._addresses), use_dns_cache=False, socket_factory=self._socket
        )
        traces = aiohttp.TraceConfig()
        traces.on_request_redirect.append(_refuse_redirect)
        return aiohttp.ClientSession(connector=connector, trust_env=False, trace_configs=[traces])

    @asynccontextmanager
    async def open(
        self,
        url: str,
        *,
        parent: str | None = None,
        headers: Mapping[str, str] | None = None,
        idle_s: float | None = None,
    ) -> AsyncIterator[Response]:
        """The answer to a GET, after at most MAX_REDIRECTS redirects, each held against the policy. `idle_s`: how long
        the body may pause, when not for the usual time-out.

        Raises SourceRefused (policy; 401, 403, 404, 410, 451 and other 4xx) or SourceUnreachable (network, 429, 5xx).
        """
        assert self._pool is not None  # only used inside `async with`
        for _ in range(MAX_REDIRECTS + 1):
            target = self._checked(url, parent)
            async with self._pool.session() as session:
                with _network_errors(url):
                    raw = await session.get(
                        target,
                        headers={**self.headers, **(headers or {})},
                        allow_redirects=False,
                        timeout=self._limits(idle_s),
                    )
                try:
                    if raw.status in _REDIRECTS and "Location" in raw.headers:
                        url, parent = _joined(url, raw.headers["Location"]), url
                        continue
                    _check_status(raw.status, url)
                    yield Response(raw, url, self._clock)
                    return
                finally:
                    raw.close()
        raise SourceRefused(
            f"{_where(url)} redirects more than {MAX_REDIRECTS} times",
            remedy="Give the address the redirects should lead to.",
            code="too_many_redirects",
        )

    @asynccontextmanager
    async def websocket(self, url: str, *, max_bytes: int) -> AsyncIterator[WebSocket]:
        """An open ws:// or wss:// connection; text comes as bytes, and a message above `max_bytes` ends it.

        Nothing is compressed, so a message is no larger than what came. Raises as `open` does; redirects are refused.
        """
        assert self._pool is not None  # only used inside `async with`
        self._checked(_as_http(url), None)
        async with self._pool.session() as session:
            with _network_errors(url):
                async with asyncio.timeout(2 * self._timeout_s):
                    socket = await session.ws_connect(
                        URL(url, encoded=True),
                        headers={"User-Agent": USER_AGENT},
                        max_msg_size=max_bytes,
                        decode_text=False,
                        timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                    )
            try:
                with _network_errors(url):
                    yield socket
            finally:
                await socket.close()

    def _checked(self, url: str, parent: str | None) -> URL:
        """The URL as aiohttp takes it, which has to see the same host in it as the policy saw."""
        host = self._policy.check_url(url, parent=parent)
        try:
            target = URL(url, encoded=True)
            seen = _plain(target.raw_host or "")
        except ValueError as err:
            raise _malformed() from err
        if seen != host:
            raise _malformed()
        return target

    async def _addresses(self, host: str) -> Sequence[Address]:
        """Looked up once and all of them checked. The first answer for the typed host settles what it is."""
        try:
            addresses = await self._lookup(host)
        except ValueError as err:  # no name at all: too long, or with a NUL
            raise _malformed() from err
        if _plain(host) == self._policy.unsettled_host:
            self._policy = self._policy.settled(addresses)
        self._policy.check_addresses(host, addresses)
        return addresses

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """The last door: the address about to be connected to, whatever was looked up or parsed before."""
        family, kind, proto, _, place = info
        if not self._policy.may_connect(ip_address(str(place[0]).partition("%")[0])):
            raise SourceRefused(f"{place[0]} is no public address", remedy="See net.allow.", code=ADDRESS_REFUSED)
        return socket.socket(family, kind, proto)

    def _limits(self, idle_s: float | None) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=None,
            connect=2 * self._timeout_s,  # name look-up included
            sock_connect=self._timeout_s,
            sock_read=idle_s or self._timeout_s,
        )

    async def get(
        self,
        url: str,
        *,
        limit: int,
        parent: str | None = None,
        byterange: tuple[int, int] | None = None,
        within_ns: int | None = None,
    ) -> Body:
        """A whole body, or (offset, length) of it; also from servers that ignore ranges. `within_ns`: for the answer,
        and for its body."""
        if byterange is None:
            idle_s = None if within_ns is None else within_ns / NS_PER_S
            async with self.open(url, parent=parent, idle_s=idle_s) as response:
                return Body(await response.read(limit, within_ns), response.url)
        offset, length = byterange
        if length > limit:
            raise _too_big(url, limit)
        asked = {"Range": f"bytes={offset}-{offset + length - 1}"}
        async with self.open(url, parent=parent, headers=asked) as response:
            data = await response.read_part(offset if response.status == 200 else 0, length, limit)
        if len(data) < length:
            raise SourceUnreachable(
                f"{_where(url)} sent {len(data)} of {length} bytes", remedy="It is tried again.", code="short_body"
            )
        return Body(data, response.url)


def _as_http(url: str) -> str:
    """A WebSocket URL as the policy reads it: it begins as an http request. Others are left for it to refuse."""
    scheme = url.partition("://")[0].lower()
    return f"http{url[2:]}" if scheme in ("ws", "wss") else f"not-a-web-socket:{url}"


async def _refuse_redirect(_session: object, _context: object, _params: object) -> None:
    """Only `websocket` lets aiohttp follow; where that would lead, no policy would have been asked."""
    raise SourceRefused(
        "The WebSocket's address redirects", remedy="Give the address it leads to.", code="too_many_redirects"
    )


async def settled(policy: AddressPolicy, lookup: Lookup) -> AddressPolicy:
    """The policy after the typed host's first look-up, see AddressPolicy.settled. Raises SourceUnreachable."""
    host = policy.unsettled_host
    if host is None:
        return policy
    try:
        return policy.settled(await lookup(host))
    except OSError as err:
        raise SourceUnreachable(
            f"{host} is not known: {err.strerror or err}", remedy="Check the address and the network."
        ) from err
    except ValueError as err:  # no name at all: too long, or with a NUL
        raise _malformed() from err


class _Resolver(AbstractResolver):
    """Lets aiohttp connect to exactly the addresses that were checked."""

    def __init__(self, addresses: Lookup) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await self._addresses(host)
        found = [(socket.AF_INET6 if a.version == 6 else socket.AF_INET, str(a)) for a in dict.fromkeys(addresses)]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in found
            if family in (socket.AF_UNSPEC, kind)
        ]

    async def close(self) -> None:
        pass  # holds nothing


def _plain(host: str) -> str:
    return host.rstrip(".").lower()


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as err:
        raise _malformed() from err


def _malformed() -> SourceRefused:
    return SourceRefused("The URL is not well formed", remedy="Check it for typing errors.", code=ADDRESS_REFUSED)


@contextmanager
def _network_errors(url: str) -> Iterator[None]:
    """Turns what aiohttp and the sockets raise into SourceUnreachable."""
    try:
        yield
    except aiohttp.InvalidURL as err:
        raise _malformed() from err
    except TimeoutError as err:
        raise SourceUnreachable(
            f"{_where(url)} did not answer in time", remedy="Check the network; it is tried again."
        ) from err
    except (aiohttp.ClientError, OSError) as err:
        raise SourceUnreachable(
            f"{_where(url)} cannot be reached: {err or type(err).__name__}", remedy="Check the address and the network."
        ) from err


def _check_status(status: int, url: str) -> None:
    if status in (200, 206):
        return
    where = _where(url)
    if status in _REFUSED or (400 <= status < 500 and status not in (408, 425, 429)):
        raise SourceRefused(
            f"{where} answered {status}",
            remedy="Check that the stream exists and is public; links with a token expire.",
            code=f"http_{status}",
        )
    raise SourceUnreachable(f"{where} answered {status}", remedy="The server has a problem.", code=f"http_{status}")


def _too_big(url: str, limit: int) -> BadMedia:
    return BadMedia(
        f"{_where(url)} is larger than {limit / 1e6:g} MB", remedy="This is no normal stream; check it.", code="too_big"
    )


def _where(url: str) -> str:
    """Host and path of a URL, for messages: a query may hold a token."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}{parts.path}"[:200]
    except ValueError:
        return "the URL"
