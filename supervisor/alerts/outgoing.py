"""Requests to where users send alerts: under the address policy, without redirects, proxies and cookies, with a limit
on time and on what is read of the answer.

A name is looked up once, and the connection goes to an address that was checked: the same doors as for sources
(core/netpolicy.py), in the process that knows the secrets.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from ipaddress import ip_address, ip_network
from typing import Any, Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core.errors import SourceRefused, SourceUnreachable
from core.netpolicy import ADDRESS_REFUSED, Address, AddressPolicy

TIMEOUT_S: Final = 15.0  # reliability.md row 46
UPLOAD_S: Final = 180.0  # 10 MB at 0.5 Mbit/s
MAX_ANSWER: Final = 1 << 16  # bytes; what comes behind is not read
MAX_REST_S: Final = 3600.0  # a receiver that wants to be left alone for longer is asked again after this
Lookup = Callable[[str], Awaitable[Sequence[Address]]]


async def system_lookup(host: str) -> list[Address]:
    """Every address the system's resolver knows. Raises OSError."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ip_address(str(info[4][0]).partition("%")[0]) for info in infos]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its headers, and the beginning of its body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def is_ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def retry_after_s(self) -> float | None:
        """Of `Retry-After`, in seconds (RFC 9110 10.2.3; services send fractions too); None without one."""
        text = self.headers.get("Retry-After", "").strip()
        if not text:
            return None
        try:
            return bounded(float(text))
        except ValueError:
            pass
        try:
            until = parsedate_to_datetime(text)
            said = parsedate_to_datetime(self.headers["Date"])  # its clock against its clock
            return bounded((until - said).total_seconds())
        except (KeyError, ValueError, TypeError):
            return None


def bounded(seconds: Any) -> float:
    """0 to MAX_REST_S, whatever a stranger wrote. Raises ValueError for what is no number."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or math.isnan(seconds):
        raise ValueError("no number")
    return float(min(max(0, seconds), MAX_REST_S))


class Outgoing:
    """A client for all receivers; use as `async with`. `allow`: the setting `net.allow`."""

    def __init__(self, allow: Sequence[str], *, lookup: Lookup = system_lookup) -> None:
        self.policy = AddressPolicy(origin="api", allow=tuple(ip_network(text) for text in allow))
        self._lookup = lookup
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(self._addresses), use_dns_cache=False, socket_factory=self._socket, limit=0
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"User-Agent": "clipd", "Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        within_s: float = TIMEOUT_S,
    ) -> Reply:
        """One request; `data` as aiohttp takes it. Raises SourceRefused (policy) and SourceUnreachable, without the
        URL in their texts: it is a secret."""
        assert self._session is not None  # only used inside `async with`
        target = self._checked(url)
        try:
            async with (
                asyncio.timeout(within_s),
                self._session.request(
                    method, target, headers=headers, data=data, allow_redirects=False, timeout=aiohttp.ClientTimeout()
                ) as answer,
            ):
                return Reply(answer.status, answer.headers.copy(), await _beginning(answer.content))
        except TimeoutError as err:
            raise _unreachable(f"no answer within {within_s:g} s") from err
        except aiohttp.InvalidURL as err:
            raise _malformed() from err
        except (aiohttp.ClientError, OSError, ValueError) as err:
            raise _unreachable(_why(err)) from err

    def _checked(self, url: str) -> URL:
        """As aiohttp takes it, which has to see the same host in it as the policy saw."""
        host = self.policy.check_url(url)
        try:
            target = URL(url, encoded=True)
            seen = (target.raw_host or "").rstrip(".").lower()
        except ValueError as err:
            raise _malformed() from err
        if seen != host:
            raise _malformed()
        return target

    async def _addresses(self, host: str) -> Sequence[Address]:
        addresses = await self._lookup(host)
        self.policy.check_addresses(host, addresses)
        return addresses

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """The last door: the address about to be connected to, whatever was looked up or parsed before."""
        family, kind, proto, _, place = info
        self.policy.check_addresses(str(place[0]), [ip_address(str(place[0]).partition("%")[0])])
        return socket.socket(family, kind, proto)


class _Resolver(AbstractResolver):
    """Lets aiohttp connect to exactly the addresses that were checked."""

    def __init__(self, addresses: Lookup) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = dict.fromkeys(await self._addresses(host))
        found = [(socket.AF_INET6 if each.version == 6 else socket.AF_INET, str(each)) for each in addresses]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in found
            if family in (socket.AF_UNSPEC, kind)
        ]

    async def close(self) -> None:
        pass  # holds nothing


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    parts, size = [], 0
    while size < MAX_ANSWER and (part := await content.read(MAX_ANSWER - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _why(err: Exception) -> str:
    if isinstance(err, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "its certificate is not accepted"
    if isinstance(err, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    if isinstance(err, aiohttp.ClientConnectorError):
        return f"no connection: {err.strerror or type(err.os_error).__name__}"
    return f"the connection broke: {type(err).__name__}"


def _unreachable(why: str) -> SourceUnreachable:
    return SourceUnreachable(why, remedy="It is tried again.", code="unreachable")


def _malformed() -> SourceRefused:
    return SourceRefused("The URL is not well formed", remedy="Check it for typing errors.", code=ADDRESS_REFUSED)
