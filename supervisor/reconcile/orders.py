"""An order about a clip, as the clip, its worker's claim and its worker's word show it. Pure.

A render is done when the clip's newest revision has a file of every format; any other order when its worker says so,
whoever that is: one of its own, or the one that records the clip's session. So a supervisor that dies in between, and a
worker that is asked twice, cost nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from supervisor.catalog.values import ClaimRow, ClipRow, JobRow, StepName, StepRow
from supervisor.reconcile.jobs import OVER, TRIES, over, part_of
from supervisor.reconcile.values import FINAL_STATES

NOT_MADE: Final = "not_made"  # its worker ended well, without the files


def is_made(job: JobRow, clip: ClipRow | None) -> bool:
    """Whether all is there that is asked for."""
    if job.asked is not None:
        return (job.told or {}).get("state") == "done"
    return clip is not None and set(job.source.split(",")) <= set(clip.line.get("files") or {})


def is_gone(job: JobRow, clip: ClipRow | None) -> str:
    """Why there is nothing to do it with; "" where there is, for a clip that is yet to be cut, and for a take."""
    if job.asked is not None and job.asked["kind"] in ("cut", "conform"):
        return ""
    if clip is None:
        return "clip_deleted"
    return "clip_withdrawn" if clip.state == "withdrawn" else ""


def advance_order(
    job: JobRow, clip: ClipRow | None, claim: ClaimRow | None, now_ns: int, late: frozenset[StepName] = frozenset()
) -> JobRow:
    """The job as it is now; `clip` None: it is not there. `now_ns` is wall time, for people to read; `late` are the
    steps over their limit.

    A worker that ended without the files has spent a try, which `failed` counts, or has made way, which costs none.
    """
    if job.state in OVER:
        return job
    if job.cancel:
        return over(job, "cancelled", "", now_ns)
    if job.told is not None and job.told["state"] == "failed":
        return over(job, "failed", job.told["reason"], now_ns)
    if is_made(job, clip) and not (job.asked is None and is_gone(job, clip)):
        return over(job, "completed", "", now_ns)
    if gone := is_gone(job, clip):
        return over(job, "failed", gone, now_ns)
    [step] = job.steps
    if step.attempts > TRIES["render"] or late:
        return over(job, "failed", "render_timeout" if late else step.error, now_ns)
    return job if claim is None else _moved(job, step, claim, now_ns)


def _moved(job: JobRow, step: StepRow, claim: ClaimRow, now_ns: int) -> JobRow:
    if claim.state == "quarantined":
        return over(job, "failed", claim.reason, now_ns)
    if claim.state not in FINAL_STATES and step.state == "waiting":
        begun = replace(step, state="running", started_ns=now_ns, attempts=max(1, step.attempts))
        return replace(job, state="rendering", steps=(begun,))
    if claim.state == "done" and claim.reason != "ended" and step.state == "running":
        return replace(job, state="created", steps=(replace(step, state="waiting"),))  # it made way
    if claim.state not in FINAL_STATES and step.state == "running":
        return replace(job, steps=(replace(step, progress=max(step.progress, part_of(claim))),))
    return job
