"""One history from one seed: `simulate(seed)` returns what happened or raises Broken with the rule that did not hold.

Faults come for most of the time; then all is whole, and what has to come right again must do so within limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from core.ids import StreamId
from supervisor.leases.elector import Elector
from supervisor.reconcile.admission import COSTS
from supervisor.reconcile.values import Want
from tests.simulation.bugs import Bug, elector_of
from tests.simulation.services import Catalog, LeaseServer, Runtime
from tests.simulation.supervisor import Supervisor
from tests.simulation.worker import Disk, Worker
from tests.simulation.world import Broken, S, World

CALM_NS: Final = 100 * S  # the last part: a worker that nobody heard of is given up after 45 s at most, then replaced
LEADER_NS: Final = 15 * S  # R9: leading again after the calm began
RECORDING_NS: Final = 80 * S
STREAMS: Final = 2


@dataclass
class History:
    """What a run has to show. Failovers in ns, from the moment nobody led to the next leader, while all was whole."""

    seed: int
    steps: int = 0
    terms: int = 0
    refused: int = 0
    clips: int = 0
    deliveries: int = 0
    faults: list[str] = field(default_factory=list)
    leader_after_calm_ns: int = 0


class Simulation:
    """A Cluster under faults."""

    def __init__(self, seed: int, minutes: float, bug: Bug | None) -> None:
        self._end_ns = int(minutes * 60 * S)
        self._calm_ns = self._end_ns - CALM_NS
        self.world = World(seed, self._calm_ns)
        self._locks = bug != "no_ring_lock"
        self.lease = LeaseServer(self.world)
        self.catalog = Catalog(self.world, fences=bug != "no_fence", dedupes=bug != "no_dedupe")
        self.runtime = Runtime()
        self.floor = 0
        ids = [StreamId(f"n{i}") for i in range(STREAMS)]
        self.wants = {one: Want(stream=one, workspace="default", kind="stream", cost=COSTS["stream"]) for one in ids}
        self._disks = {one: Disk(locks=self._locks) for one in ids}
        make: Callable[..., Elector] = elector_of(bug, self.lease)
        count = self.world.rng.choice((2, 3, 3))
        stops = bug == "clock_stops"
        self.supervisors = [Supervisor(f"sup{i}", self, make, clock_stops=stops) for i in range(count)]
        self.history = History(seed)
        self._last_token = 0
        self._due: dict[StreamId, list[str]] = {}
        self._owners: dict[int, str] = {}

    def run(self) -> History:
        """All of it."""
        world, history = self.world, self.history
        for one in self.supervisors:
            world.after(world.between(0, 3 * S), self._boot, one)
        world.after(world.between(S, 15 * S), self._fault)
        world.run(self._calm_ns)
        self._make_whole()
        world.run(self._calm_ns + LEADER_NS)
        self._check_leader()
        world.run(self._calm_ns + RECORDING_NS)
        self._check_recording()
        world.run(self._end_ns)
        self._check_leader()
        self._check_clips()
        history.steps, history.refused, history.clips = world.steps, self.catalog.refused, len(self.catalog.clips)
        history.deliveries = self.catalog.delivered
        return history

    # what supervisors use

    def believes(self, who: Supervisor) -> None:
        """Somebody has gained or renewed: nobody else may believe now, and its token is its own and the highest."""
        held = who.elector.held
        assert held is not None
        owner = f"{who.name}.{who.life}"
        known = self._owners.get(held.token)
        if known is None:
            if held.token <= self._last_token:
                raise Broken("token-falls", f"{owner} gained {held.token} after {self._last_token}")
            self._owners[held.token] = owner
            self._last_token = held.token
            self.history.terms += 1
        elif known != owner:
            raise Broken("token-twice", f"{held.token} is {known}'s and {owner}'s")
        for other in self.supervisors:
            if other is not who and other.held() is not None and who.held() is not None:
                raise Broken("two-leaders", f"{owner} and {other.name} at {self.world.now_ns / S:.3f} s")

    def spawn(self, stream: StreamId, token: int) -> None:
        """The engine starts a worker; a name that is taken is adopted."""
        name = f"w-{stream}-{token}"
        if name not in self.runtime.workers:
            self.runtime.workers[name] = Worker(
                self.world, stream, token, self._disks[stream], self.catalog, self._answers, self._ended
            )

    def _answers(self) -> bool:
        """Whether any supervisor answers a worker now."""
        now_ns = self.world.now_ns
        return not self.catalog.down and any(one.alive and one.paused_until_ns <= now_ns for one in self.supervisors)

    def _ended(self, worker: Worker, code: int) -> None:
        self.runtime.codes[worker.name] = code

    def _boot(self, one: Supervisor) -> None:
        if not one.alive:
            self.world.later(one, 0, one.boot)

    # faults

    def _fault(self) -> None:
        world = self.world
        if world.now_ns >= self._calm_ns:
            return
        name, act = world.rng.choice(self._faults())
        length_ns = world.between(S, 8 * S) if world.chance(0.5) else world.between(8 * S, 40 * S)
        self.history.faults.append(f"{world.now_ns / S:.3f} {name} {length_ns / S:.3f}")
        act(min(length_ns, self._calm_ns - world.now_ns))
        world.after(world.between(S, 15 * S), self._fault)

    def _faults(self) -> tuple[tuple[str, Callable[[int], None]], ...]:
        return (
            ("kill leader", self._kill_leader),
            ("kill", lambda ns: self._kill(self.world.rng.choice(self.supervisors), ns)),
            ("stop leader", lambda ns: self._leader().stop(self.world.now_ns + ns)),
            ("stop", lambda ns: self.world.rng.choice(self.supervisors).stop(self.world.now_ns + ns)),
            ("nap in gap", self._nap),
            ("suspend", self._suspend),
            ("cut requests", self._cut_requests),
            ("cut replies", self._cut_replies),
            ("cut both", self._cut_both),
            ("cut replies, then all", self._cut_in_turn),
            ("nap in takeover", self._nap_in_takeover),
            ("store down", lambda ns: self._for(ns, self.lease, "down")),
            ("store hangs", self._hang),
            ("store wiped", lambda _: self.lease.wipe()),
            ("store loses writes", self.lease.lose),
            ("store clock", self._jump),
            ("catalog down", lambda ns: self._for(ns, self.catalog, "down")),
            ("engine away", lambda ns: self._for(ns, self.runtime, "away")),
            ("kill worker", lambda _: self._each_worker(lambda one: one.exit(137))),
            ("stop worker", lambda ns: self._each_worker(lambda one: one.stop(self.world.now_ns + ns))),
            ("cut worker", self._cut_worker),
            ("engine forgets", self._forget),
        )

    def _leader(self) -> Supervisor:
        return next((one for one in self.supervisors if one.held()), self.supervisors[0])

    def _kill_leader(self, ns: int) -> None:
        self._kill(self._leader(), ns)

    def _kill(self, one: Supervisor, ns: int) -> None:
        if one.alive:
            one.kill()
            self.world.after(min(ns, 20 * S), self._boot, one)

    def _nap(self, ns: int) -> None:
        """Its next effect is on its way long after its check."""
        self._leader().nap_in_gap_ns = ns
        self._each_worker(lambda one: one.exit(137))  # gives it something to do

    def _nap_in_takeover(self, ns: int) -> None:
        """The others find their answers when they go on."""
        for one in self.supervisors:
            one.nap_in_call_ns = ns
        self._kill(self._leader(), ns)

    def _cut_in_turn(self, ns: int) -> None:
        """Renewals arrive and nobody learns of it; then none arrives."""
        world, leader = self.world, self._leader()
        first_ns = world.between(2 * S, 6 * S)
        until_ns = min(world.now_ns + max(ns, 20 * S), world.calm_ns)
        leader.cut_replies_until_ns = min(world.now_ns + first_ns, world.calm_ns)
        world.after(first_ns + world.between(0, 2 * S), setattr, leader, "cut_requests_until_ns", until_ns)

    def _forget(self, ns: int) -> None:
        """The engine lists none of the workers that run, and they reach nobody."""
        self.runtime.hidden = frozenset(self.runtime.workers)
        self.world.after(ns, setattr, self.runtime, "hidden", frozenset())
        self._cut_worker(ns)

    def _suspend(self, ns: int) -> None:
        """The whole host sleeps; the store, on another one, does not."""
        for one in (*self.supervisors, *self.runtime.workers.values()):
            one.stop(self.world.now_ns + ns)

    def _cut_requests(self, ns: int) -> None:
        self._leader().cut_requests_until_ns = self.world.now_ns + ns

    def _cut_replies(self, ns: int) -> None:
        self._leader().cut_replies_until_ns = self.world.now_ns + ns

    def _cut_both(self, ns: int) -> None:
        self._cut_requests(ns)
        self._cut_replies(ns)

    def _hang(self, ns: int) -> None:
        self.lease.hung_until_ns = self.world.now_ns + ns

    def _jump(self, ns: int) -> None:
        self.lease.clock_ahead_ns += ns * self.world.rng.choice((-200, 200))

    def _cut_worker(self, ns: int) -> None:
        for one in self.runtime.workers.values():
            one.cut_until_ns = self.world.now_ns + ns

    def _each_worker(self, act: Callable[[Worker], None]) -> None:
        """To one of those that live."""
        living = [one for one in self.runtime.workers.values() if one.alive]
        if living:
            act(self.world.rng.choice(living))

    def _for(self, ns: int, service: object, flag: str) -> None:
        setattr(service, flag, True)
        self.world.after(ns, setattr, service, flag, False)

    def _make_whole(self) -> None:
        """No fault is left; who was dead is started again."""
        self.lease.down = self.catalog.down = self.runtime.away = False
        self.lease.hung_until_ns = 0
        self.runtime.hidden = frozenset()
        for one in self.supervisors:
            one.cut_requests_until_ns = one.cut_replies_until_ns = one.nap_in_gap_ns = one.nap_in_call_ns = 0
            one.paused_until_ns = min(one.paused_until_ns, self.world.now_ns)
            self._boot(one)
        for worker in self.runtime.workers.values():
            worker.cut_until_ns = 0
            worker.paused_until_ns = min(worker.paused_until_ns, self.world.now_ns)

    # what must have come right

    def _check_leader(self) -> None:
        if sum(one.held() is not None for one in self.supervisors) != 1:
            raise Broken("no-leader", f"nobody leads at {(self.world.now_ns - self._calm_ns) / S:.1f} s of calm")

    def _check_recording(self) -> None:
        for stream, disk in self._disks.items():
            claim = self.catalog.claims.get(stream)
            waits = claim is not None and (claim.failures > 1 or claim.state == "quarantined")  # backs off
            if (disk.owner is None or not disk.owner.alive) and not waits:
                raise Broken("not-recorded", f"{stream}: {claim}")
            if not waits:
                self._due[stream] = [*disk.finished, *disk.promised]

    def _check_clips(self) -> None:
        """What was promised or finished well before the end is there, once, and acknowledged."""
        for stream, clips in self._due.items():
            missing = [clip for clip in clips if clip not in self.catalog.clips]
            if missing:
                raise Broken("clip-lost", f"{missing} of {stream}")
            if set(clips) & set(self._disks[stream].outbox):
                raise Broken("outbox-full", f"{self._disks[stream].outbox} of {stream}")
        if any(times != 1 for times in self.catalog.clips.values()):
            raise Broken("clip-twice", str(self.catalog.clips))


def simulate(seed: int, *, minutes: float = 10.0, bug: Bug | None = None) -> History:
    """Raises Broken. The same seed is the same history, on every machine."""
    return Simulation(seed, minutes, bug).run()
