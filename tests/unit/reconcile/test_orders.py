"""An order about a clip: when it is done, and when it is given up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.ids import SessionId, StreamId
from core.times import ns
from supervisor.catalog.values import ClipRow, JobRow, StepRow
from supervisor.reconcile.jobs import TRIES, failed
from supervisor.reconcile.orders import NOT_MADE, advance_order
from supervisor.reconcile.policy import YIELDED
from tests.unit.reconcile.sample import claim


def order(**changes: Any) -> JobRow:
    known: dict[str, Any] = {"id": "j1", "workspace": "default", "state": "created", "source": "square,tiktok"}
    steps = (StepRow(name="render", state="waiting"),)
    return JobRow(stream=StreamId("r"), steps=steps, **({"clip": "c1"} | known | changes))


def clip(*files: str, **changes: Any) -> ClipRow:
    row = ClipRow(
        id="c1", session=SessionId("s"), stream=StreamId("a"), workspace="default", revision=1, state="final",
        review="none", title="", score=None, line={"files": dict.fromkeys(("master", *files), "/x")},
    )  # fmt: skip
    return replace(row, **changes)


def test_it_is_done_when_the_files_are_there_whoever_made_them() -> None:
    """With a worker of its own or without, at once where nothing is missing."""
    job = advance_order(order(), clip("square"), claim("r"), ns(1))
    assert (job.state, job.steps[0].state, job.steps[0].attempts) == ("rendering", "running", 1)
    job = advance_order(job, clip("square", "tiktok"), claim("r"), ns(2))
    assert (job.state, job.steps[0].state, job.ended_ns) == ("completed", "done", ns(2))
    assert advance_order(order(), clip("square", "tiktok"), None, ns(1)).state == "completed"


def test_it_shows_how_far_it_is() -> None:
    """By its worker's word; a worker that begins again does not take it back."""
    job = advance_order(order(), clip(), claim("r"), ns(1))
    job = advance_order(job, clip(), claim("r", health={"state": "live", "done": 0.4}), ns(2))
    assert job.steps[0].progress == 0.4
    assert advance_order(job, clip(), claim("r", health={"state": "live", "done": 0.1}), ns(3)) == job


def test_each_worker_that_ends_without_them_spends_a_try() -> None:
    job = advance_order(order(), clip(), claim("r"), ns(1))
    for _ in range(TRIES["render"] - 1):
        job = advance_order(failed(job, "crashed"), clip(), claim("r"), ns(2))
        assert job.state == "rendering"
    job = advance_order(failed(job, NOT_MADE), clip(), claim("r", state="done", reason="ended"), ns(3))
    assert (job.state, job.error, job.steps[0].state) == ("failed", NOT_MADE, "failed")


def test_who_made_way_has_spent_none_and_its_time_does_not_run() -> None:
    job = advance_order(order(), clip(), claim("r"), ns(1))
    for reason in (YIELDED, "unwanted", "disk"):
        waits = advance_order(job, clip(), claim("r", state="done", reason=reason), ns(2))
        assert (waits.state, waits.steps[0].state, waits.steps[0].attempts) == ("created", "waiting", 1)
        assert advance_order(waits, clip(), claim("r"), ns(3)).steps[0].attempts == 1


def test_it_fails_with_its_reason() -> None:
    """A clip that is gone or taken back, bad input, too long; cancelled is no failure."""
    job = advance_order(order(), clip(), claim("r"), ns(1))
    assert advance_order(job, None, claim("r"), ns(2)).error == "clip_deleted"
    assert advance_order(job, clip(state="withdrawn"), claim("r"), ns(2)).error == "clip_withdrawn"
    assert advance_order(job, clip(), claim("r", state="quarantined", reason="bad_input"), ns(2)).error == "bad_input"
    assert advance_order(job, clip(), claim("r"), ns(2), frozenset({"render"})).error == "render_timeout"
    assert advance_order(replace(job, cancel=True), clip(), claim("r"), ns(2)).state == "cancelled"


def test_a_trim_is_over_when_its_worker_says_so() -> None:
    """Whoever did it, and whatever the clip looks like; refused it is not tried again. A clip that is gone ends it."""
    asked = {"kind": "trim", "order": "j1", "clip": "c1", "start_s": 1.0, "end_s": 2.0}
    job = advance_order(order(source="", asked=asked), clip("square"), claim("r"), ns(1))
    assert job.state == "rendering"
    done = replace(job, told={"state": "done", "revision": 2, "reason": "", "message": ""})
    assert advance_order(done, clip(), claim("r", state="done", reason="ended"), ns(2)).state == "completed"
    refused = replace(job, told={"state": "failed", "revision": None, "reason": "not_buffered", "message": "Gone"})
    over = advance_order(refused, clip(), claim("r"), ns(2))
    assert (over.state, over.error, over.steps[0].state) == ("failed", "not_buffered", "failed")
    assert advance_order(job, None, claim("r"), ns(2)).error == "clip_deleted"


def test_a_cut_needs_no_clip_before() -> None:
    asked = {"kind": "cut", "order": "j1", "clip": "c9", "start_s": 1.0, "end_s": 2.0}
    job = advance_order(order(source="", asked=asked, clip="c9"), None, claim("r"), ns(1))
    assert job.state == "rendering"
    died = failed(failed(job, "crashed"), "crashed")
    assert advance_order(died, None, claim("r"), ns(2)).error == "crashed"
