"""Requests to receivers: public addresses only, no redirects, no proxies, a limit on everything."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from aiohttp import web

from core.errors import SourceRefused, SourceUnreachable
from core.netpolicy import Address
from supervisor.alerts.outgoing import MAX_ANSWER, MAX_REST_S, Outgoing, Reply
from tests.unit.alerts.plant import ALLOW, served

PRIVATE = [
    "http://127.0.0.1:1/x", "http://[::1]/x", "http://169.254.169.254/latest", "http://10.0.0.1/", "http://0x7f000001/",
    "http://[::ffff:127.0.0.1]/", "file:///etc/passwd", "ftp://example.org/", "https://u:p@example.org/",
    "http://127.1/", "http://localhost/", "http://2130706433/",
]  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE)
async def test_private_addresses_are_refused_in_every_spelling(url: str) -> None:
    """Before anything is sent."""
    async with Outgoing(()) as out:
        with pytest.raises(SourceRefused):
            await out.ask("POST", url, data=b"x")


async def test_a_name_is_looked_up_once_and_its_answer_is_what_is_connected_to() -> None:
    """A name that has a private address beside a public one is refused, whichever would have been taken."""
    asked: list[str] = []

    async def lookup(host: str) -> Sequence[Address]:
        asked.append(host)
        return [ip_address("93.184.216.34"), ip_address("127.0.0.1")]

    async with Outgoing((), lookup=lookup) as out:
        with pytest.raises(SourceRefused, match="no public address"):
            await out.ask("POST", "http://two-faced.example/", data=b"x")
    assert asked == ["two-faced.example"]


async def test_net_allow_opens_a_private_network_and_metadata_stays_shut() -> None:
    """As for sources."""

    async def lookup(_: str) -> Sequence[Address]:
        return [ip_address("127.0.0.1")]

    async def ok(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/", ok)
    async with served(app) as url, Outgoing((*ALLOW, "169.254.0.0/16"), lookup=lookup) as out:
        port = url.rpartition(":")[2]
        assert (await out.ask("GET", f"http://n8n.home.example:{port}/")).body == b"ok"
        with pytest.raises(SourceRefused):
            await out.ask("GET", "http://169.254.169.254/latest")


async def test_it_follows_no_redirect_asks_no_proxy_and_reads_no_endless_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The environment of a server often names a proxy, which would resolve names out of our sight."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    seen: list[str] = []

    async def away(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere", "Set-Cookie": "a=b"}, body=b"x" * (1 << 20))

    app = web.Application()
    app.router.add_post("/{path:.*}", away)
    async with served(app) as url, Outgoing(ALLOW) as out:
        reply = await out.ask("POST", f"{url}/hook", data=b"x")
        assert (reply.status, len(reply.body), seen) == (307, MAX_ANSWER, ["/hook"])


async def test_one_that_does_not_answer_is_left_after_its_time() -> None:
    """15 s where nothing else is said; a body that trickles counts too."""
    over = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await over.wait()
        return response

    app = web.Application()
    app.router.add_post("/", slow)
    async with served(app) as url, Outgoing(ALLOW) as out:
        with pytest.raises(SourceUnreachable, match=r"no answer within 0\.05 s") as said:
            await out.ask("POST", f"{url}/?key=secret", data=b"x", within_s=0.05)
        assert "secret" not in str(said.value)
        over.set()
    async with Outgoing(ALLOW) as out:
        with pytest.raises(SourceUnreachable, match="no connection"):
            await out.ask("POST", url, data=b"x")


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "1.336"}, 1.336),
        ({"Retry-After": "-5"}, 0.0),
        ({"Retry-After": "1e300"}, MAX_REST_S),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Wed, 22 Nov 2026 10:00:30 GMT", "Date": "Wed, 22 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"Retry-After": "Wed, 22 Nov 2026 10:00:30 GMT"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(headers: dict[str, str], wait_s: float | None) -> None:
    """A receiver's date is held against its own clock."""
    assert Reply(429, headers, b"").retry_after_s == wait_s
