"""A stream that is pushed to us: real ffmpeg, one key, publishers that come and go."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from configs.ingest import IngestOptions
from core.errors import SourceGone, SourceRefused, UsageError
from core.times import NS_PER_S, to_s
from daemon.doors.address import parse_push
from daemon.ingest import open_source
from daemon.ingest.api import Ended, Source
from daemon.ingest.pull import PullSource
from daemon.ingest.push import RtmpSource
from daemon.ingest.srt import SrtSource
from telemetry import SystemClock
from tests.fakes import RecordingSink
from tests.publisher import Publishing, eventually, flv_file
from tests.unit.doors.client import opening, push_bytes, say, statuses, video
from tests.unit.ingest.stage import AAC, PICTURE, SOUND, Studio, open_containers

KEY = "a-key-nobody-may-see"
SHORT = IngestOptions(stall_s=5.0, timeout_s=20.0)
PATIENT = IngestOptions(stall_s=30.0, timeout_s=20.0)  # with those who come back, however busy the machine


@pytest.fixture
async def source(sink: RecordingSink) -> AsyncIterator[RtmpSource]:
    made = RtmpSource(parse_push(f"rtmp://:0/live/{KEY}"), clock=SystemClock(), options=PATIENT)
    async with running(made, sink):
        yield made


@asynccontextmanager
async def running(source: RtmpSource, sink: RecordingSink) -> AsyncIterator[asyncio.Task[Ended]]:
    """The source while it runs; it has to end at once when it is cancelled."""
    task = asyncio.create_task(source.run(sink))
    await source.listening.wait()
    yield task
    if not task.done():
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=15)
        assert done


async def until(sink: RecordingSink, seconds: float, *, epochs: int = 1) -> None:
    """Return when the newest of `epochs` epochs has so much media."""
    await eventually(lambda: len(sink.epochs) >= epochs and reached(sink) - to_s(sink.epochs[-1].start_ns) >= seconds)


def reached(sink: RecordingSink) -> float:
    return to_s(max((packet.end_ns for packet in sink.packets()), default=0))


async def test_picture_and_sound_arrive_with_their_times(
    studio: Studio, source: RtmpSource, sink: RecordingSink
) -> None:
    """Every packet of the file, from 0 on; the epoch knows the wall clock, for chat."""
    async with Publishing(flv_file(studio), source.port, KEY) as publishing:
        assert await publishing.ended() == 0, publishing.said
        await eventually(lambda: len(sink.packets("video")) == 60)
    video, audio = sink.packets("video"), sink.packets("audio")
    assert to_s(video[-1].pts_ns) == pytest.approx(2, abs=0.1)
    assert all(b.dts_ns > a.dts_ns for track in (video, audio) for a, b in pairwise(track))
    assert len(audio) == pytest.approx(2 * 48_000 / 1024, abs=4)
    assert (sink.epochs[0].start_ns, sink.gaps) == (0, [])
    assert sink.epochs[0].wall_ns == pytest.approx(SystemClock().wall_ns(), abs=30 * NS_PER_S)
    assert {track.codec for track in sink.tracks[0]} == {"h264", "aac"}


@pytest.mark.parametrize(
    ("fourcc", "codec", "encoder"),
    [
        ("hvc1", "hevc", ("libx265", "-preset", "ultrafast", "-x265-params", "log-level=1")),
        ("av01", "av1", ("libsvtav1", "-preset", "12")),
        ("vp09", "vp9", ("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "200k")),
    ],
)
async def test_enhanced_rtmp(
    fourcc: str, codec: str, encoder: tuple[str, ...], studio: Studio, source: RtmpSource, sink: RecordingSink
) -> None:
    """HEVC, AV1 and VP9 by FourCC, as OBS sends them."""
    small = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=15")
    video = ("-c:v", *encoder, "-g", "15", "-pix_fmt", "yuv420p")
    file = studio.make(f"enhanced_{fourcc}.mkv", *small, *SOUND, "-t", "2", *video, *AAC)
    async with Publishing(file, source.port, KEY, "-rtmp_enhanced_codecs", fourcc) as publishing:
        assert await publishing.ended() == 0, publishing.said
        await eventually(lambda: len(sink.packets("video")) == 30)
    assert [track.codec for track in sink.tracks[0]] == [codec, "aac"]


async def test_sound_alone_and_picture_alone(studio: Studio, source: RtmpSource, sink: RecordingSink) -> None:
    """One publisher with sound only, then one with picture only: an epoch each."""
    sound = studio.make("sound.flv", *SOUND, "-t", "3", *AAC)
    picture = studio.make("picture.flv", *PICTURE, "-t", "3", "-c:v", "libx264", "-preset", "ultrafast", "-g", "30")
    for n, file in enumerate((sound, picture), 1):
        async with Publishing(file, source.port, KEY) as publishing:
            assert await publishing.ended() == 0, publishing.said
            await until(sink, 2.9, epochs=n)
    assert [[track.kind for track in tracks] for tracks in sink.tracks] == [["audio"], ["video"]]


async def test_a_publisher_that_comes_back_leaves_nothing_open(
    studio: Studio, source: RtmpSource, sink: RecordingSink
) -> None:
    """The first one's container stays, as the template of its packets; a megabyte for each of the others would wait
    for Python's collector of cycles."""
    open_before = open_containers()
    gc.disable()
    try:
        for n in range(1, 4):
            async with Publishing(flv_file(studio), source.port, KEY) as publishing:
                assert await publishing.ended() == 0, publishing.said
                await until(sink, 1.9, epochs=n)
        await eventually(lambda: open_containers() == open_before + 1)
    finally:
        gc.enable()
    assert len({id(track.template) for tracks in sink.tracks for track in tracks}) == 2


async def test_a_wrong_key_never_reaches_the_sink(studio: Studio, source: RtmpSource, sink: RecordingSink) -> None:
    """The user is told once, without the key."""
    for _ in range(2):
        async with Publishing(flv_file(studio), source.port, "a-guess") as publishing:
            assert await publishing.ended() != 0
    await eventually(lambda: "push_bad_key" in sink.warnings)
    assert sink.warnings == ["waiting_for_publisher", "push_bad_key"]
    assert sink.events == []


async def test_a_second_publisher_is_refused_while_the_first_goes_on(
    studio: Studio, source: RtmpSource, sink: RecordingSink
) -> None:
    """The first one's media has no hole."""
    async with Publishing(flv_file(studio, 4), source.port, KEY, at_once=False, loops=-1) as first:
        await until(sink, 0.5)
        async with Publishing(flv_file(studio), source.port, KEY) as second:
            assert await second.ended() != 0
        assert "publishing to this key" in second.said
        await until(sink, max(3.9, reached(sink) + 1))
        assert first.running
    assert (len(sink.epochs), sink.gaps) == (1, [])


async def test_a_publisher_that_is_killed_and_comes_back_continues_the_session(
    studio: Studio, source: RtmpSource, sink: RecordingSink
) -> None:
    """A new epoch behind a gap of the time that passed; media time never goes back."""
    clock = SystemClock()
    began_ns = clock.boottime_ns()
    async with Publishing(flv_file(studio, 4), source.port, KEY, at_once=False) as first:
        await until(sink, 1)
        await first.kill()
    async with Publishing(flv_file(studio), source.port, KEY) as second:
        assert await second.ended() == 0, second.said
        await eventually(lambda: sink.packets("video")[-60:][0].pts_ns == sink.epochs[-1].start_ns > 0)
    all_s = to_s(clock.boottime_ns() - began_ns)
    [gap] = sink.gaps
    assert (gap.reason, gap.track) == ("reconnect", "all")
    assert sink.epochs[1].start_ns == gap.end_ns
    assert 0 < to_s(gap.end_ns - gap.start_ns) < all_s


async def test_other_settings_in_mid_stream_open_an_epoch(
    studio: Studio, source: RtmpSource, sink: RecordingSink
) -> None:
    """A publisher that comes back with another picture size."""
    other = studio.av("other.flv", 2, "-s", "160x90")
    for n, file in enumerate((flv_file(studio), other), 1):
        async with Publishing(file, source.port, KEY) as publishing:
            assert await publishing.ended() == 0, publishing.said
            await until(sink, 1.9, epochs=n)
    assert [tracks[0].width for tracks in sink.tracks] == [320, 160]


async def test_unpublished_and_not_back_is_the_end(studio: Studio, sink: RecordingSink) -> None:
    """Within the grace time nothing ends; after it the source says why."""
    source = RtmpSource(parse_push(f"rtmp://:0/live/{KEY}"), clock=SystemClock(), options=SHORT)
    async with running(source, sink) as task:
        async with Publishing(flv_file(studio), source.port, KEY) as publishing:
            await publishing.ended()
            await until(sink, 1.9)
        assert not task.done()
        assert await task == Ended("unpublished")


async def test_killed_and_not_back_is_gone(studio: Studio, sink: RecordingSink) -> None:
    """What came before was delivered."""
    source = RtmpSource(parse_push(f"rtmp://:0/live/{KEY}"), clock=SystemClock(), options=SHORT)
    async with running(source, sink) as task:
        async with Publishing(flv_file(studio, 4), source.port, KEY, at_once=False) as publishing:
            await until(sink, 0.5)
            await publishing.kill()
        with pytest.raises(SourceGone):
            await task
    assert reached(sink) >= 0.5


async def test_a_publisher_of_nonsense_does_not_end_the_source(
    studio: Studio, source: RtmpSource, sink: RecordingSink
) -> None:
    """It has the key, so it is let in; its media cannot be read; the next one's can."""
    await push_bytes(source.port, video(b"\x17\0\0\0\0settings") + video(b"\x17\1\0\0\0picture") * 40)
    await eventually(lambda: len(sink.warnings) == 2)
    async with Publishing(flv_file(studio), source.port, KEY) as publishing:
        assert await publishing.ended() == 0, publishing.said
        await until(sink, 1.9)
    assert sink.warnings[1:] in (["damaged"], ["no_streams"])


async def test_a_port_that_is_taken_is_said_at_once(sink: RecordingSink) -> None:
    """With the port's number and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        source = RtmpSource(parse_push(f"rtmp://:{port}/live/{KEY}"), clock=SystemClock(), options=SHORT)
        with pytest.raises(UsageError, match=str(port)) as refused:
            await source.run(sink)
    assert refused.value.code == "cannot_listen"


async def opened(url: str, origin: str = "cli") -> Source:
    return await open_source(
        url,
        clock=SystemClock(),
        options=SHORT,
        live=True,
        speed=1.0,
        origin=origin,  # type: ignore[arg-type]
        workdir=Path("/nonexistent"),
    )


@pytest.mark.parametrize("host", ["", "127.0.0.1", "[::1]", "0.0.0.0", "[::]"])
async def test_addresses_that_are_listened_on(host: str) -> None:
    """No host, or an address that is this machine."""
    source = await opened(f"rtmp://{host}:1935/live/{KEY}")
    assert isinstance(source, RtmpSource)
    assert (source.info.kind, source.info.unstoppable) == ("rtmp", True)
    assert isinstance(await opened(f"srt://{host}:9000?passphrase=0123456789"), SrtSource)


@pytest.mark.parametrize(
    "url",
    [
        "rtmp://localhost/live/k", "rtmp://8.8.8.8/live/k", "rtsp://camera/1", "rtsp://127.0.0.1/1",
        "srt://localhost:9", "srt://127.0.0.1:9?mode=caller",
    ],
)  # fmt: skip
async def test_addresses_that_are_called(url: str) -> None:
    """A name, an address of another machine; RTSP always, SRT when it says so."""
    assert isinstance(await opened(url), PullSource)


@pytest.mark.parametrize("origin", ["api", "hook"])
async def test_only_a_person_here_may_open_a_port(origin: str) -> None:
    """Not the API, not a hook."""
    with pytest.raises(SourceRefused):
        await opened(f"rtmp://:1935/live/{KEY}", origin)


@pytest.mark.parametrize(
    "url",
    [
        "rtmp://:1935/live", "rtmp://:1935/", "rtmp://:1935", "rtmp://:99999/live/k", "rtmp://:x/live/k",
        "rtmp://:1935/live/a/b", "rtmp://:1935/live/a b", "rtmp://:1935/live/a?b", "srt://", "srt://:9000", "srt://:x",
        "srt://:9000?passphrase=a+b", "srt://:9000?passphrase=0123456789&x=1",
    ],
)  # fmt: skip
async def test_addresses_that_are_not(url: str) -> None:
    """Usage errors, none of which repeats what may be a key."""
    with pytest.raises(UsageError) as refused:
        await opened(url)
    assert "a b" not in str(refused.value)


async def test_status_of_a_refusal_is_the_one_obs_shows(source: RtmpSource) -> None:
    """NetStream.Publish.BadName for a wrong key."""
    assert statuses(await say(source.port, opening("wrong"))) == ["NetStream.Publish.BadName"]
