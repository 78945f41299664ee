"""One supervisor: the real Elector over a wire, the real plan over what it sees, each effect a message of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from core.ids import StreamId
from supervisor.catalog.values import ClaimState
from supervisor.leases.api import LeaseTiming
from supervisor.leases.elector import Answer, Away, Create, Elector, Held, Prepare, Prepared, Read, Swap, Wait
from supervisor.reconcile.ages import Ageing
from supervisor.reconcile.plan import plan
from supervisor.reconcile.values import Action, Capacity, Claim, Halt, Mark, Snapshot, Want
from supervisor.runtimes.api import Found as FoundWorker
from tests.simulation.services import Catalog, Conflict, LeaseServer, Runtime, StaleWrite
from tests.simulation.world import MS, Process, S, World

CALL_NS: Final = 1_200 * MS
TICK_NS: Final = S
TIMING: Final = LeaseTiming()
ROOM: Final = Capacity(cpus=64, memory_bytes=1 << 40, streams=100)


class Cluster(Protocol):
    """What supervisors share, and who watches them."""

    world: World
    lease: LeaseServer
    catalog: Catalog
    runtime: Runtime
    floor: int
    wants: dict[StreamId, Want]

    def believes(self, who: Supervisor) -> None: ...
    def spawn(self, stream: StreamId, token: int) -> None: ...


class Supervisor(Process):
    """A candidate. Its clock runs at its own rate; `clock_stops` (a planted bug) stands still while it is stopped."""

    def __init__(
        self, name: str, cluster: Cluster, make_elector: Callable[..., Elector], *, clock_stops: bool = False
    ) -> None:
        super().__init__(name)
        self._cluster, self._make, self._world = cluster, make_elector, cluster.world
        self._clock_stops = clock_stops
        rng = cluster.world.rng
        self._ppm = rng.randrange(-20_000, 20_001)  # 2 % fast or slow: far beyond any real clock
        self._ahead_ns = rng.randrange(1, 10**15)
        self._stood_ns = 0
        self.cut_requests_until_ns = 0
        self.cut_replies_until_ns = 0
        self.nap_in_gap_ns = 0  # stopped between a check of the lease and its effect
        self.nap_in_call_ns = 0  # stopped while a write to the store is under way
        self.elector: Elector
        self._call = 0
        self._term: _Term | None = None

    def boot(self) -> None:
        """A fresh process, which knows what is on disk."""
        self.alive = True
        self.elector = self._make(
            owner=f"{self.name}.{self.life}", timing=TIMING, jitter=self._jitter, top=self._cluster.floor
        )
        self._term = None
        self._step(None)

    def local_ns(self) -> int:
        """CLOCK_BOOTTIME of its machine."""
        now = self._world.now_ns - self._stood_ns
        return self._ahead_ns + now + now * self._ppm // 1_000_000

    def held(self) -> Held | None:
        """What `Keeper.held` would go by now."""
        held = self.elector.held if self.alive else None
        return held if held is not None and self.local_ns() < held.deadline_ns else None

    def stop(self, until_ns: int) -> None:
        """SIGSTOP or a suspend."""
        until_ns = min(until_ns, self._world.calm_ns)
        if self._clock_stops:
            self._stood_ns += max(0, until_ns - max(self._world.now_ns, self.paused_until_ns))
        super().stop(until_ns)

    # the lease

    def _jitter(self) -> float:
        return 1.0 + 0.2 * self._world.rng.random()

    def _step(self, answer: Answer) -> None:
        before = self.elector.held
        ask = self.elector.step(self.local_ns(), answer)
        held = self.elector.held
        if held is not before:
            self._changed(before, held)
            if not self.alive:
                return
        if isinstance(ask, Wait):
            wait_ns = max(0, ask.until_ns - self.local_ns())
            self._world.later(self, wait_ns - wait_ns * self._ppm // 1_000_000 + 1, self._step, None)
        elif isinstance(ask, Prepare):
            self._prepare()
        else:
            assert isinstance(ask, Read | Create | Swap)
            if isinstance(ask, Create | Swap):
                self._cluster.floor = max(self._cluster.floor, ask.new.token)
            self._send(ask)

    def _changed(self, before: Held | None, held: Held | None) -> None:
        if held is not None:
            self._cluster.believes(self)
        if before is None and held is not None:
            self._term = _Term(held.token)
            self._world.later(self, self._world.between(0, TICK_NS), self._tick, self._term)
        elif before is not None and held is None:
            self._term = None
            if self._world.chance(0.5):  # its callback did not finish: the process ends and is started again
                self.kill()
                self._world.later(self, self._world.between(S, 4 * S), self.boot)

    def _prepare(self) -> None:
        cluster = self._cluster
        away = cluster.catalog.down
        answer: Answer = Away("floor") if away else Prepared(max(cluster.floor, cluster.catalog.floor))
        self._world.later(self, S if away else 2 * MS, self._step, answer)

    def _send(self, ask: Read | Create | Swap) -> None:
        """Over the wire: the request or the reply may get lost, and then the call's limit ends it."""
        world = self._world
        self._call += 1
        call, life = self._call, self.life
        world.later(self, CALL_NS, self._reply, call, Away("timeout"))
        if self.cut_requests_until_ns > world.now_ns:
            return

        def reply(answer: Answer) -> None:
            if self.life == life and self.cut_replies_until_ns <= world.now_ns:
                world.later(self, world.between(100_000, 3 * MS), self._reply, call, answer)

        world.after(world.between(100_000, 3 * MS), self._cluster.lease.arrive, ask, reply)
        if self.nap_in_call_ns and not isinstance(ask, Read):
            self.stop(world.now_ns + self.nap_in_call_ns)
            self.nap_in_call_ns = 0

    def _reply(self, call: int, answer: Answer) -> None:
        if call == self._call:
            self._call += 1
            self._step(answer)

    # the term

    def _tick(self, term: _Term) -> None:
        held = self.held()
        if term is not self._term or held is None or held.token != term.token:
            return
        self._world.later(self, TICK_NS, self._tick, term)
        if term.busy or self._cluster.catalog.down:
            return
        actions = list(plan(self._look(term)).actions)
        if actions:
            term.busy = True
            self._next(term, actions)

    def _look(self, term: _Term) -> Snapshot:
        cluster = self._cluster
        now_ns = self.local_ns()
        found: dict[str, FoundWorker] | None = None
        if not cluster.runtime.away:
            found = {
                name: FoundWorker(
                    name=name,
                    labels={"stream": worker.stream},
                    life="running" if worker.alive else "exited",
                    code=cluster.runtime.codes.get(name),
                )
                for name, worker in cluster.runtime.workers.items()
                if name not in cluster.runtime.hidden
            }
        claims = dict(cluster.catalog.claims)
        ages = term.ageing.look(claims.values(), now_ns)
        return Snapshot(now_ns=now_ns, wants=cluster.wants, claims=claims, ages=ages, found=found, capacity=ROOM)

    def _next(self, term: _Term, actions: list[Action]) -> None:
        """The lease is checked before each effect; between the check and the effect anything may happen."""
        held = self.held()
        if not actions or term is not self._term or held is None or held.token != term.token:
            term.busy = False
            return
        action = actions.pop(0)
        if self.nap_in_gap_ns:
            self.stop(self._world.now_ns + self.nap_in_gap_ns)
            self.nap_in_gap_ns = 0
        self._world.later(self, 100_000, self._depart, term, action, actions)

    def _depart(self, term: _Term, action: Action, actions: list[Action]) -> None:
        """On the wire: it arrives even when its sender dies now, at times much later."""
        world = self._world
        late_ns = world.between(S, 30 * S) if world.chance(0.02) else world.between(MS, 20 * MS)
        world.after(late_ns, self._effect, term.token, action)
        world.later(self, min(late_ns, 2 * S) + MS, self._next, term, actions)

    def _effect(self, token: int, action: Action) -> None:
        """At the catalog and at the engine."""
        catalog, runtime = self._cluster.catalog, self._cluster.runtime
        if isinstance(action, Claim | Mark) and catalog.down:
            return
        try:
            if isinstance(action, Claim):
                row = catalog.claim(token, action.stream, action.after_token, action.failures)
                state: ClaimState = "starting"
                if not runtime.away:  # else the claim stays as it is and is found never started
                    catalog.set_claim(token, row.stream, row.token, state, "", row.failures)
                    self._cluster.spawn(row.stream, row.token)
            elif isinstance(action, Mark):
                catalog.set_claim(token, action.stream, action.token, action.state, action.reason, action.failures)
            elif runtime.away:
                return
            elif isinstance(action, Halt):
                worker = runtime.workers.get(action.worker)
                if worker is not None and worker.name not in runtime.hidden:
                    worker.exit(0 if action.how == "drain" else 137)
            elif (worker := runtime.workers.get(action.worker)) is not None and not worker.alive:
                del runtime.workers[action.worker]
        except (StaleWrite, Conflict):
            return


class _Term:
    """One leadership as its holder keeps it in memory."""

    def __init__(self, token: int) -> None:
        self.token = token
        self.ageing = Ageing()
        self.busy = False
