"""Streams that are called for, by RTSP, RTMP and SRT: real ffmpeg at both ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from configs.ingest import IngestOptions, SrtOptions
from core.errors import SourceError, SourceRefused, SourceUnreachable, UsageError
from core.netpolicy import Address
from core.times import to_s
from daemon.doors.rtmp import chunks
from daemon.doors.rtmp.amf import Value, encode
from daemon.doors.rtmp.chunks import message
from daemon.doors.rtmp.conversation import HANDSHAKE
from daemon.ingest import open_source
from daemon.ingest.api import Ended, Source
from daemon.ingest.pull import CONNECT_NS, MAX_RETRY_NS
from telemetry import SystemClock
from tests.fakes import RecordingSink
from tests.publisher import Pushing, eventually
from tests.rtsp import RtspServer
from tests.unit.ingest.stage import Studio

OPTIONS = IngestOptions(stall_s=30.0, timeout_s=15.0, srt=SrtOptions(latency_ms=20))
HOST = "camera.test"


async def lookup(host: str) -> Sequence[Address]:
    """`camera.test` is this machine."""
    assert host == HOST
    return [ip_address("127.0.0.1")]


async def opened(
    url: str, workdir: Path = Path("/nonexistent"), origin: str = "cli", options: IngestOptions = OPTIONS
) -> Source:
    return await open_source(
        url,
        clock=SystemClock(),
        options=options,
        live=True,
        speed=1.0,
        origin=origin,  # type: ignore[arg-type]
        workdir=workdir,
        lookup=lookup,
    )


@asynccontextmanager
async def running(url: str, sink: RecordingSink, timeout_s: float = 15.0) -> AsyncIterator[asyncio.Task[Ended]]:
    """The source while it runs; it has to end at once when it is cancelled."""
    options = OPTIONS.model_copy(update={"timeout_s": timeout_s})
    task = asyncio.create_task((await opened(url, options=options)).run(sink))
    yield task
    if not task.done():
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=10)
        assert done


def reached(sink: RecordingSink) -> float:
    return to_s(max((packet.end_ns for packet in sink.packets()), default=0))


def file_of(studio: Studio) -> Path:
    """Picture and sound without B-frames, as cameras send them."""
    return studio.av("camera.mp4", 4, "-bf", "0")


def onto(server: RtspServer, file: Path) -> Pushing:
    """ffmpeg as the camera behind the server, over and over."""
    url = f"rtsp://127.0.0.1:{server.port}/ch/1"
    return Pushing(file, url, "rtsp", "-rtsp_transport", "tcp", at_once=False, loops=-1)


async def test_rtsp_is_pulled_over_its_own_tcp_connection(studio: Studio, sink: RecordingSink) -> None:
    """Picture and sound with their times; user name and password are sent when asked for."""
    async with RtspServer(login="ann:se'cret") as server, onto(server, file_of(studio)):
        await server.published.wait()
        async with running(f"rtsp://ann:se'cret@{HOST}:{server.port}/ch/1", sink):
            await eventually(lambda: reached(sink) > 2)
    assert {track.codec for track in sink.tracks[0]} == {"h264", "aac"}
    assert (len(sink.epochs), sink.gaps, sink.warnings) == (1, [], [])


async def test_rtsp_gone_and_back(studio: Studio, sink: RecordingSink) -> None:
    """The same session, a new epoch, a gap with its reason, within 10 s of its return."""
    sink.clock = clock = SystemClock()
    file, began_ns = file_of(studio), clock.boottime_ns()
    assert to_s(MAX_RETRY_NS + CONNECT_NS) < 10
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(RtspServer())
        await stack.enter_async_context(onto(server, file))
        await server.published.wait()
        await stack.enter_async_context(running(f"rtsp://{HOST}:{server.port}/ch/1", sink))
        await eventually(lambda: reached(sink) > 1)
        await server.leave()
        await eventually(lambda: clock.boottime_ns() - sink.written_ns > 2_000_000_000)
        await server.listen()
        await stack.enter_async_context(onto(server, file))
        await server.published.wait()
        await eventually(lambda: len(sink.epochs) == 2)
        await eventually(lambda: reached(sink) > to_s(sink.epochs[1].start_ns) + 1)
    all_s = to_s(clock.boottime_ns() - began_ns)
    [gap] = sink.gaps
    assert (gap.reason, gap.track) == ("reconnect", "all")
    assert 2 < to_s(gap.end_ns - gap.start_ns) < all_s


async def test_a_frozen_source_is_left_and_called_again(studio: Studio, sink: RecordingSink) -> None:
    """The connection stays, no media comes: after `timeout_s` it is given up."""
    async with RtspServer() as server, onto(server, file_of(studio)):
        await server.published.wait()
        async with running(f"rtsp://{HOST}:{server.port}/ch/1", sink, timeout_s=2.0):
            await eventually(lambda: reached(sink) > 1)
            server.mute = True
            asked = len(server.asked)
            await eventually(lambda: any(one.startswith("DESCRIBE") for one in server.asked[asked:]))
            server.mute = False
            await eventually(lambda: len(sink.epochs) == 2)
    assert [gap.reason for gap in sink.gaps] == ["reconnect"]


@asynccontextmanager
async def trap() -> AsyncIterator[tuple[int, list[object]]]:
    """A port where nobody may come, and who did."""
    seen: list[object] = []

    async def came(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername"))
        writer.close()

    async with await asyncio.start_server(came, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], seen


@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP", "PLAY"])
async def test_an_rtsp_redirect_is_not_followed(method: str, studio: Studio, sink: RecordingSink) -> None:
    """Nobody connects to where it leads."""
    async with contextlib.AsyncExitStack() as stack:
        port, seen = await stack.enter_async_context(trap())
        moved = f"RTSP/1.0 302 Moved\r\nLocation: rtsp://127.0.0.1:{port}/ch/1\r\n".encode()
        server = await stack.enter_async_context(RtspServer(answer={method: moved}.get))
        await stack.enter_async_context(onto(server, file_of(studio)))
        await server.published.wait()
        with pytest.raises(SourceError) as refused:
            await (await opened(f"rtsp://{HOST}:{server.port}/ch/1")).run(sink)
    assert seen == []
    assert method != "DESCRIBE" or refused.value.code == "redirected"


async def redirecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: str) -> bytes:
    """An RTMP server that sends on to another, as Adobe's did; what it was asked."""
    told: dict[str, Value] = {
        "level": "error", "code": "NetConnection.Connect.Rejected", "description": f"[ code=302 redirect={to} ]",
        "ex": {"code": 302.0, "redirect": to},
    }  # fmt: skip
    first = await reader.readexactly(1 + HANDSHAKE)
    writer.write(b"\3" + bytes(HANDSHAKE) + first[1:])
    await reader.readexactly(HANDSHAKE)
    asked = await reader.read(4096)
    size = message(chunks.SET_CHUNK_SIZE, chunks.OUT_CHUNK.to_bytes(4))
    writer.write(size + message(chunks.COMMAND, encode("_error", 1.0, None, told)))
    with contextlib.suppress(ConnectionError):
        await reader.read()
    writer.close()
    return asked


async def test_an_rtmp_redirect_is_not_followed(sink: RecordingSink) -> None:
    """The server has heard the name that was typed, at the address that was checked; nobody goes where it points."""
    asked: list[bytes] = []
    async with contextlib.AsyncExitStack() as stack:
        port, seen = await stack.enter_async_context(trap())

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await redirecting(reader, writer, f"rtmp://127.0.0.1:{port}/live"))

        server = await stack.enter_async_context(await asyncio.start_server(serve, "127.0.0.1", 0))
        own = server.sockets[0].getsockname()[1]
        with pytest.raises(SourceRefused) as refused:
            await (await opened(f"rtmp://{HOST}:{own}/live/key")).run(sink)
        await eventually(lambda: bool(asked))
    assert f"rtmp://{HOST}:{own}/live".encode() in asked[0]
    assert (refused.value.code, seen) == ("refused", [])


@pytest.mark.parametrize(("login", "code"), [("", "http_401"), ("ann:wrong@", "http_401"), ("ann:secret@", "http_404")])
async def test_what_rtsp_refuses_is_said_without_the_password(login: str, code: str, sink: RecordingSink) -> None:
    """At once, as what it is."""
    async with RtspServer(login="ann:secret") as server:
        with pytest.raises(SourceRefused) as refused:
            await (await opened(f"rtsp://{login}{HOST}:{server.port}/ch/1")).run(sink)
    assert refused.value.code == code
    assert "wrong" not in str(refused.value)


async def test_nobody_there(sink: RecordingSink) -> None:
    """Three tries, then it is said."""
    async with RtspServer() as server:
        await server.leave()
        with pytest.raises(SourceUnreachable, match=HOST):
            await (await opened(f"rtmp://{HOST}:{server.port}/live/a")).run(sink)
        await server.listen()


@asynccontextmanager
async def serving(file: Path, url: str, fmt: str, *extra: str) -> AsyncIterator[Pushing]:
    """ffmpeg as the server of one player."""
    async with Pushing(file, url, fmt, *extra, at_once=False, loops=-1) as server:
        yield server


async def test_rtmp_is_pulled_gone_and_back(studio: Studio, sink: RecordingSink) -> None:
    """ffmpeg listens for one player; killed and started again."""
    async with RtspServer() as taken:
        port = taken.port
    file = studio.copy("camera.flv", file_of(studio))
    where = (file, f"rtmp://127.0.0.1:{port}/live/key", "flv", "-listen", "1")
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(*where))
        await stack.enter_async_context(running(f"rtmp://{HOST}:{port}/live/key", sink))
        await eventually(lambda: reached(sink) > 1)
        await first.kill()
        await stack.enter_async_context(serving(*where))
        await eventually(lambda: len(sink.epochs) == 2 and reached(sink) > to_s(sink.epochs[1].start_ns) + 1)
    assert [gap.reason for gap in sink.gaps] == ["reconnect"]
    assert {track.codec for track in sink.tracks[0]} == {"h264", "aac"}


@pytest.mark.parametrize("passphrase", ["0123456789", "another-one"])
async def test_srt_is_pulled_with_its_passphrase(passphrase: str, studio: Studio, sink: RecordingSink) -> None:
    """ffmpeg listens; a wrong passphrase is said at once."""
    async with RtspServer() as taken:
        port = taken.port
    file = studio.copy("camera.ts", file_of(studio))
    async with serving(file, f"srt://127.0.0.1:{port}?mode=listener&passphrase=0123456789", "mpegts"):
        url = f"srt://{HOST}:{port}?passphrase={passphrase}&streamid=read:a'b"
        async with running(url, sink) as task:
            if passphrase == "0123456789":
                await eventually(lambda: reached(sink) > 1)
            else:
                with pytest.raises(SourceRefused) as refused:
                    await task
                assert refused.value.code == "bad_key"
                assert passphrase not in str(refused.value)


@pytest.mark.parametrize("scheme", ["rtsp", "rtmp", "srt"])
@pytest.mark.parametrize("origin", ["api", "hook"])
async def test_private_addresses_are_for_the_command_line(scheme: str, origin: str, sink: RecordingSink) -> None:
    """By name, by number, and as a public name that turns private."""
    for host in (HOST, "10.0.0.1", "[::ffff:127.0.0.1]", "169.254.169.254"):
        with pytest.raises(SourceRefused) as refused:
            await (await opened(f"{scheme}://{host}:9000/live/a", origin=origin)).run(sink)
        assert refused.value.code == "address_refused"


@pytest.mark.parametrize(
    "url", ["srt://camera.test", "srt://camera.test:9?x=1", "srt://camera.test:9?passphrase=short"]
)
async def test_srt_addresses_that_are_none(url: str, sink: RecordingSink) -> None:
    """Said without what may be a secret."""
    with pytest.raises(UsageError) as refused:
        await (await opened(url)).run(sink)
    assert "short" not in str(refused.value)
