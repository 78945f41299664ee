"""A disk that is nearly full: who ends, who waits, and that nobody's session or job is called over for it."""

from __future__ import annotations

from dataclasses import replace

from core.ids import StreamId
from core.times import ns
from supervisor.catalog.values import JobRow
from supervisor.disk import Grade
from supervisor.reconcile.capacity import Pressure
from supervisor.reconcile.jobs import advance, new_steps
from supervisor.reconcile.plan import plan
from supervisor.reconcile.values import Capacity, Halt, Mark
from tests.unit.reconcile.sample import ROOMY, claim, found, look, want
from tests.unit.reconcile.test_term import A, House, house

__all__ = ["house"]
RED = replace(ROOMY, disk_ok=False, shed=True)


def ended(*wants: tuple[str, int, str, int], capacity: Capacity = RED, state: str = "running") -> list[str]:
    """Who of these (name, priority, kind, since) is asked to end."""
    rows = [claim(name, state=state) for name, *_ in wants]
    asked = [want(name, priority=priority, kind=kind, since_ns=since) for name, priority, kind, since in wants]
    actions = plan(look(wants=asked, claims=rows, workers=map(found, rows), capacity=capacity)).actions
    marked = [act.stream for act in actions if isinstance(act, Mark) and act.reason == "disk"]
    assert [act.worker for act in actions if isinstance(act, Halt)] == [f"w-{name}-3" for name in marked]
    assert all(act.how == "drain" for act in actions if isinstance(act, Halt))
    return [str(name) for name in marked]


def test_the_lowest_priority_ends_first() -> None:
    """One of them, and none where the disk is only orange or all of them drain already."""
    assert ended(("a", 0, "stream", 1), ("b", -1, "stream", 1), ("c", 5, "stream", 1)) == ["b"]
    assert ended(("a", 0, "stream", 1), capacity=replace(ROOMY, disk_ok=False)) == []
    assert ended(("a", 0, "stream", 1), state="draining") == []
    assert ended() == []


def test_of_equals_a_recording_ends_before_a_live_stream_and_who_came_last() -> None:
    """A recording is still there when there is room again."""
    assert ended(("a", 0, "stream", 9), ("b", 0, "vod", 1)) == ["b"]
    assert ended(("a", 0, "stream", 9), ("b", 0, "stream", 1)) == ["a"]


def test_nobody_ends_while_the_engine_does_not_answer() -> None:
    """It could not be asked to."""
    assert plan(look(wants=[want()], claims=[claim()], workers=None, capacity=RED)).actions == ()


def test_who_was_ended_waits_with_the_reason() -> None:
    """While it drains, and when it has."""
    for state in ("draining", "done"):
        row = claim(state=state, reason="disk")
        workers = [found(row)] if state == "draining" else []
        seen = plan(look(wants=[want()], claims=[row], workers=workers, capacity=replace(RED, shed=False)))
        assert [(each.stream, each.reason) for each in seen.waiting] == [("a", "disk")]
        assert seen.actions == ()


def test_one_ends_every_ten_seconds_and_nobody_starts_for_a_minute_after() -> None:
    """Red for 20 s, then green."""
    pressure = Pressure()
    steps = [(second, pressure.step(Grade.RED if second < 21 else Grade.GREEN, ns(second))) for second in range(100)]
    assert [second for second, (_, shed) in steps if shed] == [0, 10, 20]
    assert next(second for second, (disk_ok, _) in steps if disk_ok) == 80
    assert Pressure().step(Grade.YELLOW, 0) == (True, False)
    assert Pressure().step(Grade.ORANGE, 0) == (False, False)


def test_a_job_that_was_ended_for_want_of_disk_is_not_completed() -> None:
    """It goes on when there is room."""
    job = JobRow(id="j", workspace="default", stream=StreamId("a"), state="analyzing", source="x", steps=new_steps())
    assert advance(job, claim(state="done", reason="disk"), 5) == job
    assert advance(job, claim(state="done", reason="ended"), 5).state == "completed"


async def test_a_stream_ends_for_the_disk_waits_and_begins_a_new_session(house: House) -> None:
    """It stays wanted; its clips and its old session stay."""
    await house.add()
    room = [ROOMY]
    term = house.term(capacity=lambda: room[-1])
    await term.tick()
    await house.hello()
    await term.tick()
    room.append(RED)
    await term.tick()
    first = await house.claim()
    assert (first.state, first.reason) == ("draining", "disk")
    room.append(replace(RED, shed=False))
    house.runtime.end(first.worker, 0)
    await house.seconds(term, 5)
    assert ((await house.claim()).state, (await house.claim()).reason) == ("done", "disk")
    assert house.metrics.registry.get_sample_value("clipd_waiting", {"reason": "disk"}) == 1
    assert (await house.catalog.stream(None, A)).wanted == "running"
    assert house.over == []
    room.append(ROOMY)
    await house.seconds(term, 2)
    again = await house.claim()
    assert (again.token, again.state) == (first.token + 1, "starting")
    assert again.session != first.session
    assert house.metrics.registry.get_sample_value("clipd_waiting", {"reason": "disk"}) is None
