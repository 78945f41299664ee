"""A door for many streams: one RTMP server, a key server over HTTP, and a worker's socket for each stream."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from configs.ingest import IngestOptions
from core.times import to_s
from daemon.doors.handover import Handover
from daemon.doors.keys import HttpKeys
from daemon.doors.rtmp import RtmpDoor
from daemon.ingest.handover import DoorSource
from daemon.sockets import short_path
from telemetry import SystemClock
from tests.fakes import RecordingSink
from tests.publisher import Publishing, eventually, flv_file
from tests.unit.doors.client import opening, say, statuses
from tests.unit.ingest.stage import Origin, Studio

OPTIONS = IngestOptions(stall_s=30, timeout_s=20)


@dataclass
class Worker:
    """A stream's worker: a source that runs, and what it was given."""

    socket: Path
    sink: RecordingSink = field(default_factory=RecordingSink)

    async def start(self) -> None:
        """Listen."""
        self.source = DoorSource(self.socket, clock=SystemClock(), options=OPTIONS)
        self._running = asyncio.create_task(self.source.run(self.sink))
        await self.source.listening.wait()

    async def die(self) -> None:
        """End without a word to anyone."""
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)


@dataclass
class Town:
    """The door, its key server, and two streams `one` and `two`; the keys are `key-one` and `key-two`."""

    door: RtmpDoor
    workers: dict[str, Worker]
    asked: list[dict[str, str]]


@pytest.fixture
async def town(tmp_path: Path, origin: Origin) -> AsyncIterator[Town]:
    deep = tmp_path / ("a-long-name-" * 10)  # longer than the address of a socket
    deep.mkdir()
    workers = {name: Worker(deep / f"{name}.sock") for name in ("one", "two")}
    asked: list[dict[str, str]] = []

    async def keys(request: web.Request) -> web.Response:
        asked.append(await request.json())
        worker = workers.get(asked[-1]["key"].removeprefix("key-"))
        return web.json_response({"socket": str(worker.socket)}) if worker else web.Response(status=404)

    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(HttpKeys(origin.at("/keys", keys)))
        gate = Handover(client, SystemClock())
        door = await stack.enter_async_context(RtmpDoor(gate, "127.0.0.1", 0, clock=SystemClock()))
        for worker in workers.values():
            await worker.start()
            stack.push_async_callback(worker.die)
        yield Town(door, workers, asked)


async def test_each_key_reaches_its_own_worker(town: Town, studio: Studio) -> None:
    """Two publishers through one port; every picture of each arrives, and only there."""
    short, long = flv_file(studio), flv_file(studio, 4)
    async with Publishing(short, town.door.port, "key-one") as one, Publishing(long, town.door.port, "key-two") as two:
        assert await one.ended() == 0, one.said
        assert await two.ended() == 0, two.said
    for name, pictures in (("one", 60), ("two", 120)):
        sink = town.workers[name].sink
        await eventually(lambda sink=sink, n=pictures: len(sink.packets("video")) == n)  # type: ignore[misc]
        assert (len(sink.epochs), sink.gaps) == (1, [])
    assert {"app": "live", "key": "key-one", "peer": "127.0.0.1"} in town.asked
    assert len(town.asked) == 2


async def test_an_unknown_key_never_reaches_a_worker(town: Town) -> None:
    """The key server says no; no worker hears of it."""
    assert statuses(await say(town.door.port, opening("key-three"))) == ["NetStream.Publish.BadName"]
    assert town.door.refused == {"bad_key": 1}
    assert [worker.source.handed for worker in town.workers.values()] == [set(), set()]


async def test_a_second_publisher_is_turned_away_by_the_worker(town: Town, studio: Studio) -> None:
    """Before it may send anything."""
    async with Publishing(flv_file(studio, 4), town.door.port, "key-one", at_once=False, loops=-1):
        await eventually(lambda: bool(town.workers["one"].sink.packets()))
        assert statuses(await say(town.door.port, opening("key-one"))) == ["NetStream.Publish.BadName"]
    assert town.door.refused == {"busy": 1}


async def test_a_publisher_outlives_its_worker(town: Town, studio: Studio) -> None:
    """The worker's next attempt goes on with the same connection, from its next keyframe on."""
    worker = town.workers["one"]
    async with Publishing(flv_file(studio, 4), town.door.port, "key-one", at_once=False, loops=1) as publishing:
        await eventually(lambda: bool(worker.sink.packets()))
        await worker.die()
        worker.sink = RecordingSink()
        await worker.start()
        await eventually(lambda: bool(worker.sink.packets("video")))
        assert await publishing.ended() == 0, publishing.said
    assert worker.sink.packets("video")[0].is_keyframe
    assert [track.kind for track in worker.sink.tracks[0]] == ["video", "audio"]
    await eventually(lambda: town.door.open == 0)
    assert (town.door.accepted, town.door.refused) == (1, {})


async def test_without_a_worker_or_a_key_server_the_publisher_is_told(town: Town, origin: Origin) -> None:
    """`unavailable`; nothing is let in because something is down."""
    await town.workers["two"].die()
    assert statuses(await say(town.door.port, opening("key-two"))) == ["NetStream.Publish.Rejected"]
    origin.body("/keys", "no", status=500)
    assert statuses(await say(town.door.port, opening("key-one"))) == ["NetStream.Publish.Rejected"]
    assert town.door.refused == {"unavailable": 2}


async def test_the_socket_is_the_workers_own(town: Town) -> None:
    """Nobody else may open it, and it goes with the source."""
    worker = town.workers["one"]
    assert stat.S_IMODE(worker.socket.stat().st_mode) == 0o600
    await worker.die()
    assert not worker.socket.exists()


async def test_what_is_no_hand_over_is_hung_up_on(town: Town, studio: Studio) -> None:
    """And the socket goes on serving."""
    with short_path(town.workers["one"].socket) as short:
        reader, writer = await asyncio.open_unix_connection(short)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert b"malformed" in await reader.read(-1)
    writer.close()
    async with Publishing(flv_file(studio), town.door.port, "key-one") as publishing:
        assert await publishing.ended() == 0, publishing.said
        sink = town.workers["one"].sink
        await eventually(lambda: to_s(max((p.end_ns for p in sink.packets()), default=0)) > 1.9)
