"""The RTMP door on a real socket: ffmpeg as the publisher, and everything a publisher would never send."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest

from daemon.doors.rtmp import DoorLimits, RtmpDoor, chunks
from daemon.doors.rtmp.chunks import message
from telemetry import SystemClock
from tests.publisher import Publishing, eventually, flv_file
from tests.unit.doors.client import (
    CONNECT,
    CREATE,
    HELLO,
    KEY,
    OneKey,
    media,
    opening,
    push_bytes,
    say,
    statuses,
    video,
)
from tests.unit.doors.corpus import begun, corpus
from tests.unit.ingest.stage import Studio

QUICK = DoorLimits(publish_s=1.0, linger_s=0.5)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("studio"))


@pytest.fixture
def gate() -> OneKey:
    return OneKey()


@pytest.fixture
async def door(gate: OneKey) -> AsyncIterator[RtmpDoor]:
    async with RtmpDoor(gate, "127.0.0.1", 0, clock=SystemClock()) as opened:
        yield opened


@pytest.fixture
async def hasty(gate: OneKey) -> AsyncIterator[RtmpDoor]:
    """With time limits of a second."""
    async with RtmpDoor(gate, "127.0.0.1", 0, clock=SystemClock(), limits=QUICK) as opened:
        yield opened


async def test_ffmpeg_publishes_and_every_packet_comes_out(studio: Studio, gate: OneKey, door: RtmpDoor) -> None:
    """The same packets with the same times as in the file that was pushed."""
    file = flv_file(studio)
    async with Publishing(file, door.port, KEY) as publishing:
        assert await publishing.ended() == 0, publishing.said
    assert await gate.taken[0].until_closed() == "unpublished"
    assert packets(io.BytesIO(bytes(gate.taken[0].data))) == packets(file)


def packets(source: Path | io.BytesIO) -> list[tuple[str, int, int, bytes]]:
    with av.open(source if isinstance(source, io.BytesIO) else str(source), "r", format="flv") as container:
        return [
            (packet.stream.type, packet.pts or 0, packet.dts or 0, bytes(packet))
            for packet in container.demux()
            if packet.size
        ]


async def test_a_wrong_key_is_refused_and_told(studio: Studio, gate: OneKey, door: RtmpDoor) -> None:
    """ffmpeg shows the reason; nothing of its media is taken; no log holds a key."""
    async with Publishing(flv_file(studio), door.port, "a-guess") as publishing:
        assert await publishing.ended() != 0
    assert "No stream has this key" in publishing.said
    assert gate.taken == []
    assert door.refused == {"bad_key": 1}


async def test_a_second_publisher_is_refused_and_the_first_goes_on(gate: OneKey, door: RtmpDoor) -> None:
    """`busy`, in words; the first one's media still comes."""
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(opening())
    taken = await gate.first()
    assert statuses(await say(door.port, opening())) == ["NetStream.Publish.BadName"]
    writer.write(begun())
    await taken.until_size(1)
    assert door.refused == {"busy": 1}
    writer.close()
    assert await taken.until_closed() == "lost"


async def test_keys_are_in_no_log(gate: OneKey, door: RtmpDoor, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the right one nor a wrong one."""
    await say(door.port, opening("a-wrong-key-of-somebody"))
    await say(door.port, opening())
    said = "".join(capsys.readouterr())
    assert "bad_key" in said
    assert "publisher.accepted" in said
    assert "a-wrong-key-of-somebody" not in said
    assert KEY not in said
    assert KEY not in repr(gate.taken[0].publisher)


@pytest.mark.parametrize(
    "data",
    [b"", HELLO[:1], HELLO[:700], HELLO[:2000], HELLO, HELLO + CONNECT, HELLO + CONNECT + CREATE],
    ids=["nothing", "C0", "half C1", "half C2", "handshake", "connect", "createStream"],
)
async def test_who_does_not_get_to_publishing_in_time_is_slow(data: bytes, hasty: RtmpDoor) -> None:
    """Wherever it stops."""
    await say(hasty.port, data, stay=True)
    assert hasty.refused == {"slow": 1}


async def test_a_trickle_does_not_stretch_the_time(hasty: RtmpDoor) -> None:
    """The limit counts from the connection on, not from the last byte."""
    reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    for byte in HELLO:
        if reader.at_eof() or hasty.refused:
            break
        writer.write(bytes([byte]))
        await asyncio.sleep(0.02)
    writer.close()
    assert hasty.refused == {"slow": 1}


async def test_a_publisher_without_media_is_hung_up_on(gate: OneKey) -> None:
    """Pings and metadata are no media."""
    async with RtmpDoor(gate, "127.0.0.1", 0, clock=SystemClock(), limits=DoorLimits(silent_s=1.0)) as door:
        answer = await say(door.port, opening() + message(chunks.USER_CONTROL, b"\0\6\0\0\0\7"), stay=True)
        assert statuses(answer) == ["NetStream.Publish.Start", "NetStream.Publish.Rejected"]
        assert (gate.taken[0].reason, door.refused) == ("silent", {"silent": 1})


async def test_media_of_another_codec_is_refused(door: RtmpDoor) -> None:
    """Sorenson H.263."""
    assert statuses(await push_bytes(door.port, video(b"\x12\0\0"))) == [
        "NetStream.Publish.Start",
        "NetStream.Publish.Rejected",
    ]
    assert door.refused == {"codec": 1}


async def test_too_many_that_wait_push_the_oldest_out(gate: OneKey) -> None:
    """An honest publisher gets in behind any number of silent ones."""
    limits = DoorLimits(publish_s=30, linger_s=0.2, waiting=4)
    async with RtmpDoor(gate, "127.0.0.1", 0, clock=SystemClock(), limits=limits) as door:
        idle = [asyncio.create_task(say(door.port, b"\3", stay=True)) for _ in range(12)]
        await eventually(lambda: door.refused["too_many"] >= 8)
        assert statuses(await say(door.port, opening())) == ["NetStream.Publish.Start"]
        assert door.refused == {"too_many": 9}
    await asyncio.gather(*idle)


async def test_a_full_outlet_stops_the_publisher_and_room_lets_it_go_on(door: RtmpDoor, gate: OneKey) -> None:
    """What is not taken waits in the publisher's socket, not here."""
    gate.limit = 1 << 20
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(opening())
    taken = await gate.first()
    size = message(chunks.SET_CHUNK_SIZE, (60_000).to_bytes(4))
    frames = media(chunks.VIDEO, b"\x27\1" + bytes(49_998), size=60_000) * 600
    writer.write(size + begun() + frames)
    await taken.until_size(taken.limit)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await writer.drain()
    assert len(taken.data) < taken.limit + (1 << 20)
    taken.limit = 1 << 40
    taken.publisher.link.resume()
    await taken.until_size(600 * 50_000)
    writer.close()
    assert await taken.until_closed() == "lost"


async def test_500_malformed_connections_leave_nothing_behind(gate: OneKey, door: RtmpDoor) -> None:
    """No exception reaches the loop, every socket is closed, and an honest publisher is served among them."""
    broken: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: broken.append(context))
    limit = asyncio.Semaphore(50)

    async def attack(data: bytes) -> None:
        async with limit:
            await say(door.port, data)

    async with asyncio.timeout(120):
        await asyncio.gather(*(attack(data) for data in corpus(7, 500)))
    for taken in gate.taken:
        await taken.until_closed()
    served = len(gate.taken)
    await push_bytes(door.port, begun())
    assert await gate.taken[served].until_closed() == "lost"
    assert gate.taken[served].data.startswith(b"FLV")
    await eventually(lambda: not door.open)
    assert broken == []
    assert door.refused["malformed"] > 100
    assert door.refused["too_big"] > 50
