"""A key server over HTTP: what it may answer, and how."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web

from daemon.doors.api import Refused
from daemon.doors.keys import MAX_ANSWER, HttpKeys
from tests.unit.ingest.stage import Handler, Origin


def saying(*pieces: bytes) -> Handler:
    """The pieces of one body, each for itself."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(sum(map(len, pieces)))})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            for _ in range(20):  # so many turns of the loop: the client has seen what came before
                await asyncio.sleep(0)
        return response

    return answer


async def test_an_answer_may_come_in_pieces(origin: Origin) -> None:
    """A network cuts where it likes; the first piece alone is no answer."""
    whole = json.dumps({"socket": "/run/clipd/one.sock"}).encode()
    async with HttpKeys(origin.at("/keys", saying(whole[:9], whole[9:20], whole[20:]))) as keys:
        assert await keys.socket_of("live/key", "127.0.0.1") == Path("/run/clipd/one.sock")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"socket": "relative"}', b" " * (MAX_ANSWER + 1) + b"{}"])
async def test_what_is_no_answer_lets_nobody_in(body: bytes, origin: Origin) -> None:
    """Nothing, another shape, a path that is none, more than an answer takes."""
    async with HttpKeys(origin.at("/keys", saying(body))) as keys:
        with pytest.raises(Refused) as refused:
            await keys.socket_of("live/key", "127.0.0.1")
    assert refused.value.code == "unavailable"
