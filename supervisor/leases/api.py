"""The Protocol of lease stores and its values. Next to no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from core.errors import UsageError
from core.times import NS_PER_S, ns


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord:
    """`owner` "" is a lease that was handed back. `token` grows with each leadership, `counter` with each renewal.

    `meta` tells people who it is (host, pid, start time), and the embedded form whom to kill.
    """

    owner: str
    token: int
    counter: int
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTiming:
    """Durations in ns, by client-go's inequalities (reliability.md section 3, item 2).

    A rival takes over after `duration_ns` without a change; a holder that has not renewed stops at `deadline_ns` after
    it *sent* its last successful renewal; both look every `period_ns` times U(1, 1.2).
    """

    duration_ns: int = ns(10)
    deadline_ns: int = ns(6)
    period_ns: int = int(1.5 * NS_PER_S)

    @classmethod
    def lasting(cls, seconds: float) -> LeaseTiming:
        """The same proportions (10/6/1.5) for another duration."""
        return cls(duration_ns=ns(seconds), deadline_ns=ns(0.6 * seconds), period_ns=ns(0.15 * seconds))

    def __post_init__(self) -> None:
        safe = self.duration_ns * 10 >= self.deadline_ns * 12 and self.deadline_ns * 10 > self.period_ns * 24
        if not safe or self.period_ns <= 0:
            raise UsageError(
                "These lease times are not safe",
                remedy="The lease has to last 1.2 times its deadline or more, the deadline over 2.4 periods.",
                code="lease_times",
            )


class StoreAway(Exception):
    """The store did not answer, or not with yes or no: full, read-only, loading, refused. What was asked may be done.

    `code` is what is logged and counted: timeout, unreachable, full, readonly, denied, loading, unsafe_policy, locked
    (by another process), damaged (a record that is none of ours), floor (one could not be asked or raised), error.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class LeaseStore(Protocol):
    """One lease. Calls block for 1.2 s at most, are made from one thread, never retry, and raise StoreAway.

    `create` and `swap` are idempotent by (owner, token, counter): asked again for what is there already, they say True.
    """

    def check(self) -> None:
        """Whether the store can be trusted with a lease (Redis: `noeviction`)."""

    def read(self) -> LeaseRecord | None:
        """The record; None where there is none (a new store, or a wiped one)."""

    def create(self, new: LeaseRecord) -> bool:
        """Write the first record; False where there is one."""

    def swap(self, seen: LeaseRecord, new: LeaseRecord) -> bool:
        """Write `new` if the record is still `seen` by owner, token and counter."""

    def close(self) -> None:
        """Let go of the connection. The record stays."""
