"""A stranger's URL reaches nothing that is not public, however it is written and wherever it is put."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from configs.ingest import IngestOptions
from core.errors import SourceError
from daemon.ingest.open import open_source
from tests.attack.everywhere import run_everywhere
from tests.attack.ssrf_cases import corpus
from tests.fakes import FakeClock, RecordingSink
from tests.unit.ingest.stage import Origin

pytestmark = pytest.mark.timeout(600)  # one run of all cases
LOOPBACK = ip_address("127.0.0.1")
PLAIN_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
TO_HTTP = b"HTTP/1.1 302 Found\r\nLocation: http://media.example:1/\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def tallies() -> dict[str, Any]:
    """Every case of the corpus, tried once."""
    found: dict[str, Any] = run_everywhere("tests.attack.ssrf_run")
    return found


def test_no_case_of_the_corpus_touches_a_canary(tallies: dict[str, Any]) -> None:
    """On a network where every address answers, nobody but the attacker's own public server is connected to; and each
    case ends as a refusal or in normal operation."""
    assert sum(tally["cases"] for tally in tallies.values()) == len(corpus()) >= 300
    assert [line for tally in tallies.values() for line in tally["wrong"]] == []
    assert {family: tally["touched"] for family, tally in tallies.items()} == dict.fromkeys(tallies, 0)


def test_the_corpus_bites(tallies: dict[str, Any]) -> None:
    """The same cases with every network in `net.allow` do connect: the doors are real ones."""
    assert [family for family, tally in tallies.items() if not tally["bites"] and family != "names"] == []
    assert sum(tally["bites"] for tally in tallies.values()) >= 300


@pytest.fixture
async def origin() -> Any:
    """The typed server on 127.0.0.1."""
    served = Origin()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", served.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()


@pytest.mark.parametrize("place", ["127.0.0.2", "127.1", "0x7f.2", "2130706434", "localhost", "[::1]", "0.0.0.0"])
async def test_a_typed_server_of_ones_own_leads_to_no_other_address(origin: Origin, place: str, tmp_path: Path) -> None:
    """Typed 127.0.0.1: its playlists and redirects stay on 127.0.0.1, other services of the machine are not its own."""
    touched: list[str] = []

    async def canary(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        touched.append(place)
        writer.close()

    listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    server = await asyncio.start_server(canary, sock=listener)
    target = f"http://{place}:{listener.getsockname()[1]}/x"
    origin.body("/redirect", b"", status=302, Location=target)
    origin.body("/segment", f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n")
    for path in ("/redirect", "/segment"):
        with pytest.raises(SourceError):
            await watch(origin.url + path, tmp_path)
    server.close()
    assert touched == []


async def watch(url: str, folder: Path) -> None:
    source = await open_source(
        url, clock=FakeClock(), options=IngestOptions(timeout_s=2), live=True, speed=None, origin="cli", workdir=folder
    )
    await source.run(RecordingSink())
