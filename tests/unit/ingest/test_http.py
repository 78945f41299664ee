"""Fetching: redirects, addresses, limits, and what each failure is called."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import pytest
from aiohttp import web

from configs.ingest import IngestOptions
from core.errors import BadMedia, SourceRefused, SourceUnreachable
from core.netpolicy import Address, AddressPolicy
from core.times import ns
from daemon.ingest.http import Http
from tests.fakes import FakeClock
from tests.unit.ingest.stage import Origin


def client(url: str, clock: FakeClock, *, origin: str = "cli", timeout_s: float = 30.0, **more: Any) -> Http:
    return Http(AddressPolicy.for_source(url, origin), clock=clock, timeout_s=timeout_s, **more)  # type: ignore[arg-type]


async def test_a_body_comes_whole_and_proxies_are_ignored(origin: Origin, clock: FakeClock, no_proxies: None) -> None:
    """The environment's proxies would resolve names where the policy cannot see them."""
    url = origin.body("/x", b"hello")
    async with client(url, clock) as http:
        assert (await http.get(url, limit=10)).data == b"hello"


@pytest.mark.parametrize(("status", "code"), [(n, f"http_{n}") for n in (401, 403, 404, 410, 418)])
async def test_refusals_are_final(origin: Origin, clock: FakeClock, status: int, code: str) -> None:
    """What the server will say again is SourceRefused, with the status in its code."""
    url = origin.body("/x", b"", status=status)
    async with client(url, clock) as http:
        with pytest.raises(SourceRefused) as refused:
            await http.get(url, limit=10)
    assert refused.value.code == code


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_the_servers_own_trouble_may_pass(origin: Origin, clock: FakeClock, status: int) -> None:
    """5xx and 429 are SourceUnreachable."""
    url = origin.body("/x", b"", status=status)
    async with client(url, clock) as http:
        with pytest.raises(SourceUnreachable):
            await http.get(url, limit=10)


async def test_nobody_listening_and_nobody_answering(origin: Origin, clock: FakeClock) -> None:
    """A refused connection, an unknown name and a server that says nothing are all unreachable, in bounded time."""
    release = asyncio.Event()

    async def silent(_request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async def unknown(_host: str) -> list[Address]:
        raise OSError("no such host")

    url = origin.at("/silent", silent)
    async with client(url, clock, timeout_s=0.1) as http:
        with pytest.raises(SourceUnreachable, match="in time"):
            await http.get(url, limit=10)
        with pytest.raises(SourceUnreachable):
            await http.get("http://127.0.0.1:1/x", limit=10)
    release.set()
    async with client("http://nowhere.example/", clock, lookup=unknown) as http:
        with pytest.raises(SourceUnreachable):
            await http.get("http://nowhere.example/", limit=10)


async def test_redirects_are_followed_a_few_times_and_checked_each_time(origin: Origin, clock: FakeClock) -> None:
    """Five at most; a redirect to another private host or scheme is refused although the first host was typed."""
    origin.body("/end", b"there")
    for n in range(8):
        origin.body(f"/hop{n}", b"", status=302, Location=f"/hop{n + 1}" if n else "/end")
    origin.body("/evil", b"", status=302, Location="http://127.0.0.2:1/x")
    origin.body("/file", b"", status=302, Location="file:///etc/passwd")
    async with client(origin.url, clock) as http:
        assert (await http.get(origin.url + "/hop0", limit=10)).url == origin.url + "/end"
        with pytest.raises(SourceRefused) as many:
            await http.get(origin.url + "/hop1", limit=10)
        for path in ("/evil", "/file"):
            with pytest.raises(SourceRefused) as refused:
                await http.get(origin.url + path, limit=10)
            assert refused.value.code == "address_refused"
    assert many.value.code == "too_many_redirects"


async def test_a_name_that_resolves_to_a_private_address_is_not_connected_to(origin: Origin, clock: FakeClock) -> None:
    """From the API: the answer of the resolver is what is checked and what is connected to (no second look-up)."""
    asked: list[str] = []

    async def rebinding(host: str) -> Sequence[Address]:
        asked.append(host)
        return [ip_address("127.0.0.1")]

    port = origin.url.rsplit(":", 1)[1]
    url = f"http://public.example:{port}/x"
    origin.body("/x", b"secret")
    async with client(url, clock, origin="api", lookup=rebinding) as http:
        with pytest.raises(SourceRefused) as refused:
            await http.get(url, limit=10)
    assert refused.value.code == "address_refused"
    assert (asked, origin.seen) == (["public.example"], [])
    async with client(url, clock, origin="cli", lookup=rebinding) as http:
        assert (await http.get(url, limit=10)).data == b"secret"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "127.1", "0177.0.0.1"]
)
async def test_every_spelling_of_loopback_is_refused(origin: Origin, clock: FakeClock, host: str) -> None:
    """Literals are checked before aiohttp sees them; odd spellings by what they resolve to."""
    url = f"http://{host}:{origin.url.rsplit(':', 1)[1]}/x"
    async with client("https://a.example/", clock, origin="api") as http:
        with pytest.raises((SourceRefused, SourceUnreachable)):
            await http.get(url, limit=10)
    assert origin.seen == []


async def test_a_body_above_the_limit_is_refused(origin: Origin, clock: FakeClock) -> None:
    """Stated or not, a body larger than allowed is not read on."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"x" * 1000)
        return response

    urls = [origin.body("/stated", b"x" * 5000), origin.at("/endless", endless)]
    async with client(origin.url, clock) as http:
        for url in urls:
            with pytest.raises(BadMedia) as refused:
                await http.get(url, limit=4000)
            assert refused.value.code == "too_big"


async def test_a_body_cut_short_is_noticed(origin: Origin, clock: FakeClock) -> None:
    """A connection that closes before the stated length is a failure, not a short segment."""

    async def short(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"x" * 10)
        assert request.transport is not None
        request.transport.close()
        return response

    url = origin.at("/short", short)
    async with client(url, clock) as http:
        with pytest.raises(SourceUnreachable):
            await http.get(url, limit=4000)


async def test_a_trickle_is_given_up(origin: Origin, clock: FakeClock) -> None:
    """Less than 20 kB a second over 15 s is no download; the virtual clock runs while the server dawdles."""

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(10):
            clock.advance(ns(4))
            await response.write(b"x" * 100)
            await asyncio.sleep(0.01)
        return response

    url = origin.at("/slow", slow)
    async with client(url, clock) as http:
        with pytest.raises(SourceUnreachable) as slow_error:
            await http.get(url, limit=4000)
    assert slow_error.value.code == "too_slow"


async def test_ranges_work_with_servers_that_know_them_and_with_others(
    origin: Origin, clock: FakeClock, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """206 gives the part; 200 gives the whole, of which the part is taken; less than asked for is a failure."""
    folder = tmp_path_factory.mktemp("ranges")
    (folder / "f").write_bytes(bytes(range(100)))
    base = origin.folder("/r", folder)
    whole = origin.body("/whole", bytes(range(100)))
    async with client(origin.url, clock) as http:
        for url in (base + "/f", whole):
            assert (await http.get(url, limit=99, byterange=(10, 5))).data == bytes(range(10, 15))
        with pytest.raises(SourceUnreachable):
            await http.get(whole, limit=200, byterange=(98, 5))
        with pytest.raises(BadMedia):
            await http.get(whole, limit=50, byterange=(60, 5))


def test_the_settings_have_sane_limits() -> None:
    """A stall limit below a playlist's own rhythm would end good streams."""
    with pytest.raises(ValueError, match="stall_s"):
        IngestOptions(stall_s=1)
    with pytest.raises(ValueError, match="extra"):
        IngestOptions(nonsense=1)  # type: ignore[call-arg]


async def test_after_a_failure_no_kept_connection_is_used_again(origin: Origin, clock: FakeClock) -> None:
    """Three answers leave three kept connections, on which the server then says nothing any more, as behind a balancer
    whose servers went away. One time-out is paid; the next request comes over a fresh connection and is answered."""
    dead: set[object] = set()
    together, release, asked = asyncio.Barrier(3), asyncio.Event(), 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if request.transport in dead:
            await release.wait()
        if request.path == "/first":
            await together.wait()  # so that none of the three is kept yet when the next one asks
            dead.add(request.transport)
        return web.Response(body=b"x")

    first, later = origin.at("/first", answer), origin.at("/later", answer)
    async with client(origin.url, clock) as http:
        await asyncio.gather(*(http.get(first, limit=10) for _ in range(3)))
        assert len(dead) == 3
        with pytest.raises(SourceUnreachable, match="in time"):
            await http.get(later, limit=10, within_ns=ns(1.5))
        assert (await http.get(later, limit=10)).data == b"x"
    release.set()
    assert asked == 5


async def test_a_failure_leaves_the_other_requests_alone(origin: Origin, clock: FakeClock) -> None:
    """A body that is being read goes on over its own connection while another request fails."""
    go_on = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half,")
        await go_on.wait()
        await response.write(b"whole")
        return response

    url, broken = origin.at("/slow", slow), origin.body("/broken", b"", status=503)
    async with client(url, clock) as http, http.open(url) as response:
        chunks = response.chunks()
        assert await anext(chunks) == b"half,"
        with pytest.raises(SourceUnreachable):
            await http.get(broken, limit=10)
        go_on.set()
        assert await anext(chunks) == b"whole"
        await chunks.aclose()
