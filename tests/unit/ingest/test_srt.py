"""An SRT listener: real ffmpeg as the caller, one passphrase, callers that come and go."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from configs.ingest import IngestOptions
from core.errors import MissingPart, UsageError
from core.times import to_s
from daemon.doors.address import parse_srt
from daemon.ingest.api import Ended
from daemon.ingest.srt import SrtSource
from telemetry import SystemClock
from tests.fakes import RecordingSink
from tests.publisher import Calling, eventually
from tests.unit.ingest.stage import AAC, H264, PICTURE, SOUND, Studio

SECRET = "a passphrase & 'nobody' may see"
QUERY = "passphrase=a passphrase %26 'nobody' may see"  # as OBS and ffmpeg take it: only the & is in the way
SHORT = IngestOptions(stall_s=5.0, timeout_s=20.0)
PATIENT = IngestOptions(stall_s=30.0, timeout_s=20.0)  # with those who come back after 5 s


def ts_file(studio: Studio, seconds: float = 3) -> Path:
    """Picture with B-frames and sound, as a transport stream."""
    return studio.copy(f"call{seconds:g}.ts", studio.av(f"call{seconds:g}.mp4", seconds))


def listener(options: IngestOptions = SHORT) -> SrtSource:
    address = parse_srt(f"srt://127.0.0.1:1?passphrase={SECRET.replace('&', '%26')}")
    assert address.passphrase == SECRET
    return SrtSource(
        address.__class__(host="127.0.0.1", port=0, passphrase=SECRET), clock=SystemClock(), options=options
    )


@asynccontextmanager
async def running(source: SrtSource, sink: RecordingSink) -> AsyncIterator[asyncio.Task[Ended]]:
    """The source while it runs; it has to end at once when it is cancelled."""
    task = asyncio.create_task(source.run(sink))
    await source.listening.wait()
    yield task
    if not task.done():
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=15)
        assert done


@pytest.fixture
async def source(sink: RecordingSink) -> AsyncIterator[SrtSource]:
    made = listener(PATIENT)
    async with running(made, sink):
        yield made


def reached(sink: RecordingSink) -> float:
    return to_s(max((packet.end_ns for packet in sink.packets()), default=0))


async def test_a_caller_is_recorded_and_its_stream_id_is_not_looked_at(
    studio: Studio, source: SrtSource, sink: RecordingSink
) -> None:
    """H.264 and AAC, from 0 on, promptly: media is there while the caller still sends."""
    async with Calling(ts_file(studio, 6), source.port, f"{QUERY}&streamid=#!::r=any,m=publish") as calling:
        await eventually(lambda: reached(sink) > 1.5)
        assert calling.running
        await calling.ended()
        await eventually(lambda: reached(sink) > 5.5)
    assert {track.codec for track in sink.tracks[0]} == {"h264", "aac"}
    assert (sink.epochs[0].start_ns, sink.gaps) == (0, [])
    assert sink.warnings == ["waiting_for_publisher"]


HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=1", "-g", "30", "-pix_fmt", "yuv420p")


@pytest.mark.parametrize(
    ("video", "audio", "codecs"),
    [
        (HEVC, AAC, ["hevc", "aac"]),
        (H264, ("-c:a", "libmp3lame"), ["h264", "mp3"]),
        (H264, ("-c:a", "ac3"), ["h264", "ac3"]),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
async def test_codecs_come_through(
    video: tuple[str, ...],
    audio: tuple[str, ...],
    codecs: list[str],
    studio: Studio,
    source: SrtSource,
    sink: RecordingSink,
) -> None:
    """What a transport stream carries and clipd takes."""
    file = studio.make(f"{'-'.join(codecs)}.ts", *PICTURE, *SOUND, "-t", "3", *video, *audio)
    async with Calling(file, source.port, QUERY):
        await eventually(lambda: reached(sink) > 1)
    assert [track.codec for track in sink.tracks[0]] == codecs


@pytest.mark.parametrize("query", ["passphrase=a-wrong-passphrase", ""])
async def test_a_wrong_passphrase_is_refused_and_told(
    query: str, studio: Studio, source: SrtSource, sink: RecordingSink, capfd: pytest.CaptureFixture[str]
) -> None:
    """Counted and said, without either passphrase; the right one is let in afterwards."""
    async with Calling(ts_file(studio), source.port, query) as calling:
        assert await calling.ended() != 0
    await eventually(lambda: "push_bad_key" in sink.warnings)
    assert source.refused >= 1
    assert sink.events == []
    async with Calling(ts_file(studio), source.port, QUERY):
        await eventually(lambda: reached(sink) > 1)
    said = capfd.readouterr()
    assert "wrong-passphrase" not in said.out + said.err + repr(sink.warnings)
    assert SECRET not in said.out + said.err


async def test_a_second_caller_does_not_disturb_the_first(
    studio: Studio, source: SrtSource, sink: RecordingSink
) -> None:
    """With the right passphrase too; the first one's media has no hole."""
    async with Calling(ts_file(studio, 6), source.port, QUERY):
        await eventually(lambda: reached(sink) > 0.5)
        async with Calling(ts_file(studio), source.port, QUERY) as second:
            assert await second.ended() != 0
        await eventually(lambda: reached(sink) > 4)
    assert (len(sink.epochs), sink.gaps) == (1, [])


async def test_a_caller_that_is_killed_and_comes_back_continues_the_session(
    studio: Studio, source: SrtSource, sink: RecordingSink
) -> None:
    """5 s later: a new epoch behind a gap with its reason."""
    sink.clock = clock = SystemClock()
    began_ns = clock.boottime_ns()
    async with Calling(ts_file(studio, 6), source.port, QUERY) as first:
        await eventually(lambda: reached(sink) > 1)
        await first.kill()
    await eventually(lambda: clock.boottime_ns() - sink.written_ns > 5_000_000_000)
    async with Calling(ts_file(studio), source.port, QUERY):
        await eventually(lambda: len(sink.epochs) == 2 and reached(sink) > to_s(sink.epochs[1].start_ns) + 1)
    all_s = to_s(clock.boottime_ns() - began_ns)
    [gap] = sink.gaps
    assert (gap.reason, gap.track) == ("reconnect", "all")
    assert 5 < to_s(gap.end_ns - gap.start_ns) < all_s
    assert sink.epochs[1].start_ns == gap.end_ns


async def test_a_caller_of_nonsense_gives_way(studio: Studio, source: SrtSource, sink: RecordingSink) -> None:
    """It knows the passphrase and sends no media: the next one is heard."""
    noise = studio.folder / "noise.bin"
    noise.write_bytes(bytes(range(256)) * 4000)
    where = f"srt://127.0.0.1:{source.port}?{QUERY}"
    async with Calling(noise, source.port, QUERY, raw=True) as calling:
        await calling.ended()
    assert where not in calling.said
    async with Calling(ts_file(studio), source.port, QUERY):
        await eventually(lambda: reached(sink) > 1)


async def test_hung_up_and_not_back_is_the_end(studio: Studio, sink: RecordingSink) -> None:
    """Within the grace time nothing ends; after it the source says why. What came before was delivered."""
    async with running(source := listener(), sink) as task:
        async with Calling(ts_file(studio), source.port, QUERY) as calling:
            await eventually(lambda: reached(sink) > 1)
            await calling.ended()
        assert not task.done()
        assert await task == Ended("unpublished")


async def test_a_port_that_is_taken_is_said_at_once(sink: RecordingSink) -> None:
    """With the port's number and what to do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = parse_srt(f"srt://:{taken.getsockname()[1]}?passphrase=0123456789")
        source = SrtSource(address, clock=SystemClock(), options=SHORT)
        with pytest.raises(UsageError, match=str(address.port)) as refused:
            await source.run(sink)
    assert refused.value.code == "cannot_listen"


async def test_an_ffmpeg_without_srt_is_said(sink: RecordingSink, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's own build, for one: it is not started for ever."""
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/bin/false")
    with pytest.raises(MissingPart) as missing:
        await listener().run(sink)
    assert missing.value.code == "no_srt"
