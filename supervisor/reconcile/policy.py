"""What a worker's end means, and how long its stream waits. Pure.

Figures: reliability.md section 2, rows 19 to 22, and section 3, items 16 to 23.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.times import ns
from supervisor.catalog.values import ClaimRow, ClaimState
from supervisor.quotas import MINUTES

START_NS: Final = ns(30)  # from its start to its hello
SUSPECT_NS: Final = ns(10)  # without a heartbeat: shown as degraded
LOST_NS: Final = ns(30)  # without a heartbeat: replaced, when the runtime says that it runs and can be killed
UNKNOWN_NS: Final = ns(45)  # the same without an answer of the runtime: by now it has stopped publishing by itself
STALLED_NS: Final = ns(60)  # live by its own word, without a new segment; at 20 s it has reconnected by itself
DRAIN_NS: Final = ns(90)  # a drain that was asked for takes 60 s at most, its grace time is 75
CLAIMING_NS: Final = ns(5)  # between a claim and its start, which one leader does in one go
HEALTHY_NS: Final = ns(600)  # a worker that lived so long has made earlier failures good
FIRST_WAIT_NS: Final = ns(2)
MAX_WAIT_NS: Final = ns(300)
PATIENT_NS: Final = ns(60)  # a source that was gone for minutes, or a full disk, before it is tried again
QUARANTINE: Final = 8  # failures in a row

SHED: Final = "disk"
WAITS: Final = frozenset((SHED, MINUTES))  # why a worker was asked to end though its stream is wanted: it waits
YIELDED: Final = "session"  # a render that was ended, or waits, since its session is being recorded
UNWANTED: Final = "unwanted"
ASKED: Final = WAITS | {YIELDED, UNWANTED}  # a worker drains since it was asked to; else because its media ended

# Beyond these, a worker's exit code is `crashed`
ENDS: Final[dict[int, str]] = {
    0: "ended", 2: "bad_input", 64: "bad_input", 69: "source_gone", 70: "crashed", 71: "claim_lost", 73: "disk",
    137: "killed",
}  # fmt: skip
PATIENT: Final = frozenset(("source_gone", "disk"))
UNCOUNTED: Final = PATIENT | {"claim_lost", "never_started"}
LOST: Final = frozenset(("heartbeat_lost", "stalled", "start_deadline"))


def end_of(code: int | None, *, oom: bool) -> str:
    """The reason code of an exit: what users see, and what is counted."""
    return "oom" if oom else ENDS.get(137 if code is None else code, "crashed")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an end makes of a claim, and how many failures in a row that were."""

    state: ClaimState
    reason: str
    failures: int


def verdict(claim: ClaimRow, reason: str, lived_ns: int, *, wanted: bool) -> Verdict:
    """An end of the media is done, bad input is never tried again, and what is nobody's fault is not counted.

    A drain that did not come to its end, of a stream that is `wanted` again, is none: its session goes on, so that what
    the worker had promised is cut, and what it had finished is told. A render that made way has promised nothing.
    """
    before = 0 if lived_ns >= HEALTHY_NS else claim.failures
    if claim.state == "draining":
        if wanted and reason != "ended" and claim.reason != YIELDED:
            return Verdict("failed", reason, before)
        return Verdict("done", claim.reason or "drained", 0)
    if reason == "ended":
        return Verdict("done", reason, 0)
    if reason == "bad_input":
        return Verdict("quarantined", reason, before)
    if reason in UNCOUNTED:
        return Verdict("failed", reason, before)
    if before + 1 >= QUARANTINE:
        return Verdict("quarantined", f"loop_{reason}", before + 1)
    return Verdict("lost" if reason in LOST else "failed", reason, before + 1)


def wait_ns(claim: ClaimRow) -> int:
    """Between a claim's end and the next: none after the first failure, then 2 s, doubling up to 5 min."""
    if claim.reason in PATIENT:
        return PATIENT_NS
    if claim.failures <= 1:
        return 0
    return min(FIRST_WAIT_NS << min(claim.failures - 2, 30), MAX_WAIT_NS)
