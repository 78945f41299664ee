"""A workspace that has had its share of today: what waits, what ends, and that nobody else's does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.streams import QuotaOptions
from core.ids import StreamId
from core.times import ns
from supervisor.catalog.values import JobRow, UsageRow
from supervisor.quotas import reached
from supervisor.reconcile.jobs import advance, new_steps
from supervisor.reconcile.plan import plan
from supervisor.reconcile.values import Claim, Halt, Mark
from tests.unit.reconcile.sample import ROOMY, claim, found, look, want
from tests.unit.reconcile.test_term import A, House, house

__all__ = ["house"]
NAMES = ("quota_minutes", "quota_storage", "quota_renders")


def spent(*names: str) -> Any:
    """Room for everybody, and one workspace that has reached these."""
    return replace(ROOMY, reached={"default": frozenset(names)})


def test_a_quota_is_reached_when_it_is_used_up() -> None:
    """Nothing set is no quota, and who has used nothing has reached only a quota of nothing."""
    quotas = {
        "a": QuotaOptions(minutes_a_day=60, stored_gb=2, renders_a_day=10),
        "b": QuotaOptions(minutes_a_day=0),
        "c": QuotaOptions(streams=1),
    }
    used = UsageRow(workspace="a", day="2026-11-22", minutes=60.0, bytes=1_999_999_999, renders=10)
    assert reached(quotas, {"a": used}) == {
        "a": {"quota_minutes", "quota_renders"}, "b": {"quota_minutes"}, "c": frozenset(),
    }  # fmt: skip
    assert reached(quotas, {"a": replace(used, minutes=-3.0, bytes=2_000_000_000, renders=9)})["a"] == {"quota_storage"}


@pytest.mark.parametrize(
    ("kind", "waits"),
    [("stream", {"quota_minutes", "quota_storage"}), ("vod", set(NAMES)), ("door", set())],
)
@pytest.mark.parametrize("name", NAMES)
def test_a_new_capture_waits_for_what_it_needs(kind: str, waits: set[str], name: str) -> None:
    """A live stream is captured and cut though nothing of it is finished today; a recording can wait."""
    seen = plan(look(wants=[want(kind=kind), want("b", workspace="other")], capacity=spent(name)))
    assert [each.reason for each in seen.waiting] == ([name] if name in waits else [])
    assert Claim(StreamId("b"), 0, 0) in seen.actions


@pytest.mark.parametrize("name", NAMES)
def test_only_minutes_end_a_capture_that_runs(name: str) -> None:
    """It drains, with the reason; one that drains already, or is another workspace's, is left alone."""
    rows = [claim("a"), claim("b", state="draining", reason="unwanted"), claim("c")]
    wants = [want("a"), want("b"), want("c", workspace="other")]
    actions = plan(look(wants=wants, claims=rows, workers=map(found, rows), capacity=spent(name))).actions
    ends = (Mark(A, 3, "draining", "quota_minutes"), Halt("w-a-3", "drain", "quota_minutes"))
    assert actions == (ends if name == "quota_minutes" else ())


def test_who_was_ended_waits_with_the_reason() -> None:
    """While it drains, when it has, and nobody is asked to end whom the engine does not know."""
    for state in ("draining", "done"):
        row = claim(state=state, reason="quota_minutes")
        workers = [found(row)] if state == "draining" else []
        seen = plan(look(wants=[want()], claims=[row], workers=workers, capacity=spent("quota_minutes")))
        assert ([each.reason for each in seen.waiting], seen.actions) == (["quota_minutes"], ())
    assert plan(look(wants=[want()], claims=[claim()], workers=None, capacity=spent("quota_minutes"))).actions == ()


def test_a_recording_that_was_ended_for_today_is_not_completed() -> None:
    """It goes on tomorrow."""
    job = JobRow(id="j", workspace="default", stream=A, state="analyzing", source="x", steps=new_steps())
    assert advance(job, claim(state="done", reason="quota_minutes"), 5) == job


@given(
    names=st.sets(st.sampled_from(NAMES)),
    ours=st.lists(st.sampled_from(["none", "running", "draining", "done", "failed"]), max_size=5),
    theirs=st.lists(st.sampled_from(["none", "running", "failed"]), max_size=5),
    kinds=st.lists(st.sampled_from(["stream", "vod"]), min_size=10, max_size=10),
)
def test_quotas_hold_and_are_nobody_elses(
    names: set[str], ours: list[str], theirs: list[str], kinds: list[str]
) -> None:
    """Whatever runs: nothing begins that has no quota left, and only its own workers end, for minutes only."""
    states = {f"o{n}": state for n, state in enumerate(ours)} | {f"t{n}": state for n, state in enumerate(theirs)}
    wants = {
        name: want(name, workspace="default" if name[0] == "o" else "other", kind=kind)
        for name, kind in zip(states, kinds, strict=False)
    }
    rows = [claim(name, state=state) for name, state in states.items() if state != "none"]
    alive = [found(row) for row in rows if row.state in ("running", "draining")]
    actions = plan(look(wants=wants.values(), claims=rows, workers=alive, capacity=spent(*names))).actions
    for action in actions:
        if isinstance(action, Claim) and action.stream[0] == "o":
            assert names <= ({"quota_renders"} if wants[action.stream].kind == "stream" else set())
    marked = {str(action.stream) for action in actions if isinstance(action, Mark)}
    running = {name for name, state in states.items() if name[0] == "o" and state == "running"}
    assert marked == (running if "quota_minutes" in names else set())


async def test_a_capture_ends_with_its_minutes_and_begins_anew_on_the_next_day(house: House) -> None:
    """Its stream stays wanted and says what it waits for; a new leader sees the same, since nothing is remembered."""
    await house.add()
    quotas = {"default": QuotaOptions(minutes_a_day=1)}
    term = house.term(quotas=quotas)
    await term.tick()
    await house.hello()
    first = await house.claim()
    await house.beat(2, media_s=59.0)
    await house.seconds(term, 1)
    assert (await house.claim()).state == "running"
    await house.beat(3, media_s=60.0)
    await house.seconds(term, 1)
    assert ((await house.claim()).state, (await house.claim()).reason) == ("draining", "quota_minutes")
    house.runtime.end(first.worker, 0)
    await house.seconds(term, 3)
    assert (await house.catalog.stream(None, A)).reason == "quota_minutes, place 1"
    assert (await house.catalog.stream(None, A)).wanted == "running"
    assert house.metrics.registry.get_sample_value("clipd_waiting", {"reason": "quota_minutes"}) == 1
    assert house.over == []
    successor = house.term(2, quotas=quotas)
    await house.seconds(successor, 3)
    assert (await house.claim()).token == first.token
    house.clock.advance(ns(2 * 3600))
    await house.seconds(successor, 2)
    again = await house.claim()
    assert (again.token, again.state) == (first.token + 1, "starting")
    assert again.session != first.session


async def test_a_stream_waits_for_room_that_its_workspace_has_not(house: House) -> None:
    """And begins when somebody has made some; what runs goes on."""
    await house.add()
    term = house.term(quotas={"default": QuotaOptions(stored_gb=1)})
    await term.tick()
    await house.hello()
    await house.catalog.set_stored({"default": 1_000_000_000})
    await house.add(name="b")
    await house.seconds(term, 2)
    assert (await house.claim()).state == "running"
    assert (await house.catalog.stream(None, StreamId("b"))).reason == "quota_storage, place 1"
    await house.catalog.set_stored({"default": 999_999_999})
    await house.seconds(term, 2)
    assert len(house.runtime.started) == 2
