"""A stream that is published over WHIP: a real WebRTC peer, publishers that come and go."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from configs.ingest import IngestOptions
from configs.rooms import RoomsOptions
from core.times import NS_PER_S, to_s
from daemon.ingest.api import Ended
from daemon.ingest.whip import WhipSource
from recorder.frames import EncodedFrame
from recorder.whip import WhipSession
from telemetry import SystemClock
from tests.fakes import RecordingSink
from tests.publisher import Pushing, eventually
from tests.unit.ingest.stage import PICTURE, SOUND, Studio
from tests.webrtc import CodedTrack, WhipClient, coded_opus, coded_video


@asynccontextmanager
async def running(source: WhipSource, sink: RecordingSink) -> AsyncIterator[asyncio.Task[Ended]]:
    """The source while it runs; it has to end at once when it is cancelled."""
    task = asyncio.create_task(source.run(sink))
    await source.listening.wait()
    yield task
    if not task.done():
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=15)
        assert done


def made(tmp_path: Path, stall_s: float = 30.0) -> WhipSource:
    options = IngestOptions(stall_s=stall_s, timeout_s=2.0)
    return WhipSource(tmp_path / "room.sock", clock=SystemClock(), options=options, rooms=RoomsOptions())


@pytest.fixture
async def socket(tmp_path: Path, sink: RecordingSink) -> AsyncIterator[Path]:
    """Where the source listens, while it runs."""
    async with running(made(tmp_path), sink):
        yield tmp_path / "room.sock"


@pytest.fixture
def came(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many frames of each track have come: a goodbye, which has a connection of its own, may overtake them."""
    counts, real = Counter[str](), WhipSession._frame

    def frame(session: WhipSession, one: EncodedFrame) -> None:
        counts[one.track] += 1
        real(session, one)

    monkeypatch.setattr(WhipSession, "_frame", frame)
    return counts


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_picture_and_sound_arrive_as_they_were_sent(
    codec: str, socket: Path, sink: RecordingSink, came: Counter[str]
) -> None:
    """Every frame, in the codecs of the encoder, each a frame's time after the one before; keyframes are known."""
    video, audio = CodedTrack("video", coded_video(codec, 75)), CodedTrack("audio", coded_opus(125))
    async with WhipClient(socket, (audio, "opus"), (video, codec)) as client:
        await eventually(lambda: came == {"cam": 75, "mic": 125})
        assert await client.end() == 200
        before = max(0, round((video.began - audio.began) / 0.02))  # what comes before the first picture is left out
        await eventually(lambda: len(sink.packets("video")) == 75 and len(sink.packets("audio")) >= 122 - before)
    assert [track.codec for track in sink.tracks[0]] == [codec, "opus"]
    assert (sink.tracks[0][0].width, sink.tracks[0][0].height) == (320, 180)
    pictures, sounds = sink.packets("video"), sink.packets("audio")
    assert [n for n, packet in enumerate(pictures) if packet.is_keyframe] == [0, 30, 60]
    steps_ms = [(b.pts_ns - a.pts_ns) / 1e6 for a, b in pairwise(pictures)]
    assert steps_ms == [pytest.approx(1000 / 30, abs=5)] * 74
    assert to_s(sounds[-1].pts_ns - sounds[0].pts_ns) == pytest.approx((len(sounds) - 1) * 0.02, abs=0.1)
    assert (len(sink.epochs), sink.gaps, sink.epochs[0].start_ns) == (1, [], 0)
    assert sink.epochs[0].wall_ns == pytest.approx(SystemClock().wall_ns(), abs=30 * NS_PER_S)


@asynccontextmanager
async def by_tcp(socket: Path, goodbye: Callable[[], Awaitable[None]]) -> AsyncIterator[int]:
    """A port that leads to the socket, as the supervisor does. A DELETE waits for `goodbye`."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if data.startswith(b"DELETE"):
                    await goodbye()
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(socket))
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_ffmpeg_publishes_and_says_goodbye(
    socket: Path, sink: RecordingSink, studio: Studio, came: Counter[str]
) -> None:
    """An encoder that is not ours, with its own WebRTC: every picture arrives, and the stream is told to end."""
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-bf", "0", "-g", "30")
    file = studio.make(
        "whip.mkv", *PICTURE, *SOUND, "-t", "2", *coded, "-pix_fmt", "yuv420p", "-c:a", "libopus", "-ac", "2"
    )

    async def goodbye() -> None:
        await eventually(lambda: came["cam"] == 60)

    async with (
        by_tcp(socket, goodbye) as port,
        Pushing(file, f"http://127.0.0.1:{port}/whip", "whip", at_once=False) as ffmpeg,
    ):
        assert await ffmpeg.ended() == 0, ffmpeg.said
        await eventually(lambda: len(sink.packets("video")) == 60)
    assert [track.codec for track in sink.tracks[0]] == ["h264", "opus"]
    assert to_s(sink.packets("video")[-1].end_ns) == pytest.approx(2, abs=0.15)
    assert all(b.pts_ns - a.pts_ns > 25e6 for a, b in pairwise(sink.packets("video")))  # it begins with a burst


async def test_another_picture_size_opens_an_epoch(socket: Path, sink: RecordingSink, came: Counter[str]) -> None:
    """In mid-stream, over the same connection; no time is lost between the two."""
    video = CodedTrack("video", coded_video("h264", 45))
    video.then(coded_video("h264", 45, 160, 90))
    async with WhipClient(socket, (video, "h264")) as client:
        await eventually(lambda: came["cam"] == 90)
        assert await client.end() == 200
        await eventually(lambda: len(sink.packets("video")) == 90)
    assert [tracks[0].width for tracks in sink.tracks] == [320, 160]
    assert to_s(sink.epochs[1].start_ns) == pytest.approx(45 / 30, abs=0.05)


async def test_a_publisher_that_is_lost_and_comes_back_continues_the_session(
    socket: Path, sink: RecordingSink, came: Counter[str]
) -> None:
    """A new epoch behind a gap of the time it was away."""
    clock = SystemClock()
    began_ns = clock.boottime_ns()
    first = CodedTrack("video", coded_video("vp8", 60))
    async with WhipClient(socket, (first, "vp8")):
        await eventually(lambda: came["cam"] == 60 and len(sink.packets("video")) > 30)
    second = CodedTrack("video", coded_video("vp8", 60))
    async with WhipClient(socket, (second, "vp8")) as client:
        await eventually(lambda: came["cam"] == 120)
        assert await client.end() == 200
        await eventually(lambda: len(sink.packets("video")) == 120)
    [gap] = sink.gaps
    assert (gap.reason, gap.track) == ("reconnect", "all")
    assert sink.epochs[1].start_ns == gap.end_ns
    assert 0 < to_s(gap.end_ns - gap.start_ns) < to_s(clock.boottime_ns() - began_ns)


async def test_deleted_and_not_back_is_the_end(tmp_path: Path, sink: RecordingSink, came: Counter[str]) -> None:
    """DELETE says that it is over; a second one is answered like the first."""
    source = made(tmp_path, stall_s=5.0)
    async with running(source, sink) as task:
        video = CodedTrack("video", coded_video("vp8", 30))
        async with WhipClient(tmp_path / "room.sock", (video, "vp8")) as client:
            await eventually(lambda: came["cam"] == 30)
            assert (await client.end(), await client.end()) == (200, 200)
            await eventually(lambda: bool(sink.packets()))
            assert not task.done()
        assert await task == Ended("unpublished")
    assert not (tmp_path / "room.sock").exists()


async def test_a_second_publisher_is_refused_while_the_first_goes_on(socket: Path, sink: RecordingSink) -> None:
    """409, and when to come again; the first one's media has no hole."""
    video = CodedTrack("video", coded_video("vp8", 60))
    video.then(coded_video("vp8", 60))
    async with WhipClient(socket, (video, "vp8")):
        await eventually(lambda: bool(sink.packets()))
        with pytest.raises(AssertionError, match="Somebody is publishing"):
            async with WhipClient(socket, (CodedTrack("video", coded_video("vp8", 60)), "vp8")):
                pass
        await eventually(lambda: len(sink.packets("video")) > 40)
    assert (len(sink.epochs), sink.gaps) == (1, [])
