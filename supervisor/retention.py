"""Clears up once an hour what has been over for long enough (DESIGN.md section 5); the leader's work, in small steps.

Rules are pure; erasing.py deletes. Ages are by the wall clock, so a look after which that clock has jumped against
CLOCK_BOOTTIME decides nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import structlog

from configs.streams import RetentionOptions
from core.errors import StorageError
from core.protocols import Clock
from core.times import ns
from supervisor.catalog import Catalog, CatalogAway, Conflict, NotFound
from supervisor.catalog.values import OverSession
from supervisor.erasing import (
    erase_all_but,
    erase_clip,
    erase_ring,
    erase_room,
    erase_session,
    erase_upload,
    left_rooms,
    left_uploads,
)  # fmt: skip

HOUR_NS: Final = ns(3600)
DAY_NS: Final = 24 * HOUR_NS
IDLE_NS: Final = DAY_NS  # of an upload: abandoned
FIRST_NS: Final = ns(300)  # after a term began: a machine that starts has other work, and may yet set its clock
JUMP_NS: Final = ns(600)  # between the two clocks, from look to look; NTP slews by seconds an hour
MOST: Final = 1000  # folders and files of clips that one round deletes; the next one goes on
log = structlog.get_logger()


class Cutoffs(NamedTuple):
    """Wall-clock ns: what was over, or told, before them goes."""

    ring_ns: int
    clips_ns: int
    journals_ns: int
    rooms_ns: int


def cutoffs(options: RetentionOptions, now_ns: int) -> Cutoffs:
    """Of a round that begins at this wall time."""
    return Cutoffs(
        now_ns - round(options.ring_h * HOUR_NS),
        now_ns - round(options.clips_days * DAY_NS),
        now_ns - round(options.journals_days * DAY_NS),
        now_ns - round(options.rooms_days * DAY_NS),
    )


def due(row: OverSession, cut: Cutoffs) -> Literal["all", "rest", "ring", ""]:
    """What of a session goes: everything, everything but its clips (by now approved, or not old enough), its footage.

    Clips go by their own rule and before this one is asked: one that is left keeps its session's row.
    """
    if row.over_ns < cut.journals_ns:
        return "rest" if row.clips else "all"
    return "ring" if row.over_ns < cut.ring_ns else ""


def jumped(before: tuple[int, int], now: tuple[int, int]) -> bool:
    """Whether wall time went another way than CLOCK_BOOTTIME between two looks, each (wall ns, boottime ns)."""
    return abs((now[0] - before[0]) - (now[1] - before[1])) > JUMP_NS


@dataclass(slots=True)
class Cleared:
    """What a round deleted, and what it could not."""

    rings: int = 0
    clips: int = 0
    sessions: int = 0
    uploads: int = 0
    takes: int = 0
    rows: int = 0
    failed: int = 0

    @property
    def spent(self) -> int:
        """Of MOST."""
        return self.rings + self.clips + self.sessions + self.uploads + self.takes + self.failed


class Sweeper:
    """`run` for as long as this process leads; `held` is asked before each step.

    A step that is under way when the lease is lost comes to its end: deleting the same thing twice is deleting it.
    """

    def __init__(
        self, catalog: Catalog, data_dir: Path, options: RetentionOptions, clock: Clock, held: Callable[[], bool]
    ) -> None:
        self._catalog, self._data_dir, self._options = catalog, data_dir, options
        self._clock, self._held = clock, held

    async def run(self) -> None:
        """A round each hour, until cancelled. What fails is said, and tried again by the next one."""
        before, wait_ns = self._look(), FIRST_NS
        while True:
            await self._clock.sleep(wait_ns)
            now, wait_ns = self._look(), HOUR_NS
            if jumped(before, now):
                log.warning("retention.clock_jumped")
            elif self._held():
                try:
                    await self.round()
                except CatalogAway as err:
                    log.warning("catalog.away", why=str(err))
            before = now

    async def round(self) -> Cleared:
        """Clips first, then sessions, uploads and rooms. Raises CatalogAway."""
        cut, done = cutoffs(self._options, self._clock.wall_ns()), Cleared()
        await self._clips(cut, done)
        await self._sessions(cut, done)
        await self._uploads(cut, done)
        await self._rooms(cut, done)
        if self._held():
            done.rows = await self._catalog.forget(cut.journals_ns)
        if done.spent or done.rows:
            log.info(
                "retention.cleared", rings=done.rings, clips=done.clips, sessions=done.sessions, uploads=done.uploads,
                takes=done.takes, rows=done.rows, failed=done.failed,
            )  # fmt: skip
        return done

    async def _clips(self, cut: Cutoffs, done: Cleared) -> None:
        """The row first, unless somebody has approved it just now; files that a crash leaves go with their session."""
        after = (0, "")
        while rows := await self._catalog.unpicked_clips(cut.clips_ns, after=after):
            for row in rows:
                if not self._goes_on(done):
                    return
                after = (row.created_ns, row.id)
                if await self._catalog.is_busy(row.session) or not await self._catalog.drop_unpicked(row.id):
                    continue
                if await self._step(asyncio.to_thread(erase_clip, self._data_dir, row.session, row.id), done):
                    done.clips += 1

    async def _sessions(self, cut: Cutoffs, done: Cleared) -> None:
        after = (0, "")
        while rows := await self._catalog.over_sessions(max(cut.ring_ns, cut.journals_ns), after=after):
            for row in rows:
                if not self._goes_on(done):
                    return
                after = (row.over_ns, row.id)
                await self._session(row, due(row, cut), done)

    async def _uploads(self, cut: Cutoffs, done: Cleared) -> None:
        """Abandoned ones, and those that were clipped, when footage goes: their sessions have no other. Rows first,
        then folders that have none."""
        idle_ns, after = self._clock.wall_ns() - IDLE_NS, (0, "")
        while rows := await self._catalog.old_uploads(idle_ns, cut.ring_ns, after=after):
            for row in rows:
                if not self._goes_on(done):
                    return
                after = (row.touched_ns, row.id)
                with contextlib.suppress(NotFound, Conflict):  # by hand, or wanted after all, in between
                    await self._catalog.erase_upload(None, row.id)
                    done.uploads += 1
        known = await self._catalog.upload_workspaces()
        for name in await asyncio.to_thread(left_uploads, self._data_dir, known):
            if not self._goes_on(done):
                return
            await self._step(asyncio.to_thread(erase_upload, self._data_dir, name), done)

    async def _rooms(self, cut: Cutoffs, done: Cleared) -> None:
        """Old takes, files first: a row without them is tried again. Then folders of rooms that nobody knows."""
        for row in await self._catalog.old_takes(cut.rooms_ns):
            if not self._goes_on(done):
                return
            segments = [each.id for each in await self._catalog.segments(room=row.room, take=row.id)]
            failed = done.failed
            await self._step(asyncio.to_thread(erase_room, self._data_dir, row.room, segments, row.id), done)
            if done.failed == failed:
                await self._catalog.erase_take(row.room, row.id)
                done.takes += 1
        known = await self._catalog.room_workspaces()
        for name in await asyncio.to_thread(left_rooms, self._data_dir, known):
            if not self._goes_on(done):
                return
            await self._step(asyncio.to_thread(erase_room, self._data_dir, name, ()), done)

    async def _session(self, row: OverSession, what: Literal["all", "rest", "ring", ""], done: Cleared) -> None:
        if what == "ring":
            done.rings += await self._step(asyncio.to_thread(erase_ring, self._data_dir, row.id), done)
        elif what == "rest":
            kept = await self._catalog.clips_of(row.id)
            if await self._step(asyncio.to_thread(erase_all_but, self._data_dir, row.id, kept), done):
                await self._catalog.strip_session(row.id)
                done.sessions += 1
        elif what == "all":
            failed = done.failed
            await self._step(asyncio.to_thread(erase_session, self._data_dir, row.id), done)
            if done.failed == failed and not await self._catalog.is_busy(row.id):
                await self._forget(row, done)

    async def _forget(self, row: OverSession, done: Cleared) -> None:
        try:
            await self._catalog.erase_session(None, row.id)
            done.sessions += 1
        except NotFound:
            return  # by hand, in between

    async def _step(self, work: Coroutine[Any, Any, bool], done: Cleared) -> bool:
        """False where there was nothing, or it could not be: in use after all, or not ours to delete."""
        try:
            return await work
        except Conflict:
            done.failed += 1
        except StorageError as err:
            done.failed += 1
            log.warning("retention.failed", code=err.code, why=str(err))
        return False

    def _goes_on(self, done: Cleared) -> bool:
        return self._held() and done.spent < MOST

    def _look(self) -> tuple[int, int]:
        return self._clock.wall_ns(), self._clock.boottime_ns()
