"""Renders beside what is recorded: never two workers on a session, and capture first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import SessionId, StreamId
from supervisor.catalog.values import ClaimRow
from supervisor.reconcile.admission import COSTS
from supervisor.reconcile.plan import plan
from supervisor.reconcile.policy import YIELDED
from supervisor.reconcile.values import FINAL_STATES, Claim, Halt, Mark, Want
from tests.unit.reconcile.sample import ROOMY, claim, found, look, want

S = SessionId("s-a")


def render(name: str = "r", **changes: Any) -> Want:
    return want(name, **({"kind": "render", "cost": COSTS["render"], "session": S} | changes))


def rendering(**changes: Any) -> ClaimRow:
    """The claim of a render that runs."""
    return claim("r", **({"session": S} | changes))


def test_a_render_waits_for_the_worker_of_its_session() -> None:
    """Until that has ended; also one that was given up and may still write."""
    for row in (claim(), claim(state="draining"), claim(state="lost", reason="stalled")):
        seen = plan(look(wants=[render()], claims=[row], workers=[found(row)]))
        assert not [act for act in seen.actions if isinstance(act, Claim)]
        assert [(each.stream, each.reason) for each in seen.waiting] == [("r", "session")]
    assert plan(look(wants=[render()], claims=[claim(state="done")])).actions == (Claim(StreamId("r"), 0, 0),)


def test_a_stream_that_begins_a_new_session_does_not_touch_a_render() -> None:
    """Both run."""
    row = rendering()
    seen = plan(look(wants=[want(), render()], claims=[row, claim(state="done")], workers=[found(row)]))
    assert seen.actions == (Claim(StreamId("a"), 3, 0),)


def test_a_stream_that_goes_on_with_its_session_ends_the_render_and_begins_in_the_next_tick() -> None:
    """Killed: it loses nothing but time. It has spent no try, and waits."""
    row, before = rendering(), claim(state="failed", reason="killed", failures=1)
    wants = [want(session=S), render()]
    seen = plan(look(wants=wants, claims=[row, before], workers=[found(row)]))
    assert seen.actions == (Mark(row.stream, 3, "draining", YIELDED), Halt(row.worker, "kill", YIELDED))
    draining = replace(row, state="draining", reason=YIELDED)
    gone = found(row, life="exited", code=137)
    ended = plan(look(wants=wants, claims=[draining, before], workers=[gone]))
    assert ended.actions[0] == Mark(row.stream, 3, "done", YIELDED, 137)
    assert not [act for act in ended.actions if isinstance(act, Claim | Halt)]
    after = plan(look(wants=wants, claims=[replace(row, state="done", reason=YIELDED), before]))
    assert next(act for act in after.actions if isinstance(act, Claim)) == Claim(StreamId("a"), 3, 1)


def test_renders_take_no_room_from_what_is_recorded() -> None:
    """Neither a place, nor cores: a full machine takes the stream and not the render."""
    row = rendering()
    small = replace(ROOMY, cpus=0.25, streams=1)
    seen = plan(look(wants=[want(), render()], claims=[row], workers=[found(row)], capacity=small))
    assert seen.actions == (Claim(StreamId("a"), 0, 0),)
    both = plan(look(wants=[want(), render()], capacity=small))
    assert both.actions == (Claim(StreamId("a"), 0, 0),)
    assert [(each.stream, each.reason) for each in both.waiting] == [("r", "cpu")]


def test_one_render_at_a_time() -> None:
    row = rendering()
    seen = plan(look(wants=[render(), render("q", session=SessionId("s-q"))], claims=[row], workers=[found(row)]))
    assert [(each.stream, each.reason) for each in seen.waiting] == [("q", "render_turn")]


def test_a_red_disk_ends_a_render_before_anything_that_is_recorded() -> None:
    rows = [rendering(), claim()]
    red = replace(ROOMY, disk_ok=False, shed=True)
    seen = plan(
        look(wants=[want(priority=-5), render(priority=9)], claims=rows, workers=map(found, rows), capacity=red)
    )
    assert [act.stream for act in seen.actions if isinstance(act, Mark)] == ["r"]


states = st.sampled_from(
    ["claimed", "starting", "running", "degraded", "draining", "done", "failed", "lost", "quarantined"]
)
lives = st.sampled_from(["running", "exited", "unknown", None])


@pytest.mark.parametrize("goes_on", [True, False])
@given(
    capture=states, render_state=states, lives=st.tuples(lives, lives), wanted=st.tuples(st.booleans(), st.booleans())
)
def test_no_state_of_things_begins_a_second_worker_on_a_session(
    capture: Any, render_state: Any, lives: tuple[Any, Any], wanted: tuple[bool, bool], goes_on: bool
) -> None:
    """What is claimed has its session for itself, and nobody is ended for a render."""
    rows = [claim(state=capture), rendering(state=render_state)]
    wants = [
        each
        for each, is_wanted in zip([want(session=S if goes_on else None), render()], wanted, strict=True)
        if is_wanted
    ]
    workers = [found(row, life=life) for row, life in zip(rows, lives, strict=True) if life is not None]
    actions = plan(look(wants=wants, claims=rows, workers=workers)).actions
    claimed = {act.stream for act in actions if isinstance(act, Claim)}
    if "r" in claimed:
        assert capture in FINAL_STATES
        assert lives[0] != "running"
        assert "a" not in claimed or not goes_on
    if "a" in claimed and goes_on:
        assert render_state in FINAL_STATES
        assert lives[1] != "running"
    assert not [
        act for act in actions if isinstance(act, Halt) and act.worker == rows[0].worker and act.reason == YIELDED
    ]
