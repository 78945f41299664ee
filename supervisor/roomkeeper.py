"""The leader's work for recording rooms: local tracks that are whole are checked and kept, those that nobody finishes
are closed, and a take whose tracks are all here is aligned by a worker.

Level-triggered: each look begins with what the catalog says, and every step done twice is done once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from core.errors import ClipdError
from core.ids import ClipId
from core.protocols import Clock
from core.times import ns
from supervisor.catalog import Catalog, CatalogAway, Conflict, NotFound
from supervisor.catalog.room_values import NOTHING, SETTLED, SegmentRow, SegmentState, TakeRow
from supervisor.erasing import erase_upload
from supervisor.orders import order_rows
from supervisor.roomfiles import publish, write_ledger
from supervisor.segments import Segment
from supervisor.uploads import Busy, folder_of

EVERY_NS: Final = ns(3)
GIVE_UP_NS: Final = ns(48 * 3600)  # after the last part came: the laptop does not come back
SETTLE_NS: Final = ns(15)  # after a take has stopped: recorders end one after the other, and announce what they made
ALONE_NS: Final = ns(3600)  # a take that nobody brings anything for
NEVER: Final = "never_finished"  # why a segment was closed
LOST: Final = "lost"  # its file was deleted by somebody
CONFORM: Final = "conform"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What decoding a file to its end found. `reason` is "" where it is good: undecodable, empty, slow. `report`:
    duration_s, errors."""

    reason: str
    report: Mapping[str, Any] = field(default_factory=dict)


class CheckTrack(Protocol):
    """Decodes a local track to its end, in a fenced child."""

    async def __call__(self, media: Path, mime: str) -> Checked:
        """Raises ClipdError where it cannot be tried."""


class RoomKeeper:
    """`run` for as long as this process leads; `held` is asked before each step."""

    def __init__(
        self, catalog: Catalog, data_dir: Path, clock: Clock, held: Callable[[], bool], check: CheckTrack
    ) -> None:
        self._catalog, self._data_dir, self._clock = catalog, data_dir, clock
        self._held, self._check = held, check

    async def run(self) -> None:
        """Until cancelled. Decoding a long track takes minutes, which nothing else waits for."""
        async with asyncio.TaskGroup() as tasks:
            for does in (self.check, self.look):
                tasks.create_task(self._repeat(does), name=f"rooms: {does.__name__}")

    async def _repeat(self, does: Callable[[], Awaitable[None]]) -> None:
        """What fails is said, and tried again at the next look."""
        while True:
            try:
                await does()
            except CatalogAway as err:
                log.warning("catalog.away", why=str(err))
            except ClipdError as err:
                log.warning("rooms.failed", code=err.code, why=str(err))
            await self._clock.sleep(EVERY_NS)

    async def check(self) -> None:
        """Every local track that is whole, one after the other; one that cannot be now waits. Raises CatalogAway."""
        for row in await self._catalog.segments_in("whole"):
            if self._held():
                try:
                    await self._settle(row)
                except ClipdError as err:
                    log.warning("segment.not_settled", segment=row.id, code=err.code, why=str(err))

    async def look(self) -> None:
        """At all that takes no time. Raises CatalogAway, ClipdError."""
        for take in await self._catalog.open_takes():
            if self._held():
                log.warning("take.left", room=take.room, take=take.id)
                now_ns = self._clock.wall_ns()
                await self._catalog.change_take(take.room, take.id, state="stopped", stopped_ns=now_ns)
        for row in await self._catalog.segments_in("open", before_ns=self._clock.wall_ns() - GIVE_UP_NS):
            if self._held():
                await self._close(row)
        for take in await self._catalog.waiting_takes():
            if self._held():
                await self._conform(take)

    async def _close(self, row: SegmentRow) -> None:
        """Nobody has sent anything for two days: what came without a hole is what there is."""
        try:
            made = await asyncio.to_thread(Segment(self._data_dir, row.id).close)
        except Busy:
            return  # they are back
        except FileNotFoundError:
            made = None
        if made is None:
            await self._catalog.settle_segment(row.id, "given_up", NEVER, {})
            await asyncio.to_thread(erase_upload, self._data_dir, row.id)
            return
        await self._catalog.finish_segment(
            row.id, chunks=made.chunks, bytes=made.bytes, sha256=made.sha256, reason=NEVER
        )

    async def _settle(self, row: SegmentRow) -> None:
        """Check it, give it its name among the take's files, and only then say so: a browser deletes its copy then."""
        media = folder_of(self._data_dir) / row.id / "media"
        if not media.exists():
            await self._catalog.settle_segment(row.id, "damaged", LOST, {})
            return
        checked = await self._check(media, row.mime)
        if not self._held():
            return
        await asyncio.to_thread(publish, self._data_dir, row, media)
        report = {**checked.report, "cut": row.reason == NEVER}
        state: SegmentState = "damaged" if checked.reason else "verified"
        await self._catalog.settle_segment(row.id, state, checked.reason or row.reason, report)
        await self._write_ledger(row.room, row.take)
        await asyncio.to_thread(erase_upload, self._data_dir, row.id)
        log.info("segment.settled", room=row.room, take=row.take, segment=row.id, state=state, reason=checked.reason)

    async def _conform(self, take: TakeRow) -> None:
        stopped_ns, now_ns = take.stopped_ns or 0, self._clock.wall_ns()
        if now_ns - stopped_ns < SETTLE_NS:
            return
        rows = await self._catalog.segments(room=take.room, take=take.id)
        if not rows and now_ns - stopped_ns < ALONE_NS:
            return
        if any(row.state not in SETTLED for row in rows):
            return
        if not any(row.state == "verified" for row in rows):
            await self._catalog.change_take(take.room, take.id, conform=NOTHING)
            return
        await self._write_ledger(take.room, take.id)
        await self._order(take)

    async def _order(self, take: TakeRow) -> None:
        try:
            room = await self._catalog.room(None, take.room)
            recorded = await self._catalog.stream(None, room.stream)
            asked = {"room": take.room, "take": take.id}
            stream, job = order_rows(recorded, take.session, ClipId(take.id), CONFORM, asked)
            made = await self._catalog.add_order(stream, job)
        except NotFound:  # its session has gone
            await self._catalog.change_take(take.room, take.id, conform=NOTHING)
        except Conflict as err:
            log.info("take.waits", room=take.room, take=take.id, why=str(err))  # an earlier one is under way
        else:
            await self._catalog.change_take(take.room, take.id, conform=made.id)
            log.info("take.complete", room=take.room, take=take.id, job=made.id)

    async def _write_ledger(self, room: str, take: str) -> None:
        rows = await self._catalog.segments(room=room, take=take)
        await asyncio.to_thread(write_ledger, self._data_dir, room, take, rows)
