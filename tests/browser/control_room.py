"""A server with a catalog that a test fills, in a thread of its own: playwright has the main one's loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any, Final, TypeVar

from playwright.sync_api import Page, expect
from sqlalchemy import insert

from core.control import EventBatch, Heartbeat, Live
from core.ids import SessionId, StreamId
from supervisor.api.feed import EVENTS
from supervisor.catalog.schema import clips
from supervisor.catalog.values import DEFAULT_WORKSPACE
from tests.unit.api.stage import Stage, stage

T = TypeVar("T")
expect.set_options(timeout=60_000)  # a slow machine is no fault
PAGES: Final = ("streams", "clips", "jobs", "rooms", "channels", "health", "settings")


class ControlRoom:
    """What a worker would do, and who may sign in."""

    def __init__(self, api: Stage, loop: asyncio.AbstractEventLoop, folder: Path) -> None:
        self.api, self.loop, self.folder, self.url = api, loop, folder, api.url
        self.token = api.tokens[DEFAULT_WORKSPACE, "owner"]
        self._seq: dict[str, int] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """On the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def stream(self, name: str) -> StreamId:
        """A stream with a worker that records."""
        return self.run(self._stream(name))

    async def _stream(self, name: str) -> StreamId:
        row = await self.api.stream(name)
        await self.api.worker(row.id)
        await self.api.leading.set_claim(row.id, 1, state="running")
        return row.id

    def beat(self, stream: StreamId, number: int = 1) -> None:
        """A heartbeat, and what is heard just now."""
        beat = Heartbeat(
            session=f"s-{stream}", claim_token=1, state="live", progress=number, media_s=100.0 + number, lag_s=1.2,
            rss_bytes=300_000_000, ring_bytes=1_000_000_000, disk_free_bytes=200_000_000_000, undelivered=0,
        )  # fmt: skip
        live = Live(
            session=f"s-{stream}", claim_token=1, t_s=100.0 + number, signals={"audio": {"level": -20.0 - number % 7}},
            words="and then he says that was never going to work",
        )  # fmt: skip
        self.run(self.api.catalog.beat(beat))
        self.loop.call_soon_threadsafe(self.api.services.board.put, stream, live)

    def tell(self, stream: StreamId, kind: str, *lines: dict[str, Any]) -> None:
        """Lines of its worker, as many as there are."""
        self.run(self._tell(stream, kind, lines))

    async def _tell(self, stream: StreamId, kind: str, lines: Sequence[dict[str, Any]]) -> None:
        for at in range(0, len(lines), 250):
            rows = []
            for line in lines[at : at + 250]:
                self._seq[stream] = self._seq.get(stream, 0) + 1
                rows.append({"seq": self._seq[stream], "attempt": 1, "kind": kind, "line": {"type": kind, **line}})
            await self.api.catalog.store_events(EventBatch(session=f"s-{stream}", claim_token=1, rows=tuple(rows)))
        self.api.services.wakes.wake(EVENTS)

    def keep(self, stream: StreamId, lines: Sequence[dict[str, Any]]) -> None:
        """Clips that have been there for long: straight into the catalog, one a second."""
        self.run(self._keep(stream, lines))

    async def _keep(self, stream: StreamId, lines: Sequence[dict[str, Any]]) -> None:
        rows = [
            {
                "id": line["id"], "session": f"s-{stream}", "stream": stream, "workspace": DEFAULT_WORKSPACE,
                "revision": 1, "state": "final", "review": "none", "title": line["title"], "score": line["score"],
                "line": line, "claim_token": 1, "seq": at, "created_ns": (1_790_000_000 + at) * 1_000_000_000,
            }
            for at, line in enumerate(lines)
        ]  # fmt: skip
        async with self.api.catalog._database.writing() as connection:
            await connection.execute(insert(clips), rows)

    def clip_folder(self, stream: StreamId, clip: str) -> Path:
        """Where the files of its first revision belong."""
        return self.folder / "sessions" / f"s-{stream}" / "clips" / clip / "r1"


def clip(number: int, *, files: dict[str, Path] | None = None, **fields: Any) -> dict[str, Any]:
    """A clip's line."""
    return {
        "id": f"c{number:05d}", "revision": 1, "state": "final", "review": "none", "start_s": 50.0, "end_s": 52.0,
        "title": f"Clip {number}", "score": 0.8, "reasons": ["the loudest laughter in 20 minutes"], "latency_s": 4.0,
        "files": {name: str(path) for name, path in (files or {}).items()}, **fields,
    }  # fmt: skip


@contextmanager
def control_room(folder: Path) -> Iterator[ControlRoom]:
    """Serves while the block runs."""
    started: Queue[ControlRoom] = Queue()
    stopping = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(folder, started, stopping)), name="control-room")
    thread.start()
    try:
        yield started.get(timeout=60)
    finally:
        stopping.set()
        thread.join()


async def _serve(folder: Path, started: Queue[ControlRoom], stopping: threading.Event) -> None:
    async with stage(folder, CLIPD_API__REQUESTS_PER_MINUTE="100000") as api:
        started.put(ControlRoom(api, asyncio.get_running_loop(), folder))
        await asyncio.to_thread(stopping.wait)


def sign_in(page: Page, room: ControlRoom, where: str = "streams") -> None:
    """As the owner; then a page of it."""
    page.goto(f"{room.url}/#/{where}")
    page.get_by_label("Token", exact=False).first.fill(room.token)
    page.keyboard.press("Enter")
    page.wait_for_selector(".shell")


def session_of(stream: StreamId) -> SessionId:
    """Its worker's."""
    return SessionId(f"s-{stream}")
