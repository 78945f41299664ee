"""What a leader does about every state of things: DESIGN.md section 3, reliability.md section 3."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import StreamId
from supervisor.reconcile.plan import MAX_CLAIMS, plan
from supervisor.reconcile.policy import QUARANTINE, wait_ns
from supervisor.reconcile.values import FINAL_STATES, Claim, Halt, Mark, Remove, Snapshot
from tests.unit.reconcile.sample import ROOMY, ages, claim, found, look, want

A = StreamId("a")


def marks(seen: Snapshot) -> list[tuple[str, str]]:
    return [(act.state, act.reason) for act in plan(seen).actions if isinstance(act, Mark)]


def test_a_healthy_stream_needs_nothing() -> None:
    assert plan(look(wants=[want()], claims=[claim()], workers=[found(claim())])) == plan(look())


def test_a_wanted_stream_is_claimed() -> None:
    """After the newest token there is."""
    assert plan(look(wants=[want()])).actions == (Claim(A, 0, 0),)
    done = claim(state="done", failures=0)
    assert plan(look(wants=[want()], claims=[done])).actions == (Claim(A, 3, 0),)


def test_a_worker_that_died_is_written_down_removed_and_replaced_in_the_next_tick() -> None:
    seen = look(wants=[want()], claims=[claim()], workers=[found(claim(), life="exited", code=137)])
    assert plan(seen).actions == (Mark(A, 3, "failed", "killed", 137, 1), Remove("w-a-3"))
    after = look(wants=[want()], claims=[claim(state="failed", reason="killed", failures=1)], at=ages(state_s=0))
    assert plan(after).actions == (Claim(A, 3, 1),)


@pytest.mark.parametrize(
    ("code", "oom", "state", "reason"),
    [
        (0, False, "done", "ended"),
        (64, False, "quarantined", "bad_input"),
        (69, False, "failed", "source_gone"),
        (70, False, "failed", "crashed"),
        (71, False, "failed", "claim_lost"),
        (73, False, "failed", "disk"),
        (137, False, "failed", "killed"),
        (137, True, "failed", "oom"),
        (139, False, "failed", "crashed"),
        (None, False, "failed", "killed"),
    ],
)
def test_every_exit_code_has_its_reason(code: int | None, oom: bool, state: str, reason: str) -> None:
    gone = found(claim(), life="exited", code=code, oom=oom)
    assert marks(look(wants=[want()], claims=[claim()], workers=[gone])) == [(state, reason)]


def test_a_crash_loop_waits_longer_each_time_and_ends_in_quarantine() -> None:
    """None, 2 s, 4 s ... and never more than 5 min; the eighth failure in a row is the last."""
    waits = [wait_ns(claim(state="failed", failures=n)) / 1e9 for n in range(1, QUARANTINE)]
    assert waits == [0, 2, 4, 8, 16, 32, 64]
    assert wait_ns(claim(state="failed", failures=60)) == 300e9
    row = claim(failures=QUARANTINE - 1)
    gone = found(row, life="exited", code=70)
    assert marks(look(wants=[want()], claims=[row], workers=[gone], at=ages(lived_s=60))) == [
        ("quarantined", "loop_crashed")
    ]
    assert marks(look(wants=[want()], claims=[row], workers=[gone], at=ages(lived_s=700))) == [("failed", "crashed")]


def test_during_its_wait_a_stream_is_shown_as_backing_off() -> None:
    row = claim(state="failed", reason="crashed", failures=4)
    seen = plan(look(wants=[want()], claims=[row], at=ages(state_s=3)))
    assert seen.actions == ()
    assert [(each.stream, each.reason, each.position) for each in seen.waiting] == [("a", "back_off", 1)]


def test_an_engine_that_does_not_answer_has_not_said_that_anybody_is_gone() -> None:
    """No replacement until the worker has stopped publishing by itself, after 45 s; and no new ones meanwhile."""
    for beat_s in (5, 31, 44):
        assert not [mark for mark in marks(look(wants=[want()], claims=[claim()], workers=None, at=ages(beat_s=beat_s)))
                    if mark[0] in FINAL_STATES]  # fmt: skip
    lost = look(wants=[want()], claims=[claim()], workers=None, at=ages(beat_s=46))
    assert ("lost", "heartbeat_lost") in marks(lost)
    waiting = plan(look(wants=[want("b")], workers=None)).waiting
    assert [(each.stream, each.reason) for each in waiting] == [("b", "runtime_away")]


def test_a_silent_worker_is_suspect_then_killed_and_replaced() -> None:
    running = found(claim())
    late = look(wants=[want()], claims=[claim()], workers=[running], at=ages(beat_s=11))
    assert marks(late) == [("degraded", "heartbeat_late")]
    gone = plan(look(wants=[want()], claims=[claim(state="degraded")], workers=[running], at=ages(beat_s=31)))
    assert gone.actions == (Mark(A, 3, "lost", "heartbeat_lost", None, 1), Halt("w-a-3", "kill", "heartbeat_lost"))
    back = look(wants=[want()], claims=[claim(state="degraded")], workers=[running], at=ages(beat_s=1))
    assert marks(back) == [("running", "")]


def test_a_worker_that_says_live_without_new_media_is_replaced_and_one_in_a_gap_is_not() -> None:
    stuck = look(wants=[want()], claims=[claim()], workers=[found(claim())], at=ages(progress_s=61))
    assert marks(stuck) == [("lost", "stalled")]
    gap = claim(health={"state": "gap"})
    assert not marks(look(wants=[want()], claims=[gap], workers=[found(gap)], at=ages(progress_s=600)))


def test_a_worker_that_never_says_hello_is_killed_after_30_s() -> None:
    row = claim(state="starting", health={})
    seen = look(wants=[want()], claims=[row], workers=[found(row)], at=ages(lived_s=31))
    assert marks(seen) == [("lost", "start_deadline")]
    assert not marks(look(wants=[want()], claims=[row], workers=[found(row)], at=ages(lived_s=29)))


def test_a_leader_that_died_between_claim_and_start_costs_no_failure() -> None:
    seen = look(wants=[want()], claims=[claim(state="claimed", health={})], at=ages(lived_s=6))
    assert plan(seen).actions[0] == Mark(A, 3, "failed", "never_started", None, 0)


def test_a_worker_the_runtime_forgot_is_alive_while_it_beats() -> None:
    assert not marks(look(wants=[want()], claims=[claim()], at=ages(beat_s=9)))
    assert marks(look(wants=[want()], claims=[claim()], at=ages(beat_s=11))) == [("failed", "killed")]


def test_what_nobody_wants_is_drained_then_killed() -> None:
    seen = look(claims=[claim()], workers=[found(claim())])
    assert plan(seen).actions == (Mark(A, 3, "draining", "unwanted"), Halt("w-a-3", "drain", "unwanted"))
    row = claim(state="draining", reason="unwanted")
    assert not plan(look(claims=[row], workers=[found(row)], at=ages(state_s=60))).actions
    assert plan(look(claims=[row], workers=[found(row)], at=ages(state_s=91))).actions == (
        Halt("w-a-3", "kill", "drain_deadline"),
    )
    over = found(row, life="exited", code=137)
    assert marks(look(claims=[row], workers=[over])) == [("done", "unwanted")]


def test_a_recording_that_was_read_to_its_end_is_finished_for_as_long_as_that_gets_on() -> None:
    """Renders may take longer than clips play. A live source may be back meanwhile, and who was asked is in a hurry."""
    row, vod = claim(state="draining", health={"state": "draining"}), want(kind="vod")
    busy = ages(state_s=3600, progress_s=80)
    assert not plan(look(wants=[vod], claims=[row], workers=[found(row)], at=busy)).actions
    over = [("failed", "drain_deadline")]
    assert marks(look(wants=[vod], claims=[row], workers=[found(row)], at=ages(state_s=3600, progress_s=91))) == over
    assert marks(look(wants=[want()], claims=[row], workers=[found(row)], at=busy)) == over
    asked = claim(state="draining", reason="disk", health={"state": "draining"})
    assert marks(look(wants=[vod], claims=[asked], workers=[found(asked)], at=busy)) == over


def test_who_finishes_by_itself_is_asked_to_end_once_nobody_wants_it() -> None:
    """However long it has been at it: only then its 90 s begin."""
    row = claim(state="draining", health={"state": "draining"})
    assert plan(look(claims=[row], workers=[found(row)], at=ages(state_s=3600))).actions == (
        Mark(A, 3, "draining", "unwanted"),
        Halt("w-a-3", "drain", "unwanted"),
    )


def test_wanted_again_while_it_drains_it_begins_anew_when_that_is_over() -> None:
    row = claim(state="draining", reason="unwanted")
    assert not plan(look(wants=[want()], claims=[row], workers=[found(row)])).actions
    closed = claim(state="done", reason="unwanted")
    assert plan(look(wants=[want()], claims=[closed])).actions == (Claim(A, 3, 0),)


def test_a_drain_that_was_cut_short_is_no_end_where_the_stream_is_wanted() -> None:
    """A supervisor drains all it has when it ends; its successor goes on with the session of a worker that was killed
    meanwhile, which has told nobody what it finished last."""
    row = claim(state="draining", reason="unwanted")
    killed, over = found(row, life="exited", code=137), found(row, life="exited", code=0)
    assert marks(look(wants=[want()], claims=[row], workers=[killed])) == [("failed", "killed")]
    assert marks(look(wants=[want()], claims=[row], workers=[over])) == [("done", "unwanted")]


def test_a_superseded_worker_is_killed_and_one_of_a_stream_nobody_knows_is_asked_to_end() -> None:
    old, new = found(claim(token=2)), claim()
    seen = plan(look(wants=[want()], claims=[new], workers=[old, found(new)]))
    assert seen.actions == (Halt("w-a-2", "kill", "superseded"),)
    assert plan(look(workers=[found(claim("x"))])).actions == (Halt("w-x-3", "drain", "unknown_stream"),)
    frozen = claim(state="lost")
    assert (
        Halt("w-a-3", "kill", "superseded")
        in plan(look(wants=[want()], claims=[frozen], workers=[found(frozen)])).actions
    )


def test_no_more_than_a_few_start_in_one_tick() -> None:
    """Eight at once on two cores would all be late; the rest take their turn."""
    seen = plan(look(wants=[want(f"s{n}", since_ns=n) for n in range(9)]))
    assert [act.stream for act in seen.actions if isinstance(act, Claim)] == ["s0", "s1", "s2", "s3", "s4"]
    assert next((each.stream, each.reason, each.position) for each in seen.waiting) == ("s5", "turn", 1)
    assert len(seen.actions) == MAX_CLAIMS


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cpus": 0.5}, "cpu"),
        ({"memory_bytes": 1 << 30}, "memory"),
        ({"streams": 2}, "streams"),
        ({"disk_ok": False}, "disk"),
        ({"shares": {"default": 2}}, "quota"),
    ],
)
def test_what_does_not_fit_waits_with_its_reason(change: dict[str, Any], reason: str) -> None:
    running = [claim("a"), claim("b")]
    seen = plan(
        look(
            wants=[want("a"), want("b"), want("c")],
            claims=running,
            workers=[found(row) for row in running],
            capacity=replace(ROOMY, **change),
        )
    )
    assert seen.actions == ()
    assert [(each.stream, each.reason) for each in seen.waiting] == [("c", reason)]


def test_a_live_capture_is_never_given_up_for_another() -> None:
    """However important: DESIGN puts footage first."""
    running = [claim("a")]
    seen = plan(
        look(wants=[want("a"), want("vip", priority=9)], claims=running, workers=[found(running[0])],
             capacity=replace(ROOMY, streams=1))
    )  # fmt: skip
    assert seen.actions == ()


def test_turns_go_by_priority_then_fairly_by_workspace_then_by_waiting() -> None:
    """`loud` has three streams running, `quiet` none."""
    running = [claim(f"r{n}") for n in range(3)]
    wants = [want(row.stream, workspace="loud") for row in running]
    wants += [want("l1", workspace="loud", since_ns=1), want("q1", workspace="quiet", since_ns=9)]
    wants += [want("p1", workspace="loud", since_ns=10, priority=1)]
    seen = plan(look(wants=wants, claims=running, workers=[found(row) for row in running]))
    assert [act.stream for act in seen.actions if isinstance(act, Claim)] == ["p1", "q1", "l1"]


def test_one_recording_at_a_time() -> None:
    row = claim("v1")
    seen = plan(
        look(wants=[want("v1", kind="vod"), want("v2", kind="vod"), want("s")], claims=[row], workers=[found(row)])
    )
    assert [act.stream for act in seen.actions if isinstance(act, Claim)] == ["s"]
    assert [(each.stream, each.reason) for each in seen.waiting] == [("v2", "vod_turn")]


states = st.sampled_from(
    ["claimed", "starting", "running", "degraded", "draining", "done", "failed", "lost", "quarantined"]
)
seconds = st.floats(0, 1000)


@given(
    state=states,
    life=st.sampled_from(["running", "exited", "unknown", None]),
    code=st.sampled_from([None, 0, 1, 64, 69, 70, 71, 73, 137, 255]),
    wanted=st.booleans(),
    away=st.booleans(),
    failures=st.integers(0, 20),
    times=st.tuples(seconds, seconds, seconds, seconds),
)
def test_no_state_of_things_makes_two_workers_of_one_stream(
    state: Any, life: Any, code: int | None, wanted: bool, away: bool, failures: int, times: tuple[float, ...]
) -> None:
    """A claim is made only after the last one was given up in an earlier tick, and never for what nobody wants."""
    row = claim(state=state, failures=failures)
    workers = None if away else ([] if life is None else [found(row, life=life, code=code)])
    at = ages(lived_s=max(times), state_s=times[1], beat_s=times[2], progress_s=times[3])
    actions = plan(look(wants=[want()] if wanted else [], claims=[row], workers=workers, at=at)).actions
    claims = [act for act in actions if isinstance(act, Claim)]
    if claims:
        assert wanted
        assert not away
        assert state in FINAL_STATES
    assert len(claims) <= 1
