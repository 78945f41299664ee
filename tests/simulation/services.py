"""The three services that supervisors use, with their faults: the lease's store, the catalog, and the runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.ids import SessionId, StreamId
from supervisor.catalog.values import ClaimRow, ClaimState
from supervisor.leases.api import LeaseRecord
from supervisor.leases.elector import Answer, Answered, Ask, Away, Create, Found, Read, Swap
from tests.simulation.store import ModelStore
from tests.simulation.world import Broken, World

if TYPE_CHECKING:
    from tests.simulation.worker import Worker


class StaleWrite(Exception):
    """The catalog has seen a higher lease token."""


class Conflict(Exception):
    """The claim has moved on since it was looked at."""


class LeaseServer:
    """A ModelStore behind a wire. `down`: it refuses; `hung_until_ns`: it takes what comes and does it then."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.store = ModelStore()
        self.down = False
        self.hung_until_ns = 0
        self.clock_ahead_ns = 0  # its wall clock, which nobody may rely on
        self.written_ns = 0
        self._past: list[tuple[int, LeaseRecord | None]] = [(0, None)]

    def arrive(self, ask: Ask, reply: Callable[[Answer], None]) -> None:
        """A command is there."""
        if self.down:
            reply(Away("unreachable"))
        elif self.hung_until_ns > self._world.now_ns:
            self._world.after(self.hung_until_ns - self._world.now_ns, self.arrive, ask, lambda _: None)
        else:
            reply(self._do(ask))

    def wipe(self) -> None:
        """FLUSHALL, or a restart without a file."""
        self.store.wipe()
        self._past.append((self._world.now_ns, None))

    def lose(self, ns: int) -> None:
        """A failover to a replica that is behind by so much: the last writes are gone."""
        then = self._world.now_ns - ns
        self.store.record = next(record for at, record in reversed(self._past) if at <= then or at == 0)
        self._past.append((self._world.now_ns, self.store.record))

    @property
    def ttl_passed(self) -> bool:
        """What a TTL of ten seconds would say, by the server's own clock. Only a planted bug asks."""
        return self._world.now_ns + self.clock_ahead_ns - self.written_ns > 10_000_000_000

    def _do(self, ask: Ask) -> Answer:
        before = self.store.record
        answer: Answer
        match ask:
            case Read():
                return Found(before)
            case Create(new):
                answer = Answered(self.store.create(new))
            case Swap(seen, new):
                answer = Answered(self.store.swap(seen, new))
            case _:
                raise AssertionError(ask)
        if self.store.record is not before:
            self.written_ns = self._world.now_ns + self.clock_ahead_ns
            self._past.append((self._world.now_ns, self.store.record))
        return answer


class Catalog:
    """Claims and clips, with the fences that the real one has. `fences`, `dedupes` False: planted bugs."""

    def __init__(self, world: World, *, fences: bool = True, dedupes: bool = True) -> None:
        self._world, self._fences, self._dedupes = world, fences, dedupes
        self.down = False
        self.floor = 0
        self.claims: dict[StreamId, ClaimRow] = {}
        self.clips: dict[str, int] = {}  # how often each was taken in
        self.delivered = 0
        self.refused = 0
        self._accepted = 0

    def claim(self, lease_token: int, stream: StreamId, after: int, failures: int) -> ClaimRow:
        """Assign a stream, if its newest claim is `after`."""
        self._lead(lease_token)
        last = self.claims.get(stream)
        if (last.token if last else 0) != after:
            raise Conflict
        row = ClaimRow(
            stream=stream,
            token=after + 1,
            lease_token=lease_token,
            session=SessionId(f"s-{stream}"),
            worker=f"w-{stream}-{after + 1}",
            runtime="process",
            state="claimed",
            failures=failures,
        )
        self.claims[stream] = row
        return row

    def set_claim(
        self, lease_token: int, stream: StreamId, token: int, state: ClaimState, reason: str, failures: int
    ) -> None:
        """Write a claim's state."""
        self._lead(lease_token)
        row = self.claims[stream]
        if row.token == token:
            self.claims[stream] = replace(row, state=state, reason=reason, failures=failures)

    def hello(self, stream: StreamId, token: int) -> bool:
        """A worker has started; False: its claim has passed on."""
        row = self.claims[stream]
        if row.token != token:
            self.refused += 1
            return False
        if row.state in ("claimed", "starting"):
            self.claims[stream] = replace(row, state="running", attempt=row.attempt + 1)
        return True

    def beat(self, stream: StreamId, token: int, progress: int) -> bool:
        """A heartbeat; False: the claim has passed on, or is over."""
        row = self.claims[stream]
        if row.token != token:
            self.refused += 1
            return False
        self.claims[stream] = replace(row, beat=row.beat + 1, progress=progress, health={"state": "live"})
        return row.state not in ("done", "failed", "lost", "quarantined")

    def deliver(self, clip: str) -> None:
        """A finished clip, from any attempt: taken in once."""
        self.delivered += 1
        if clip not in self.clips or not self._dedupes:
            self.clips[clip] = self.clips.get(clip, 0) + 1

    def _lead(self, token: int) -> None:
        if self._fences and token < self.floor:
            self.refused += 1
            raise StaleWrite
        if token < self._accepted:
            raise Broken("stale-write", f"token {token} after {self._accepted}")
        self.floor, self._accepted = max(self.floor, token), max(self._accepted, token)


@dataclass
class Runtime:
    """The engine. Names are unique, which is its fence; `away`: no answers; `hidden`: it has lost track of these."""

    away: bool = False
    hidden: frozenset[str] = frozenset()
    workers: dict[str, Worker] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
