"""An outbox with everything around it: a catalog, a stream with a worker's claim, a folder with clips, a drainer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from core.control import EventBatch
from core.ids import SessionId, StreamId
from core.spec import Rights
from core.times import ns
from supervisor.alerts.drainer import Drainer
from supervisor.alerts.fitting import Fitting
from supervisor.alerts.outgoing import Outgoing
from supervisor.alerts.senders import Aims, Senders
from supervisor.alerts.webhook import new_secret
from supervisor.catalog import Catalog
from supervisor.catalog.values import ChannelKind, ChannelRow, ClaimRow, DeliveryRow, StreamRow
from telemetry.metrics import SupervisorMetrics
from tests.fakes import FakeClock
from tests.unit.api.stage import first_catalog

ALLOW = ("127.0.0.0/8",)


@dataclass
class Plant:
    """Clips are told to it as a worker tells them."""

    catalog: Catalog
    clock: FakeClock
    out: Outgoing
    aims: Aims
    claim: ClaimRow
    metrics: SupervisorMetrics = field(default_factory=SupervisorMetrics)
    leads: bool = True
    seq: int = 0

    @property
    def senders(self) -> Senders:
        """As the leader has them."""
        return Senders(self.out, self.aims, self.clock)

    def drainer(self, **changes: Any) -> Drainer:
        """A leader's."""
        fitting = Fitting(self.catalog, self.aims)
        values: dict[str, Any] = {"catalog": self.catalog, "tells": self.senders, "orders": fitting} | changes
        return Drainer(clock=self.clock, held=lambda: self.leads, metrics=self.metrics, **values)

    async def channel(self, kind: ChannelKind, target: str, name: str = "", **filters: Any) -> ChannelRow:
        """One that is switched on."""
        row = ChannelRow(
            id=f"a{secrets.token_hex(4)}", workspace="default", name=name or kind, kind=kind, target=target,
            secrets={"now": new_secret()} if kind == "webhook" else {}, filters=filters,
        )  # fmt: skip
        return await self.catalog.add_channel(row)

    async def clip(self, id: str = "c1", revision: int = 1, *, files: tuple[str, ...] = (), **changes: Any) -> None:
        """A `clip` line."""
        line: dict[str, Any] = {
            "type": "clip", "id": id, "revision": revision, "state": "provisional", "title": "A goal", "score": 0.9,
            "start_s": 60.0, "end_s": 82.0, "reasons": ["the crowd roared"], "latency_s": 2.0,
            "wall": "2023-11-14T22:13:20.000Z", "files": {name: self.path(id, name) for name in files},
        }  # fmt: skip
        self.seq += 1
        row = {"seq": self.seq, "attempt": 1, "kind": "clip", "line": line | changes}
        await self.catalog.store_events(
            EventBatch(session=self.claim.session, claim_token=self.claim.token, rows=(row,))
        )

    def path(self, clip: str, name: str) -> str:
        """Where a file of a clip lies."""
        suffix = ".jpg" if name == "thumbnail" else ".mp4"
        return str(self.aims.data_dir / "sessions" / self.claim.session / "clips" / clip / "r1" / f"{name}{suffix}")

    def make(self, name: str, size: int, clip: str = "c1") -> None:
        """A file of a clip: its first bytes are there, the rest is a hole."""
        path = Path(self.path(clip, name))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(name.encode())
            file.truncate(size)

    async def drain(self, drainer: Drainer | None = None, *, hours: float = 0.02) -> Drainer:
        """Until nothing is left to tell within so many hours; time jumps to when something is due."""
        drainer = drainer or self.drainer()
        until_ns = self.clock.wall_ns() + ns(hours * 3600)
        while True:
            await drainer.look()
            await drainer.empty()
            waiting = await self._waiting()
            if not waiting or self.clock.wall_ns() >= until_ns:
                return drainer
            self.clock.advance(max(ns(1), min(waiting) - self.clock.wall_ns()))

    async def _waiting(self) -> list[int]:
        """When each of what waits is due, of channels that are switched on."""
        found = [
            row for each in (await self.catalog.channels(None)).rows if each.enabled for row in await self.rows(each)
        ]
        return [row.next_ns for row in found if row.state == "waiting"]

    async def rows(self, channel: ChannelRow) -> list[DeliveryRow]:
        """What was told there, and what waits; the oldest first."""
        return list(reversed((await self.catalog.deliveries(None, channel.id, limit=200)).rows))


@asynccontextmanager
async def plant(folder: Path, *, rights: Rights = "own", public_url: str = "", slack: str = "") -> AsyncIterator[Plant]:
    """With a stream of these rights, claimed by a worker."""
    clock = FakeClock()
    template = await asyncio.to_thread(first_catalog)
    (folder / "catalog.db").write_bytes(template.data)
    catalog = await Catalog.open(f"sqlite:///{folder}/catalog.db", clock)
    try:
        row = StreamRow(
            id=StreamId("ann"), workspace="default", name="ann", source="https://example.org/a", kind="stream",
            origin="api", rights=rights,
        )  # fmt: skip
        await catalog.add_stream(row)
        session = SessionId("s-ann")
        claim = await catalog.leading(1).claim(row.id, after_token=0, session=session, worker_runtime="process")
        aims = Aims(data_dir=folder, public_url=public_url, slack_api=slack)
        async with Outgoing(ALLOW) as out:
            yield Plant(catalog, clock, out, aims, claim)
    finally:
        await catalog.close()


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Its URL."""
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
