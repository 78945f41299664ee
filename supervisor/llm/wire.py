"""One POST to a provider: to checked addresses only, no redirects, no proxies, no more bytes than stated, no retries.

Names are looked up once and every address is held against the policy; the socket is opened to what was checked. What is
raised carries a code and no text of the other side, of the URL or of the headers.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core.errors import SourceRefused
from core.netpolicy import Address, AddressPolicy

MAX_ANSWER: Final = 1 << 18  # bytes of a body
CONNECT_S: Final = 3.0
_USER_AGENT: Final = "clipd"


class CallFailed(Exception):
    """Nothing usable came back; its text is its code.

    `is_sent`: the question may have been answered, and so be billed, all the same.
    """

    def __init__(self, code: str, *, is_sent: bool) -> None:
        super().__init__(code)
        self.code, self.is_sent = code, is_sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, whatever its status. `retry_after` is the header as it came."""

    status: int
    retry_after: str
    body: bytes = field(repr=False)


class Wire:
    """The connections to one provider; `close` at the end."""

    def __init__(self, policy: AddressPolicy, limit: int) -> None:
        self._policy, self._limit = policy, limit
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Reply:
        """Raises CallFailed, and SourceRefused where the policy says no. The caller sets the deadline."""
        self._policy.check_url(url)
        session = self._session = self._session or self._new_session()
        sent = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", "Accept": "application/json", **headers}
        told = _Told()
        try:
            async with session.post(
                URL(url, encoded=True), json=body, headers=sent, allow_redirects=False, trace_request_ctx=told
            ) as answer:
                return Reply(
                    status=answer.status,
                    retry_after=answer.headers.get("Retry-After", "")[:100],
                    body=await _read(answer),
                )
        except (aiohttp.ClientError, OSError, ValueError) as err:  # a TimeoutError here is one of the connection
            raise CallFailed("reset" if told.is_sent else "unreachable", is_sent=told.is_sent) from err

    async def close(self) -> None:
        """Let go of every connection."""
        if self._session is not None:
            await self._session.close()

    def _new_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self._limit, resolver=_Resolver(self._policy), use_dns_cache=False, socket_factory=self._socket
        )
        traces = aiohttp.TraceConfig()
        traces.on_request_headers_sent.append(_headers_sent)
        return aiohttp.ClientSession(
            connector=connector,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            trace_configs=[traces],
            json_serialize=lambda value: json.dumps(value, separators=(",", ":")),
        )

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """The last door, as in daemon/ingest/http.py: the very address that is about to be connected to."""
        family, kind, proto, _, place = info
        if not self._policy.may_connect(_plain(place[0])):
            raise SourceRefused("a provider's address is not public", remedy="See net.allow, and private.")
        return socket.socket(family, kind, proto)


@dataclass(slots=True)
class _Told:
    """Of one request: whether its headers, and so perhaps all of it, have left."""

    is_sent: bool = False


async def _headers_sent(_session: object, context: Any, _params: object) -> None:
    context.trace_request_ctx.is_sent = True


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise CallFailed("encoded", is_sent=True)
    data = bytearray()
    async for chunk in answer.content.iter_any():
        data += chunk
        if len(data) > MAX_ANSWER:
            answer.close()
            raise CallFailed("too_large", is_sent=True)
    return bytes(data)


class _Resolver(AbstractResolver):
    """Gives aiohttp exactly the addresses that were checked."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        addresses = [_plain(info[4][0]) for info in infos]
        self._policy.check_addresses(host, addresses)
        return [
            ResolveResult(
                hostname=host,
                host=str(each),
                port=port,
                family=socket.AF_INET6 if each.version == 6 else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for each in dict.fromkeys(addresses)
            if family in (socket.AF_UNSPEC, socket.AF_INET6 if each.version == 6 else socket.AF_INET)
        ]

    async def close(self) -> None:
        """It holds nothing."""


def _plain(text: Any) -> Address:
    return ip_address(str(text).partition("%")[0])
