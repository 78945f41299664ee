"""Snapshots for tests of the plan: one stream, or a few, in any state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from core.ids import SessionId, StreamId
from core.times import ns
from supervisor.catalog.values import ClaimRow
from supervisor.reconcile.admission import COSTS, GIB
from supervisor.reconcile.values import Ages, Capacity, Snapshot, Want
from supervisor.runtimes.api import Found

NOW = ns(10_000)
ROOMY = Capacity(cpus=64, memory_bytes=256 * GIB, streams=100)


def want(name: str = "a", **changes: Any) -> Want:
    known: dict[str, Any] = {"workspace": "default", "kind": "stream", "cost": COSTS["stream"]}
    return Want(stream=StreamId(name), **(known | changes))


def claim(name: str = "a", token: int = 3, **changes: Any) -> ClaimRow:
    """Running, in good health, by what it says."""
    known: dict[str, Any] = {
        "stream": StreamId(name), "token": token, "lease_token": 1, "session": SessionId(f"s-{name}"),
        "worker": f"w-{name}-{token}", "runtime": "process", "state": "running", "health": {"state": "live"},
    }  # fmt: skip
    return ClaimRow(**(known | changes))


def ages(*, lived_s: float = 100, state_s: float = 50, beat_s: float = 1, progress_s: float = 2) -> Ages:
    """How long ago the leader saw each of them change."""
    return Ages(
        first_ns=NOW - ns(lived_s),
        state_ns=NOW - ns(state_s),
        beat_ns=NOW - ns(beat_s),
        progress_ns=NOW - ns(progress_s),
    )


def found(of: ClaimRow, **changes: Any) -> Found:
    labels = {"stream": of.stream, "claim_token": str(of.token)}
    return replace(Found(name=of.worker, labels=labels, life="running"), **changes)


def look(
    *,
    wants: Iterable[Want] = (),
    claims: Iterable[ClaimRow] = (),
    workers: Iterable[Found] | None = (),
    at: Ages | None = None,
    capacity: Capacity = ROOMY,
) -> Snapshot:
    """`workers` None: the runtime did not answer."""
    rows = {row.stream: row for row in claims}
    return Snapshot(
        now_ns=NOW,
        wants={each.stream: each for each in wants},
        claims=rows,
        ages={(row.stream, row.token): at or ages() for row in rows.values()},
        found=None if workers is None else {each.name: each for each in workers},
        capacity=capacity,
    )
