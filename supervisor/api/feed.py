"""Events for all who follow: read from the catalog once by this process, whoever many listen, and kept for a while.

One task looks for news while anybody follows. A follower takes from memory what is new to it; one that comes back from
further behind, or that is slow, reads the catalog until it has caught up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

from core.protocols import Clock
from core.times import NS_PER_S
from supervisor.api.rows import public_line
from supervisor.api.wakes import Wakes
from supervisor.catalog import Catalog
from supervisor.catalog.values import StoredEvent

EVENTS: Final = "events"  # the key that news wake
AT_ONCE: Final = 200  # events of one look
KEPT: Final = 1000  # newest events of a workspace
LOOK_AGAIN_NS: Final = NS_PER_S  # other processes' news wake nobody here


class Frame(NamedTuple):
    """An event as it is sent."""

    id: int
    data: bytes


class Feed:
    """One for each process. `draining` ends it."""

    def __init__(self, catalog: Catalog, clock: Clock, wakes: Wakes, draining: asyncio.Event) -> None:
        self._catalog, self._clock, self._wakes, self._draining = catalog, clock, wakes, draining
        self._followers = 0
        self._task: asyncio.Task[None] | None = None
        self._clear()

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """It looks for news while the block runs."""
        self._followers += 1
        if self._task is None or self._task.done():
            self._clear()
            self._task = asyncio.create_task(self._run(), name="feed")
            self._task.add_done_callback(self._over)
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers and self._task is not None:
                task, self._task = self._task, None
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def turn(self) -> asyncio.Event:
        """Set when the feed has looked next: once a second, or sooner when there is news. Take it before `after`."""
        return self._turn

    async def after(self, id: int, workspace: str) -> tuple[list[Frame], int]:
        """A workspace's next events behind an id, AT_ONCE at most, and up to where there are no others of it.

        Raises CatalogAway: then the feed has ended, and so do who follow.
        """
        if self._broken is not None:
            raise self._broken
        seen = self._seen
        if seen is not None and id >= max(self._first, self._forgotten[workspace]):
            return self._remembered(id, workspace), max(id, seen)
        rows = await self._catalog.events_after(id, workspace=workspace, limit=AT_ONCE)
        frames = [frame_of(row) for row in rows]
        if len(rows) == AT_ONCE or seen is None:
            return frames, frames[-1].id if frames else id
        return frames, max(seen, frames[-1].id if frames else id)

    def _remembered(self, id: int, workspace: str) -> list[Frame]:
        """The newest stand at the end, and mostly only those are wanted."""
        found: list[Frame] = []
        for frame in reversed(self._frames[workspace]):
            if frame.id <= id:
                break
            found.append(frame)
        return found[::-1]

    def _clear(self) -> None:
        self._frames: defaultdict[str, deque[Frame]] = defaultdict(deque)
        self._forgotten: defaultdict[str, int] = defaultdict(int)  # by workspace, the newest that is not kept
        self._first = 0
        self._seen: int | None = None
        self._broken: BaseException | None = None
        self._turn = asyncio.Event()

    async def _run(self) -> None:
        seen = self._first = self._seen = await self._catalog.last_event()
        while not self._draining.is_set():
            rows = await self._catalog.events_after(seen, workspace=None, limit=AT_ONCE)
            for row in rows:
                self._keep(row)
            if rows:
                seen = self._seen = rows[-1].id
            else:
                await self._wakes.wait(EVENTS, clock=self._clock, duration_ns=LOOK_AGAIN_NS, draining=self._draining)
            self._next_turn()

    def _over(self, task: asyncio.Task[None]) -> None:
        """Who follows ends with it, and comes again."""
        if not task.cancelled() and task.exception() is not None:
            self._broken = task.exception()
            self._next_turn()

    def _keep(self, row: StoredEvent) -> None:
        frames = self._frames[row.workspace]
        frames.append(frame_of(row))
        if len(frames) > KEPT:
            self._forgotten[row.workspace] = frames.popleft().id

    def _next_turn(self) -> None:
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()


def frame_of(row: StoredEvent) -> Frame:
    """A server-sent event."""
    data: dict[str, Any] = {"stream": row.stream, "session": row.session, "line": public_line(row.line)}
    return Frame(row.id, f"id: {row.id}\nevent: {row.kind}\ndata: {json.dumps(data)}\n\n".encode())
