"""A recording's job, step by step, as its worker's claim shows it. Pure.

One worker makes all steps in one go, and resumes at the step where the last one died: footage that was analysed is not
analysed again, clips that were cut are not cut again (the journal knows). So a step's tries are the workers that died
in it. Words and ranking run side by side; both are over when the media is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from core.times import ns
from supervisor.catalog.values import ClaimRow, JobRow, JobState, StepName, StepRow, StepState
from supervisor.reconcile.policy import UNWANTED, WAITS
from supervisor.reconcile.values import FINAL_STATES

TRIES: Final[dict[StepName, int]] = {"ingest": 3, "transcribe": 2, "rank": 3, "render": 2, "publish": 3}
LIMITS_NS: Final[dict[StepName, int]] = {
    "ingest": ns(3600), "transcribe": ns(12 * 3600), "rank": ns(12 * 3600), "render": ns(2 * 3600), "publish": ns(3600),
}  # fmt: skip
STATES: Final[dict[StepName, JobState]] = {
    "ingest": "ingesting", "transcribe": "analyzing", "rank": "analyzing", "render": "rendering",
    "publish": "publishing",
}  # fmt: skip
AT: Final = {"starting": 0, "live": 2, "gap": 2, "draining": 3, "done": 3}  # which step a worker is at, by its word
PUT_OFF: Final = WAITS | {UNWANTED}  # no room, no quota, or `clipd up` was ended: it goes on when it can
OVER: Final[frozenset[JobState]] = frozenset(("completed", "failed", "cancelled"))
ORDER: Final[tuple[StepName, ...]] = ("ingest", "transcribe", "rank", "render", "publish")


def new_steps() -> tuple[StepRow, ...]:
    """All waiting."""
    return tuple(StepRow(name=name, state="waiting") for name in ORDER)


def advance(job: JobRow, claim: ClaimRow | None, now_ns: int, late: frozenset[StepName] = frozenset()) -> JobRow:
    """The job as it is now. `now_ns` is wall time, for people to read; `late` are the steps over their limit."""
    if job.state in OVER:
        return job
    if job.cancel:
        return over(job, "cancelled", "", now_ns)
    if claim is None:
        return job
    if claim.state == "done" and claim.reason in PUT_OFF:
        return job
    if claim.state == "done":
        return over(job, "completed", "", now_ns)
    if claim.state == "quarantined":
        return over(job, "failed", claim.reason, now_ns)
    moved = _move(job, claim, now_ns)
    slow = next((step.name for step in moved.steps if step.state == "running" and step.name in late), None)
    if slow is not None:
        return over(moved, "failed", f"{slow}_timeout", now_ns)
    spent = next((step for step in moved.steps if step.state == "running" and step.attempts > TRIES[step.name]), None)
    return moved if spent is None else over(moved, "failed", claim.reason or "tries_spent", now_ns)


def failed(job: JobRow, reason: str) -> JobRow:
    """The worker died: one try of the running steps is spent."""
    steps = tuple(
        replace(step, attempts=step.attempts + 1, error=reason) if step.state == "running" else step
        for step in job.steps
    )
    return replace(job, steps=steps)


def retried(job: JobRow) -> JobRow:
    """By hand: the steps that are not done begin with all their tries."""
    steps = tuple(step if step.state == "done" else StepRow(name=step.name, state="waiting") for step in job.steps)
    return replace(job, state="created", steps=steps, cancel=False, error="", ended_ns=None)


def _move(job: JobRow, claim: ClaimRow, now_ns: int) -> JobRow:
    """Steps begin and end as the worker goes on; none goes back when another worker takes over."""
    if claim.state in FINAL_STATES:
        return job
    said = claim.health.get("state", "starting")
    reached = AT.get(str(said), 0)
    reached = max([reached, *(number for number, step in enumerate(job.steps) if step.state in ("running", "done"))])
    part = part_of(claim) if AT.get(str(said), 0) == reached else 0.0  # a worker that began again is behind its job
    steps = tuple(_step(step, number, reached, now_ns, part) for number, step in enumerate(job.steps))
    return replace(job, steps=steps, state=STATES[ORDER[reached]])


def part_of(claim: ClaimRow) -> float:
    """How much of its step a worker says is done, in hundredths; all of it is only done when the next one begins."""
    said = claim.health.get("done", 0.0)
    return round(min(0.99, max(0.0, said)), 2) if isinstance(said, int | float) else 0.0


def _step(step: StepRow, number: int, reached: int, now_ns: int, part: float) -> StepRow:
    together = {1: 2, 2: 2}.get(number, number)  # words and ranking run side by side
    if together < reached and step.state != "done":
        began = step.started_ns or now_ns
        return replace(
            step, state="done", started_ns=began, ended_ns=now_ns, progress=1.0, attempts=max(1, step.attempts)
        )
    if together == reached and step.state == "waiting":
        return replace(step, state="running", started_ns=now_ns, attempts=1, progress=part)
    if together == reached and step.state == "running":
        return replace(step, progress=max(step.progress, part))
    return step


class StepTimes:
    """How long steps have been running, on the leader's own clock; a new leader counts from its first look."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, StepName], int] = {}

    def late(self, job: JobRow, now_ns: int) -> frozenset[StepName]:
        """The steps of a job that have run longer than they may."""
        running = {(job.id, step.name) for step in job.steps if step.state == "running"}
        self._since = {key: at_ns for key, at_ns in self._since.items() if key[0] != job.id or key in running}
        since = {name: self._since.setdefault((of, name), now_ns) for of, name in running}
        return frozenset(name for name, at_ns in since.items() if now_ns - at_ns > LIMITS_NS[name])


def _done(step: StepRow, now_ns: int) -> StepRow:
    began_ns = now_ns if step.started_ns is None else step.started_ns
    return replace(step, state="done", started_ns=began_ns, ended_ns=now_ns, progress=1.0)


def over(job: JobRow, state: JobState, error: str, now_ns: int) -> JobRow:
    """At its end. Steps that never ran stay as they are told: cancelled, or done where the whole is."""
    steps = []
    for step in job.steps:
        if step.state == "done" or (step.state == "waiting" and state == "failed"):
            steps.append(step)
        elif state == "completed":
            steps.append(_done(step, now_ns))
        else:
            ended: StepState = "failed" if state == "failed" else "cancelled"
            steps.append(replace(step, state=ended, ended_ns=now_ns, error=error or step.error))
    return replace(job, state=state, steps=tuple(steps), error=error, ended_ns=now_ns)
