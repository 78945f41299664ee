"""Asks the supervisors over HTTP: any of them, one after the other, and believes little of what comes back.

No proxy of the environment, no redirect, no compression, no cookie; an answer is JSON of at most MAX_BODY bytes that
comes in time. Who answered last is asked first.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

import aiohttp
from yarl import URL

from core.control import MAX_BODY

PREFIX: Final = "/internal/v1/"
CONNECT_S: Final = 2.0
CHUNK: Final = 1 << 16
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "clipd-worker"}


class Away(Exception):
    """No supervisor gave an answer that can be used. What was asked may have been done.

    `code`: timeout, unreachable, redirect, too_big, garbage, http_<status>, denied (neither token is taken).
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """Status 200, or one that says why there is nothing else to say, and the JSON with it."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        """Of an error; "" where there is none."""
        error = self.body.get("error") if isinstance(self.body, Mapping) else None
        code = error.get("code") if isinstance(error, Mapping) else None
        return code[:60] if isinstance(code, str) else ""


class Wire:
    """Use as a context manager. May be used by several tasks at once."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._bases = [URL(url.rstrip("/") + PREFIX) for url in urls]
        self._at = 0  # who answered last
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(
            headers=_HEADERS,
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=10, limit_per_host=5, ttl_dns_cache=30),
        )
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._client is not None  # entered
        await self._client.close()

    async def ask(
        self,
        method: Literal["GET", "POST"],
        path: str,
        *,
        bearer: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        within_s: float,
        also: frozenset[int] = frozenset(),
    ) -> Answer:
        """The first usable answer of a supervisor; each is given `within_s`. Raises Away with the last one's fault.

        `also`: statuses that are answers to this question, where they come with an error's code.
        """
        fault = Away("unreachable")
        for _ in self._bases:
            at = self._at
            try:
                async with asyncio.timeout(within_s):
                    return await self._one(self._bases[at], method, path, bearer, body, query, also)
            except TimeoutError:
                fault = Away("timeout")
            except (aiohttp.ClientError, OSError, ValueError):
                fault = Away("unreachable")
            except Away as away:
                fault = away
            if self._at == at:  # nobody else has turned to the next one meanwhile
                self._at = (at + 1) % len(self._bases)
        raise fault

    async def _one(
        self,
        base: URL,
        method: str,
        path: str,
        bearer: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
        also: frozenset[int],
    ) -> Answer:
        assert self._client is not None  # entered
        async with self._client.request(
            method,
            (base / path).with_query(query or {}),
            json=body,
            headers={"Authorization": f"Bearer {bearer}"},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        ) as response:
            if response.status in also and (answer := Answer(response.status, await _json(response))).code:
                return answer
            if response.status >= 500 or response.status == 429:
                raise Away(f"http_{response.status}")
            if 300 <= response.status < 400:
                raise Away("redirect")
            return Answer(response.status, await _json(response))


async def _json(response: aiohttp.ClientResponse) -> Any:
    """Raises Away. An error may come without JSON; its status says enough."""
    data = bytearray()
    async for piece in response.content.iter_chunked(CHUNK):
        data += piece
        if len(data) > MAX_BODY:
            raise Away("too_big")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        if response.status >= 400:
            return None
        raise Away("garbage") from None
