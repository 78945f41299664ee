"""An installation that faults are tried on: `clipd up` processes, the workers they start, and what all of them wrote.

Everything is looked at from outside: the API, the processes of the machine, the journals and rings on the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeVar

import aiohttp

from core.errors import UsageError
from daemon.journal.store import Store
from daemon.worker.control import command
from supervisor.catalog import Catalog, CatalogAway
from supervisor.catalog.values import DEFAULT_WORKSPACE
from telemetry import SystemClock
from tests.processes import is_worker, open_files
from tests.scenario.upping import Supervisor, supervisor

LOOK_S: Final = 0.5  # at the health of eight streams, by one token that may ask so often
START_LIMIT_S: Final = 90.0
CLIP_S: Final = 3.0
Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is installed. `lease`, `catalog`: URLs, "" for the embedded ones; `more`: YAML of the key `supervisor`."""

    source: str
    streams: int
    supervisors: int = 2
    lease_s: float = 2.0
    lease: str = ""
    catalog: str = ""
    more: str = ""
    preload: dict[str, str] = field(default_factory=dict)  # of the supervisors' environment

    @property
    def names(self) -> list[str]:
        """The streams, which are their ids too."""
        return [f"s{number}" for number in range(1, self.streams + 1)]

    def settings(self, ports: Sequence[int]) -> str:
        """The settings file."""
        urls = ", ".join(f'"http://127.0.0.1:{port}"' for port in ports)
        streams = "".join(f'\n  - {{name: {name}, source: "{self.source}", chat: "off"}}' for name in self.names)
        given = [f"lease_s: {self.lease_s}", f"urls: [{urls}]", f'lease: "{self.lease}"', f'catalog: "{self.catalog}"']
        return f"supervisor: {{{', '.join([*given, *([self.more] if self.more else [])])}}}\nstreams:{streams}\n"


@dataclass
class _Place:
    """Where one supervisor runs, and runs again after its death, as a service manager would see to it."""

    port: int
    up: Supervisor | None = None
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)


class Site:
    """Entered, its supervisors are up; left, nothing of it runs any more."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.plan, self.data_dir = plan, folder / "data"
        self._places = [_Place(port) for port in _free_ports(plan.supervisors)]
        self._asking = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=4))

    async def __aenter__(self) -> Self:
        for place in self._places:  # one after the other: the first makes the catalog and the owner's token
            await self._start(place)
        url = self.plan.catalog or f"sqlite:///{self.data_dir}/catalog.db"
        self.catalog = await Catalog.open(url, SystemClock())
        return self

    async def __aexit__(self, *_: object) -> None:
        for place in self._places:
            if place.up is not None and place.up.process.returncode is None:
                place.up.process.send_signal(signal.SIGKILL)
            await place.stack.aclose()
        await self._asking.close()
        await self.catalog.close()
        for pids in self.workers().values():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    # supervisors

    @property
    def ups(self) -> list[Supervisor]:
        """Those that run (a stopped process does, too)."""
        return [place.up for place in self._places if place.up is not None and place.up.process.returncode is None]

    async def revive(self) -> int:
        """Start those that have ended; how many."""
        ended = [place for place in self._places if place.up is None or place.up.process.returncode is not None]
        for place in ended:
            await place.stack.aclose()
            await self._start(place)
        return len(ended)

    async def leader(self, *, but: Supervisor | None = None, limit_s: float = START_LIMIT_S) -> Supervisor:
        """The one that holds the lease, once there is one."""

        async def found() -> Supervisor | None:
            for up in self.ups:
                if up is not but and ((await self.ask(up, "/readyz")) or {}).get("lease") == "held":
                    return up
            return None

        return await until(found, "a leader", limit_s=limit_s, every_s=0.2)

    async def ask(self, up: Supervisor, path: str, body: dict[str, Any] | None = None) -> Any:
        """As the owner; a POST where there is a body. None where there is no good answer within 4 s."""
        token = (self.data_dir / "owner-token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        method = "GET" if body is None else "POST"
        try:
            async with self._asking.request(method, up.url + path, json=body, headers=headers) as answer:
                return await answer.json() if answer.status < 400 else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def ask_any(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The first good answer of any supervisor."""
        for up in self.ups:
            if (answer := await self.ask(up, path, body)) is not None:
                return answer
        return None

    async def fence(self) -> int:
        """The highest lease token that any write carried; 0 while the catalog is away."""
        try:
            return await self.catalog.floor()
        except CatalogAway:
            return 0

    async def clips(self) -> list[str]:
        """The id of every clip that the catalog lists; it is asked directly, since no supervisor may be up."""
        found: list[str] = []
        after: str | None = None
        while True:
            page = await self.catalog.clips(DEFAULT_WORKSPACE, limit=100, after=after)
            found += [row.id for row in page.rows]
            if page.next is None:
                return found
            after = page.next

    # workers

    async def recording(self, *, limit_s: float = START_LIMIT_S) -> dict[str, str]:
        """Wait until every stream is recorded live; the session of each."""

        async def all_live() -> dict[str, str] | None:
            found = {}
            for name in self.plan.names:
                health = await self.ask_any(f"/api/v1/streams/{name}/health") or {}
                if health.get("state") != "running" or not self._live(health):
                    return None
                if len(self.journal(health["session"]).segments) < 2:
                    return None
                found[name] = health["session"]
            return found

        return await until(all_live, "all streams live", limit_s=limit_s, every_s=LOOK_S)

    @staticmethod
    def _live(health: dict[str, Any]) -> bool:
        return bool(health["health"].get("state") == "live")

    def workers(self) -> dict[str, list[int]]:
        """Worker processes by session: those that have a file of it open, and were all there at the end of the look."""
        found: dict[str, list[int]] = {}
        prefix = f"{self.data_dir}/sessions/"
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and is_worker(entry.name):
                held = {name.removeprefix(prefix).partition("/")[0] for name in open_files(entry.name, prefix)}
                for session in held:
                    found.setdefault(session, []).append(int(entry.name))
        return {session: alive for session, pids in found.items() if (alive := [pid for pid in pids if is_worker(pid)])}

    def pid(self, session: str) -> int:
        """The one worker of a session."""
        [pid] = self.workers()[session]
        return pid

    async def cut(self, session: str) -> str | None:
        """A clip of the newest seconds, cut by hand through the session's own socket; its id once it is final."""
        end_s = self.journal(session).media_s - 0.5
        request = {"command": "cut", "start_s": end_s - CLIP_S, "end_s": end_s, "title": "chaos", "keyframes": True}
        try:
            async with asyncio.timeout(30):
                answer = await command(self.data_dir / "sessions" / session / "control.sock", request)
        except (UsageError, TimeoutError, KeyError):
            return None  # it was killed meanwhile, or is stopped; a promise that it made is seen in its journal
        return str(answer["clip"]["id"])

    def journal(self, session: str) -> Told:
        """What a session's journal says now."""
        return Told.read(self.data_dir / "sessions" / session / "session.db")

    def sessions(self) -> list[str]:
        """Those on the disk."""
        folder = self.data_dir / "sessions"
        return sorted(path.name for path in folder.iterdir() if (path / "session.db").exists())

    async def _start(self, place: _Place) -> None:
        place.stack = AsyncExitStack()
        settings = self.plan.settings([each.port for each in self._places])
        running = supervisor(self.data_dir, settings=settings, port=place.port, extra=self.plan.preload)
        place.up = await place.stack.enter_async_context(running)


class Segment(NamedTuple):
    """`at_ns`: when it was journaled (CLOCK_BOOTTIME). `adopted`: it was open when its worker died, and its successor
    took it up, at its own start."""

    attempt: int
    seq: int
    start_ns: int
    end_ns: int
    at_ns: int
    adopted: bool


@dataclass(frozen=True)
class Told:
    """A journal, read from outside; `segments` in the order written."""

    segments: list[Segment]
    gaps: list[tuple[int, int, str]]
    clips: dict[str, tuple[str, str]]  # id -> state, record as JSON
    waiting: int  # rows of the outbox that no supervisor has taken

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises what SQLite raises where it is not a journal. One that is just being made is empty."""
        store = Store(path, read_only=True)
        try:
            if store.version == 0:
                return cls([], [], {}, 0)
            rows = store.rows(
                "SELECT attempt,seq,start_ns,end_ns,boottime_ns,recovered FROM segments ORDER BY boottime_ns,seq"
            )
            gaps = store.rows("SELECT start_ns,end_ns,reason FROM gaps ORDER BY start_ns")
            clips = store.rows("SELECT clip,state,record FROM clips WHERE record IS NOT NULL")
            told = store.rows("SELECT coalesce((SELECT value FROM meta WHERE key='told'),'0')")
            left = store.rows("SELECT count(*) FROM outbox WHERE seq>?", (int(told[0][0]),))
        finally:
            store.close()
        return cls(
            [Segment(int(a), int(b), int(c), int(d), int(e), bool(f)) for a, b, c, d, e, f in rows],
            [(int(a), int(b), str(c)) for a, b, c in gaps],
            {str(clip): (str(state), str(record)) for clip, state, record in clips},
            int(left[0][0]),
        )

    @property
    def media_s(self) -> float:
        """End of the newest segment in s of media time."""
        return max(segment.end_ns for segment in self.segments) / 1e9

    def pause_s(self, since_ns: int, until_ns: int | None = None) -> float:
        """The longest wall time without a new segment, from the last one before `since_ns` on (CLOCK_BOOTTIME)."""
        seen = [each.at_ns for each in self.segments if not each.adopted]
        times = [at for at in seen if until_ns is None or at <= until_ns]
        first = max((n for n, at in enumerate(times) if at <= since_ns), default=0)
        ends = [*times[first:], *([] if until_ns is None else [until_ns])]
        return max((b - a for a, b in pairwise(ends)), default=0) / 1e9


async def until(
    found: Callable[[], Awaitable[Found | None]],
    what: str,
    *,
    limit_s: float = START_LIMIT_S,
    every_s: float = 0.05,
) -> Found:
    """Look again until there is something."""
    try:
        async with asyncio.timeout(limit_s):
            while not (value := await found()):  # noqa: ASYNC110 - other processes, looked at again
                await asyncio.sleep(every_s)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {limit_s:.0f} s") from None
    return value


def boottime_ns() -> int:
    """The clock that journals and workers' orders are dated by."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@asynccontextmanager
async def stopped(pid: int) -> AsyncIterator[None]:
    """SIGSTOP, and SIGCONT if it is still there."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]
