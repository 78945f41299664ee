"""What a plan is made of, and what it says. Times are CLOCK_BOOTTIME of the leader in ns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.ids import SessionId, StreamId
from core.spec import WorkerKind
from supervisor.catalog.values import ClaimRow, ClaimState
from supervisor.runtimes.api import Found

FINAL_STATES: frozenset[ClaimState] = frozenset(("done", "failed", "lost", "quarantined"))
CLOSED_STATES: frozenset[ClaimState] = frozenset(("done", "quarantined"))  # wanted again, it begins anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a worker takes: cores and bytes of memory."""

    cpus: float
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A stream that shall be recorded now, or a clip that shall be rendered. `since_ns` orders those that wait; a
    higher `priority` goes first. `session`: whose folder its worker will write; None for one that is still to be made.
    """

    stream: StreamId
    workspace: str
    kind: WorkerKind
    cost: Cost
    priority: int = 0
    since_ns: int = 0
    session: SessionId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """When the leader first saw a claim as it is now: on its own clock, so no clock of anyone else counts (item 22)."""

    first_ns: int  # the claim itself
    state_ns: int  # its state, and the reason for it
    beat_ns: int  # its newest heartbeat
    progress_ns: int  # the newest thing that it got done


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What may be used. `disk_ok` False: no new claims; `shed`: one worker has to end now, for want of disk.

    By workspace: `shares` are the most streams at once, `reached` the quotas that are used up (supervisor/quotas.py).
    """

    cpus: float
    memory_bytes: int
    streams: int
    disk_ok: bool = True
    shed: bool = False
    shares: Mapping[str, int] = field(default_factory=dict)
    reached: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One look at everything. `found` None: the runtime did not answer, so nobody is known to be gone."""

    now_ns: int
    wants: Mapping[StreamId, Want]
    claims: Mapping[StreamId, ClaimRow]
    ages: Mapping[tuple[StreamId, int], Ages]
    found: Mapping[str, Found] | None
    capacity: Capacity


@dataclass(frozen=True, slots=True)
class Claim:
    """Assign the stream anew, `after_token`, and start a worker. `failures` in a row came before."""

    stream: StreamId
    after_token: int
    failures: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Write the claim's state."""

    stream: StreamId
    token: int
    state: ClaimState
    reason: str
    code: int | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Halt:
    """End a worker: `drain` by SIGTERM with its grace time, `kill` now."""

    worker: str
    how: Literal["drain", "kill"]
    reason: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget an exited worker whose end has been written down."""

    worker: str


Action = Claim | Mark | Halt | Remove


@dataclass(frozen=True, slots=True)
class Waiting:
    """A stream that is not recorded though it shall be, with the reason and its place in the queue (from 1)."""

    stream: StreamId
    reason: str
    position: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, in this order, and who waits for what."""

    actions: tuple[Action, ...]
    waiting: tuple[Waiting, ...]
