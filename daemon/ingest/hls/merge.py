"""Picture and sound of one stream from two playlists, in one order. One playlist is the simple case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from core.media import Track
from daemon.ingest.hls.rendition import Fetched, Rendition


class Lane:
    """One playlist's outcomes. `end_ns`: media placed from it so far; `reached_ns`: its newest decode time."""

    def __init__(self, rendition: Rendition, *, primary: bool) -> None:
        self.rendition = rendition
        self.primary = primary
        self.end_ns = 0
        self.reached_ns = 0
        self.tracks: tuple[Track, ...] = ()
        self.head: Fetched | None = None
        self.done = False
        self._items = rendition.items()
        self._next: asyncio.Task[Fetched | None] | None = None

    def want(self) -> asyncio.Task[Fetched | None]:
        """The task that brings the next head."""
        if self._next is None:
            self._next = asyncio.create_task(self._advance(), name="hls-next")
        return self._next

    def receive(self) -> None:
        """Take over what `want` has brought."""
        if self._next is not None and self._next.done():
            self.head, self._next = self._next.result(), None
            self.done = self.head is None

    def take(self) -> Fetched:
        """The head, which is gone then."""
        assert self.head is not None  # merged() has just seen it
        head, self.head = self.head, None
        return head

    async def close(self) -> None:
        """End every task."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
        await self._items.aclose()
        await self.rendition.close()

    async def _advance(self) -> Fetched | None:
        return await anext(self._items, None)


async def merged(lanes: list[Lane]) -> AsyncIterator[tuple[Lane, Fetched]]:
    """Outcomes of all lanes, the one that is behind in media time first, and no lane ahead into the next section.

    A segment that is being fetched is waited for: it comes or is given up in bounded time. Sound whose playlist has
    nothing new holds the picture up only until that has fetched all it may (Rendition.full).
    """
    while True:
        await _heads(lanes)
        ready = [lane for lane in lanes if lane.head is not None]
        if not ready or (lanes[0].done and lanes[0].rendition.ended == "source_gone"):
            return
        lane = min(ready, key=_order)
        yield lane, lane.take()


def _order(lane: Lane) -> tuple[int, int, bool]:
    assert lane.head is not None  # only asked of lanes with a head
    return lane.head.step.section, lane.end_ns, not lane.primary


async def _heads(lanes: list[Lane]) -> None:
    while True:
        for lane in lanes:
            lane.receive()
        waiting = [lane for lane in lanes if lane.head is None and not lane.done]
        missing = {lane.want() for lane in waiting}
        ready = [lane for lane in lanes if lane.head is not None]
        full = any(lane.primary and lane.rendition.full for lane in ready)
        if not missing or (full and all(lane.rendition.idle for lane in waiting)):
            return
        busy = set().union(*(lane.rendition.busy for lane in ready))
        await asyncio.wait(missing | busy, return_when=asyncio.FIRST_COMPLETED)
