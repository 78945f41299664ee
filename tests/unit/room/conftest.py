"""A room with its door open, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.spec import RoomSpec
from daemon.sockets import short_path
from recorder.opus import OpusDecoder
from recorder.room.room import RecordingRoom
from recorder.room.server import RoomServer
from recorder.room.store import RoomStore
from recorder.room.takes import Sound, TakeLine
from recorder.room.webrtc import WebRtc
from recorder.rtc.options import IceOptions
from telemetry import SystemClock


class OpenRoom:
    """What a worker would hold."""

    def __init__(self, room: RecordingRoom, path: Path, folder: Path, told: list[TakeLine]) -> None:
        self.room, self.path, self.folder, self.told = room, path, folder, told
        self.sounds: list[Sound] = []

    async def pull(self) -> None:
        """As its source does."""
        while True:
            await asyncio.sleep(0.1)
            self.room.look()
            self.sounds += self.room.takes.pull()


@asynccontextmanager
async def opened(folder: Path, *, session: str = "s1", max_people: int = 6) -> AsyncIterator[OpenRoom]:
    """Until the block is left, as a crash would: nothing is said to anybody about the take."""
    clock = SystemClock()
    store = await asyncio.to_thread(RoomStore.open, folder / "rm1", clock)
    told: list[TakeLine] = []
    room = RecordingRoom(
        RoomSpec(id="rm1", name="Talk", max_people=max_people),
        session=session,
        store=store,
        media=WebRtc(ice=IceOptions(), max_kbps=1200, clock=clock, now_ms=store.now_ms),
        clock=clock,
        decoder=OpusDecoder,
        told=told.append,
        welcome={"ice_servers": [], "limits": {"chunk_bytes": 4 << 20}},
    )
    await room.takes.resume()
    path = folder / "room.sock"
    with short_path(path) as name:
        async with RoomServer(room, clock).listening(path, name):
            one = OpenRoom(room, path, store.folder, told)
            pulling = asyncio.create_task(one.pull(), name="pulling")
            try:
                yield one
            finally:
                pulling.cancel()
                await asyncio.gather(pulling, return_exceptions=True)
    await room.close()


@pytest.fixture
async def open_room(tmp_path: Path) -> AsyncIterator[OpenRoom]:
    async with opened(tmp_path) as room:
        yield room
