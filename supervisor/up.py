"""`clipd up`: one supervisor process. Every one serves the API; the one that holds the lease also reconciles.

The lease is kept in a thread of its own (leases/keeper.py); what acts for it lives on the event loop and asks `held()`
before each effect. A term ends within the second that the keeper gives it, else the process does.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from configs import Settings
from core.errors import UsageError
from core.ids import StreamId
from core.protocols import Clock
from supervisor.alerts.chore import Alerts
from supervisor.api import Health, Replays, ensure_owner, make_app, serve
from supervisor.catalog import PROFILE, Catalog, CatalogAway, Conflict
from supervisor.catalog.values import StreamRow
from supervisor.disk import Disk
from supervisor.leases.api import LeaseTiming, StoreAway
from supervisor.leases.floors import on_loop
from supervisor.leases.keeper import Keeper
from supervisor.leases.stores import EMBEDDED, open_floor_file, open_store
from supervisor.metering import Meter
from supervisor.reconcile.capacity import Machine
from supervisor.reconcile.desk import StreamDesk, Streams
from supervisor.reconcile.term import TermTools
from supervisor.reconcile.values import Capacity
from supervisor.retention import Sweeper
from supervisor.roomkeeper import CheckTrack, RoomKeeper
from supervisor.runtimes.api import Limits, Runtime
from supervisor.runtimes.open import open_runtime
from supervisor.sessions_reader import SessionReader
from supervisor.terms import Terms
from telemetry.metrics import SupervisorMetrics

HAND_OVER_S: Final = 0.9  # for the end of a term; the keeper ends the process after one second
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """What the command asks for. `entries` are the streams of the settings file, as rows; `formats` the names of those
    that clips can be rendered in, `sessions` how their journals are read, `replays` what another profile would have
    clipped, `check` whether local tracks of rooms can be decoded.

    `leave_workers`: at the end they run on, for the next supervisor; else they are drained.
    """

    settings: Settings
    streams: Streams
    entries: Sequence[StreamRow]
    formats: Collection[str]
    sessions: SessionReader
    replays: Replays
    check: CheckTrack
    clock: Clock
    say: Callable[[str], None]
    leave_workers: bool = False


async def run(up: Up, stop: asyncio.Event, hurry: asyncio.Event) -> None:
    """Serve until `stop` is set, then hand over; `hurry` ends a drain by killing what still runs.

    Raises UsageError, StorageError and MissingPart at the start.
    """
    settings, clock = up.settings, up.clock
    data_dir = Path(settings.data_dir).absolute()
    metrics = SupervisorMetrics()
    async with AsyncExitStack() as stack:
        url = settings.supervisor.catalog or f"sqlite:///{data_dir}/catalog.db"
        refused = metrics.stale_writes_refused_total.labels(by="catalog").inc
        catalog = await Catalog.open(url, clock, refused=refused)
        stack.push_async_callback(catalog.close)
        installation = await catalog.new_meta("installation", secrets.token_hex(6))
        secret = await ensure_owner(catalog, data_dir)
        await catalog.set_meta(PROFILE, settings.profile)
        await sync(catalog, up.entries)
        await check_workspaces(catalog, "supervisor.quotas", settings.supervisor.quotas)
        await check_workspaces(catalog, "llm.budgets", settings.llm.budgets)
        runtime, workers_host = await open_runtime(settings, data_dir, installation, clock)
        stack.push_async_callback(runtime.close)
        lead = _Lead(up, catalog, installation, metrics, runtime)
        app = make_app(
            catalog,
            settings=settings,
            clock=clock,
            health=lead.health,
            formats=up.formats,
            sessions=up.sessions,
            replays=up.replays,
            registry=metrics.registry,
        )
        address = await stack.enter_async_context(serve(app, settings, workers_host=workers_host))
        lead.begin(data_dir, f"http://{workers_host}:{settings.api.port}" if workers_host else address)
        stack.push_async_callback(lead.end, hurry)
        up.say(f"clipd up: {address}")
        if secret is not None:
            up.say(f"Owner token, shown once and kept in {data_dir}/owner-token: {secret}")
        await stop.wait()
        up.say("clipd up: handing over" if up.leave_workers else "clipd up: draining, workers finish what is open")


class _Lead:
    """The keeper's calls, brought to the loop."""

    def __init__(
        self, up: Up, catalog: Catalog, installation: str, metrics: SupervisorMetrics, runtime: Runtime
    ) -> None:
        self._up, self._catalog, self._installation = up, catalog, installation
        self._metrics, self._runtime, self._loop = metrics, runtime, asyncio.get_running_loop()
        self._keeper: Keeper | None = None
        self._terms: Terms | None = None

    def begin(self, data_dir: Path, address: str) -> None:
        """Be a candidate; workers find us at `address`. Raises UsageError, StorageError."""
        up, options = self._up, self._up.settings.supervisor
        disk = Disk(data_dir)
        self._metrics.disk_free_bytes.set_function(disk.free)
        machine = Machine(options, disk, up.clock)
        urls = options.urls or (address,)

        def tools(desk: StreamDesk) -> TermTools:
            return TermTools(
                catalog=self._catalog,
                runtime=self._runtime,
                streams=up.streams,
                desk=desk,
                clock=up.clock,
                metrics=self._metrics,
                held=self._held,
                capacity=lambda: self._capacity(machine),
                control_urls=urls,
                installation=self._installation,
                limits=limits_of,
                quotas=options.quotas,
            )

        def leads() -> bool:
            return self._held() is not None

        sweeper = Sweeper(self._catalog, data_dir, up.settings.retention, up.clock, leads)
        meter = Meter(self._catalog, data_dir, up.clock, leads)
        alerts = Alerts(self._catalog, up.settings, up.clock, leads, self._metrics)
        rooms = RoomKeeper(self._catalog, data_dir, up.clock, leads, up.check)
        self._terms = Terms(tools, up.streams, self._catalog, up.clock, (sweeper, meter, alerts, rooms))
        timing = LeaseTiming.lasting(options.lease_s)
        store = open_store(options.lease or EMBEDDED, data_dir, timing=timing, clock=up.clock, name=self._installation)
        self._keeper = Keeper(
            store,
            open_floor_file(data_dir),
            timing=timing,
            clock=up.clock,
            on_gained=self._gained,
            on_lost=self._lost,
            floors=(on_loop(self._loop, self._floor),),
        )
        self._keeper.start()

    async def end(self, hurry: asyncio.Event) -> None:
        """Hand over: drain the workers or leave them, then give the lease back."""
        if self._terms is not None:
            await (self._terms.lost() if self._up.leave_workers else self._terms.drain(hurry))
        if self._keeper is not None:
            await asyncio.to_thread(self._keeper.close)

    def health(self) -> Health:
        """For /readyz."""
        keeper = self._keeper
        if keeper is None or keeper.away is not None:
            return Health(lease="unknown")
        return Health(lease="held" if keeper.held() is not None else "elsewhere")

    def _capacity(self, machine: Machine) -> Capacity:
        room = machine.capacity()
        self._metrics.disk_grade.set(machine.grade)
        return room

    def _held(self) -> int | None:
        return None if self._keeper is None else self._keeper.held()

    async def _floor(self) -> int:
        try:
            return await self._catalog.floor()
        except CatalogAway as err:
            raise StoreAway("floor", str(err)) from err

    def _gained(self, token: int) -> None:
        """From the keeper's thread; returns at once."""
        self._loop.call_soon_threadsafe(self._start, token)

    def _start(self, token: int) -> None:
        assert self._terms is not None
        self._metrics.lease_held.set(1)
        self._metrics.lease_transitions_total.labels(to="held").inc()
        self._terms.gained(token)

    def _lost(self, reason: str) -> None:
        """From the keeper's thread: returns when nothing acts any more, else the keeper ends the process."""
        asyncio.run_coroutine_threadsafe(self._stop(reason), self._loop).result(HAND_OVER_S)

    async def _stop(self, reason: str) -> None:
        assert self._terms is not None
        self._metrics.lease_held.set(0)
        self._metrics.lease_transitions_total.labels(to=reason).inc()
        await self._terms.lost()
        self._metrics.workers.clear()  # another one's now: counted twice they would be wrong
        self._metrics.waiting.clear()
        self._metrics.disk_grade.set(0)


async def check_workspaces(catalog: Catalog, setting: str, names: Iterable[str]) -> None:
    """Raises UsageError for a quota or a budget of no workspace, which would hold nobody back."""
    known = {row.id for row in await catalog.workspaces()}
    strange = next((name for name in names if name not in known), None)
    if strange is not None:
        raise UsageError(
            f"{setting} names {strange[:40]!r}, which is no workspace",
            remedy=f"There are: {', '.join(sorted(known))[:400]}.",
            code="unknown_workspace",
        )


async def sync(catalog: Catalog, entries: Sequence[StreamRow]) -> None:
    """The streams of the settings file: new ones are added, changed ones changed, those that left it removed. What was
    paused stays paused, and what came by the API is nobody's here."""
    known = {row.name: row for row in await catalog.all_streams() if row.origin == "cli"}
    for row in entries:
        before = known.pop(row.name, None)
        if before is None:
            await _add(catalog, row)
        elif any(getattr(before, name) != getattr(row, name) for name in ("source", "rights", "options")):
            await catalog.change_stream(
                before.workspace, before.id, source=row.source, rights=row.rights, options=row.options, wanted="running"
            )
    for row in known.values():
        await catalog.delete_stream(row.workspace, row.id)


async def _add(catalog: Catalog, row: StreamRow) -> None:
    """Under its own id, or under one beside it where that belonged to a stream that was removed."""
    for name in (row.id, f"{row.id}-{secrets.token_hex(3)}"):
        try:
            await catalog.add_stream(replace(row, id=StreamId(name)))
        except Conflict as err:
            why = str(err)
        else:
            return
    log.warning("stream.name_taken", stream=row.id, why=why)


def limits_of(kind: str) -> Limits:
    """What one worker may take: twice its budget of DESIGN.md section 8, so that only a leak meets it."""
    return Limits(memory_bytes=(1 << 30) if kind in ("stream", "door") else (2 << 30))
