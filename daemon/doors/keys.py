"""A key server over HTTP: the supervisor's internal API, or anything that answers the same question.

POST URL {"app": ..., "key": ..., "peer": ...}
200 {"socket": "/absolute/path"}      the worker that waits for this stream
403 or 404                            no stream has this key
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp
import structlog

from daemon.doors.api import Refused

MAX_ANSWER: Final = 4096
TIMEOUT_S: Final = 5.0  # well inside the time a publisher has
_UNKNOWN: Final = frozenset({403, 404})
log = structlog.get_logger()


class HttpKeys:
    """A KeyServer. `token` goes along as a bearer token. Use as a context manager."""

    def __init__(self, url: str, *, token: str | None = None) -> None:
        self._url = url
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = aiohttp.ClientSession(
            headers=headers, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def socket_of(self, path: str, peer: str) -> Path | None:
        """See KeyServer."""
        app, _, key = path.partition("/")
        asked = {"app": app, "key": key, "peer": peer}
        try:
            async with self._client.post(self._url, json=asked, allow_redirects=False) as answer:
                if answer.status in _UNKNOWN:
                    return None
                answer.raise_for_status()
                told = json.loads(await _whole(answer))
        except (TimeoutError, aiohttp.ClientError, ValueError) as err:
            log.warning("keys.unreachable", error=type(err).__name__)  # its text may hold what was asked
            raise Refused("unavailable", "Keys cannot be checked now") from err
        socket = told.get("socket") if isinstance(told, dict) else None
        if not isinstance(socket, str) or not socket.startswith("/"):
            raise Refused("unavailable", "Keys cannot be checked now")
        return Path(socket)


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    """The body, however many pieces it comes in; raises ValueError above MAX_ANSWER bytes."""
    data = b""
    async for piece in answer.content.iter_chunked(MAX_ANSWER):
        data += piece
        if len(data) > MAX_ANSWER:
            raise ValueError("an answer that is too long")
    return data
