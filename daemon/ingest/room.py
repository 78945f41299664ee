"""A recording room as a source: its server runs here, and while a take is recorded the mix of everybody's microphones
is the media.

Media time runs along the room's clock from the session's first take on: each take is an epoch behind a gap with the
reason `no_take`. The next attempt after a kill goes on with the same take, behind a gap `worker_restart`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from core.errors import UsageError
from core.ids import is_safe_id
from core.protocols import Clock
from core.times import ns
from daemon.ingest.api import CaptureSink, Ended, Resume, Source, SourceInfo
from daemon.ingest.ice import ice_options
from daemon.ingest.mixfeed import MixFeed
from daemon.ingest.seat import RoomSeat
from daemon.ingest.threads import Threads
from daemon.sockets import short_path
from recorder.opus import OpusDecoder
from recorder.room.room import RecordingRoom
from recorder.room.server import RoomServer
from recorder.room.store import RoomStore
from recorder.room.takes import TakeLine
from recorder.room.webrtc import WebRtc

OPEN_S: Final = 20.0  # a command waits so long for the room
STEP_NS: Final = ns(0.25)  # sound handed over at a time: what it adds to latency
CHUNK_BYTES: Final = 4 << 20  # of one part of an upload; supervisor/segments.py


class RoomSource(Source):
    """Runs until it is cancelled: a room that nobody is in waits. A cancelled one ends its take, unless it is `lost`
    to another attempt, which goes on with it."""

    idle = "no_take"

    def __init__(self, seat: RoomSeat, path: Path, *, clock: Clock, resume: Resume | None) -> None:
        self._seat, self._socket, self._clock, self._resume = seat, path, clock, resume
        self._room: RecordingRoom | None = None
        self._open = asyncio.Event()  # and goes on with the take that was left
        self.info = SourceInfo(kind="room", unstoppable=True)

    async def run(self, sink: CaptureSink) -> Ended:
        """See Source. Raises StorageError where the room's folder or socket cannot be made."""
        store = await asyncio.to_thread(RoomStore.open, self._seat.folder, self._clock)
        self._room = room = self._made(store)
        await room.takes.resume()
        self._open.set()
        continues = room.takes.shown() is not None
        feed = MixFeed(sink, store, self._clock, resume=self._resume, continues=continues)
        try:
            with short_path(self._socket) as name:
                async with RoomServer(room, self._clock).listening(self._socket, name):
                    await self._feed(room, feed)
        finally:
            await room.close()

    async def _feed(self, room: RecordingRoom, feed: MixFeed) -> NoReturn:
        try:
            with Threads(1) as threads:
                while True:
                    await self._clock.sleep(STEP_NS)
                    room.look()
                    self._measure(room)
                    for sound in room.takes.pull():
                        await feed.hear(sound, threads)
        except asyncio.CancelledError:
            if not self.lost:
                await room.takes.stop(reason="worker_ended", tail=False)
            raise

    async def obey(self, kind: str, args: Mapping[str, Any]) -> None:
        """`rec-start` with an optional `take`, or `rec-stop`. What was asked of a worker that was killed comes to the
        next one before its room is open, and waits for that. Raises UsageError, StorageError."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._open.wait(), OPEN_S)
        if self._room is None:
            raise UsageError("The room is not open yet", remedy="Try again.", code="room_closed")
        if kind == "rec-start":
            await self._room.takes.start(take=_take(args.get("take")))
        else:
            await self._room.takes.stop()

    def _measure(self, room: RecordingRoom) -> None:
        metrics = self._seat.metrics
        metrics.room_people.set(len(room.state.inside))
        for reason, count in room.takes.new_gaps().items():
            metrics.room_gaps_total.labels(reason=reason).inc(count)

    # -- the room

    def _made(self, store: RoomStore) -> RecordingRoom:
        options = self._seat.options
        servers = [server.model_dump(mode="json", exclude_defaults=True) for server in options.ice_servers]
        return RecordingRoom(
            self._seat.spec,
            session=self._seat.session,
            store=store,
            media=WebRtc(ice=ice_options(options), max_kbps=options.live_kbps, clock=self._clock, now_ms=store.now_ms),
            clock=self._clock,
            decoder=OpusDecoder,
            told=self._tell,
            welcome={
                "ice_servers": servers,
                "limits": {"chunk_bytes": CHUNK_BYTES, "max_kbps": options.live_kbps},
            },
        )

    def _tell(self, take: TakeLine) -> None:
        assert self._room is not None  # it is the one who tells
        zero_ms = self._room.store.facts.zero_ms or take.started_ms
        start_s = round(max(0.0, take.started_ms - zero_ms) / 1000, 3)
        self._seat.told(
            {
                "id": take.id,
                "room": self._seat.spec.id,
                "state": take.state,
                "start_s": start_s,
                "participants": take.participants,
            }
        )


def _take(name: object) -> str | None:
    if name is None or (isinstance(name, str) and is_safe_id(name)):
        return name
    raise UsageError("The take is no id", remedy="Leave it out.", code="bad_take")
