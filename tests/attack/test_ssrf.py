"""A stranger's URL reaches nothing that is not public, however it is written and wherever it is put."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from requests import Session
from requests.exceptions import ContentDecodingError, RequestException, SSLError

from configs.ingest import IngestOptions
from core.errors import SourceError, SourceRefused
from core.netpolicy import AddressPolicy
from daemon.ingest.open import open_source
from supervisor.channels.checked_adapter import CheckedAdapter
from tests.attack.everywhere import run_everywhere
from tests.attack.ssrf_cases import corpus
from tests.fakes import FakeClock, RecordingSink
from tests.needs import require
from tests.unit.ingest.stage import Origin

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


# -- streamlink's way out


@contextmanager
def https_server(folder: Path, name: str, answer: bytes = PLAIN_ANSWER) -> Iterator[tuple[int, list[str], Path]]:
    """A TLS server with a certificate for `name`: port, what clients called it (SNI, Host), the certificate."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = [require("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", f"/CN={name}"]
    subprocess.run([*command, "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True, timeout=30)
    context, called = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    context.load_cert_chain(cert, key)
    context.sni_callback = lambda _socket, server_name, _context: called.append(str(server_name))
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def serve() -> None:
        try:
            with context.wrap_socket(listener.accept()[0], server_side=True) as client:
                head = client.recv(4096).decode()
                called.append(next(line for line in head.split("\r\n") if line.startswith("Host:")))
                client.sendall(answer)
        except OSError:
            pass  # the client did not like the certificate

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], called, cert
    finally:
        thread.join()
        listener.close()


def session_at_home(cert: Path | None = None) -> Session:
    """A session whose names all lie on this machine, where `net.allow` lets it."""
    policy = AddressPolicy.for_source("https://media.example/", "api", ["127.0.0.0/8"])
    session = Session()
    CheckedAdapter(policy, lambda _host: [LOOPBACK]).mount_on(session)
    session.verify = str(cert) if cert else True
    return session


def test_a_checked_connection_keeps_the_name_of_its_host(tmp_path: Path) -> None:
    """The socket goes to the address that was checked; TLS and the request are about the name, and so is the proof."""
    with https_server(tmp_path, "media.example") as (port, called, cert), session_at_home(cert) as session:
        assert session.get(f"https://media.example:{port}/", timeout=5).content == b"hi"
        assert called == ["media.example", f"Host: media.example:{port}"]
    with (
        https_server(tmp_path, "media.example") as (port, _, cert),
        session_at_home(cert) as session,
        pytest.raises(SSLError),
    ):
        session.get(f"https://other.example:{port}/", timeout=5)


async def test_a_page_may_not_be_endless_nor_leave_http(origin: Origin) -> None:
    """Eight megabytes are enough for any page, counted unpacked; other schemes than http and https have no door."""
    port = origin.url.rpartition(":")[2]
    origin.body("/big", b"x" * 9_000_000)
    with session_at_home() as session:
        with pytest.raises(ContentDecodingError):
            await asyncio.to_thread(session.get, f"http://media.example:{port}/big", timeout=5)
        for url in ("file:///etc/passwd", "ftp://media.example/x"):
            with pytest.raises(RequestException):
                session.get(url, timeout=5)


def test_a_redirect_of_a_page_is_checked_before_it_is_followed(tmp_path: Path) -> None:
    """From https to http is a refusal even where the host is fine."""
    with (
        https_server(tmp_path, "media.example", TO_HTTP) as (port, called, cert),
        session_at_home(cert) as session,
        pytest.raises(SourceRefused, match="https source points to an http"),
    ):
        session.get(f"https://media.example:{port}/", timeout=5)
    assert len(called) == 2  # it was asked, and the redirect is what was refused
