"""The steps of a recording's job, as its workers come and go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.ids import StreamId
from core.times import ns
from supervisor.catalog.values import JobRow, StepName
from supervisor.reconcile.jobs import LIMITS_NS, TRIES, StepTimes, advance, failed, new_steps, retried
from tests.unit.reconcile.sample import claim


def new_job(**changes: Any) -> JobRow:
    known: dict[str, Any] = {
        "id": "j1",
        "workspace": "default",
        "state": "created",
        "source": "x",
        "steps": new_steps(),
    }
    return JobRow(stream=StreamId("a"), **(known | changes))


def states(job: JobRow) -> list[str]:
    return [step.state for step in job.steps]


def says(state: str) -> Any:
    return claim(health={"state": state})


def test_a_job_goes_through_its_steps() -> None:
    """Words and ranking side by side, then renders, then all is done."""
    job = advance(new_job(), claim(state="starting", health={}), ns(1))
    assert (job.state, states(job)) == ("ingesting", ["running", "waiting", "waiting", "waiting", "waiting"])
    job = advance(job, says("live"), ns(5))
    assert (job.state, states(job)) == ("analyzing", ["done", "running", "running", "waiting", "waiting"])
    job = advance(job, says("draining"), ns(60))
    assert (job.state, states(job)) == ("rendering", ["done", "done", "done", "running", "waiting"])
    job = advance(job, claim(state="done"), ns(90))
    assert (job.state, states(job), job.ended_ns) == ("completed", ["done"] * 5, ns(90))
    assert [step.started_ns for step in job.steps[:4]] == [ns(1), ns(5), ns(5), ns(60)]
    assert advance(job, says("live"), ns(99)) is job


def test_a_step_shows_how_far_it_is() -> None:
    """By its worker's word, to the hundredth, never back, and whole only when the next step has begun."""

    def at(state: str, done: object) -> Any:
        return claim(health={"state": state, "done": done})

    job = advance(new_job(), at("live", 0.254), ns(1))
    assert [step.progress for step in job.steps] == [1.0, 0.25, 0.25, 0, 0]
    assert advance(job, at("live", 0.2501), ns(2)) == job
    job = advance(job, at("live", 7.0), ns(3))
    assert [step.progress for step in job.steps] == [1.0, 0.99, 0.99, 0, 0]
    job = advance(job, at("draining", 0.5), ns(4))
    assert [step.progress for step in job.steps] == [1.0, 1.0, 1.0, 0.5, 0]
    again = advance(failed(job, "crashed"), at("live", 0.9), ns(5))  # what it has looked at is no render
    assert [step.progress for step in again.steps] == [1.0, 1.0, 1.0, 0.5, 0]
    assert advance(job, at("draining", "most of it"), ns(6)) == job


@pytest.mark.parametrize("reason", ["unwanted", "disk", "quota_minutes"])
def test_a_worker_that_was_asked_to_end_has_not_finished_the_job(reason: str) -> None:
    """`clipd up` ended, or there was no room: the recording goes on when it can."""
    job = advance(new_job(), says("live"), ns(5))
    assert advance(job, claim(state="done", reason=reason), ns(60)) == job


@pytest.mark.parametrize(("said", "step"), [("starting", "ingest"), ("live", "transcribe"), ("draining", "render")])
def test_a_step_has_its_number_of_tries(said: str, step: StepName) -> None:
    """Each worker that dies in it spends one; a later worker goes on at the step, it does not begin anew."""
    job = advance(new_job(), says(said), ns(1))
    for _ in range(TRIES[step] - 1):
        job = advance(failed(job, "crashed"), says("starting"), ns(2))
        assert job.state not in ("failed", "completed")
        assert next(each for each in job.steps if each.state == "running").name == step
    job = advance(failed(job, "crashed"), says("starting"), ns(3))
    assert (job.state, job.error != "") == ("failed", True)


def test_a_step_that_takes_too_long_ends_the_job() -> None:
    """Counted from when the leader first saw it running; the wall clock may jump as it likes."""
    times, job = StepTimes(), advance(new_job(), says("starting"), ns(0))
    assert not times.late(job, ns(50))
    assert not times.late(job, ns(50) + LIMITS_NS["ingest"])
    late = times.late(job, ns(51) + LIMITS_NS["ingest"])
    over = advance(job, says("starting"), ns(1), late)
    assert (over.state, over.error) == ("failed", "ingest_timeout")


def test_bad_input_fails_with_its_reason_and_a_cancelled_job_is_no_failure() -> None:
    job = advance(new_job(), says("starting"), ns(0))
    bad = advance(job, claim(state="quarantined", reason="bad_input"), ns(1))
    assert (bad.state, bad.error, bad.steps[0].state) == ("failed", "bad_input", "failed")
    ended = advance(replace(job, cancel=True), says("live"), ns(1))
    assert (ended.state, states(ended)) == ("cancelled", ["cancelled"] * 5)


def test_retried_by_hand_a_job_keeps_what_is_done() -> None:
    job = advance(advance(new_job(), says("live"), ns(1)), claim(state="quarantined", reason="loop_oom"), ns(2))
    again = retried(job)
    assert (again.state, states(again)) == ("created", ["done", "waiting", "waiting", "waiting", "waiting"])
    assert advance(again, says("live"), ns(3)).state == "analyzing"
