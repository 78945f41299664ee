"""A leadership over a real catalog and an engine of values: what is claimed, started, written down and replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.control import Heartbeat, Hello
from core.ids import SessionId, StreamId
from core.spec import WorkerSpec
from core.times import ns
from supervisor.catalog import Catalog
from supervisor.catalog.values import ClaimRow, JobRow, StreamRow
from supervisor.channels import ChannelJob
from supervisor.reconcile.desk import StreamDesk
from supervisor.reconcile.jobs import new_steps
from supervisor.reconcile.term import NotLeading, Term, TermTools
from supervisor.runtimes.api import Limits
from telemetry.metrics import SupervisorMetrics
from tests.fake_runtime import FakeRuntime
from tests.fakes import FakeClock
from tests.unit.reconcile.sample import ROOMY

A = StreamId("a")


class Addresses:
    """No pages; the source is what the worker does."""

    def channel(self, row: StreamRow) -> ChannelJob | None:
        return None

    def waits(self, row: StreamRow) -> bool:
        return row.source == "door:"

    def spec(self, row: StreamRow, session: SessionId) -> WorkerSpec:
        return WorkerSpec(
            kind="stream", stream=row.id, session=session, source=row.source, origin="cli", data_dir="/data"
        )


class House:
    """One catalog, one engine, and as many leaders as a test wants."""

    def __init__(self, catalog: Catalog, clock: FakeClock) -> None:
        self.catalog, self.clock = catalog, clock
        self.runtime = FakeRuntime(self.clock)
        self.over: list[tuple[str, str]] = []
        self.metrics = SupervisorMetrics()
        self.held: int | None = None  # by this process; None: whatever a term wants

    def term(self, token: int = 1, **changes: Any) -> Term:
        desk = StreamDesk(Addresses(), self.clock, lambda row, why: self.over.append((row.id, why)))
        tools = TermTools(
            catalog=self.catalog, runtime=self.runtime, streams=Addresses(), desk=desk, clock=self.clock,
            metrics=self.metrics, held=lambda: token if self.held is None else self.held, capacity=lambda: ROOMY, control_urls=("http://127.0.0.1:1",),
            installation="here", limits=lambda _: Limits(),
        )  # fmt: skip
        return Term(token, replace(tools, **changes))

    async def add(self, source: str = "run", name: str = "a") -> None:
        await self.catalog.add_stream(
            StreamRow(id=StreamId(name), workspace="default", name=name, source=source, kind="stream", origin="cli")
        )

    async def job(self, source: str) -> None:
        """A recording, and its job."""
        await self.catalog.add_stream(
            StreamRow(id=A, workspace="default", name="a", source=source, kind="vod", origin="api", wanted="paused")
        )
        await self.catalog.add_job(
            JobRow(id="j1", workspace="default", stream=A, state="created", source=source, steps=new_steps())
        )

    async def claim(self, name: str = "a") -> ClaimRow:
        return (await self.catalog.attempts(None, StreamId(name)))[0]

    async def hello(self) -> None:
        """The newest worker says hello and beats once."""
        row = await self.claim()
        await self.catalog.hello(
            Hello(
                stream=row.stream, session=row.session, claim_token=row.token, attempt=1, pid=1, version="1", node="n"
            )
        )
        await self.beat()

    async def beat(self, progress: int = 1, media_s: float = 1.0) -> bool:
        row = await self.claim()
        return await self.catalog.beat(
            Heartbeat(
                session=row.session, claim_token=row.token, state="live", progress=progress, media_s=media_s, lag_s=0,
                rss_bytes=1, ring_bytes=1, disk_free_bytes=1, undelivered=0,
            )
        )  # fmt: skip

    async def seconds(self, term: Term, count: float) -> None:
        """A tick a second."""
        for _ in range(round(count)):
            await term.tick()
            self.clock.advance(ns(1))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = FakeClock()
    catalog = await Catalog.open(f"sqlite:///{tmp_path}/catalog.db", clock)
    yield House(catalog, clock)
    await catalog.close()


async def test_a_stream_is_claimed_started_and_left_alone(house: House) -> None:
    """Its orders carry the claim and secrets that stand nowhere else."""
    await house.add()
    term = house.term()
    await term.tick()
    order = house.runtime.started[0]
    row = await house.claim()
    assert (row.state, row.worker, row.token) == ("starting", order.name, 1)
    assert order.labels == {
        "stream": "a", "session": row.session, "claim_token": "1", "lease_token": "1", "installation": "here",
    }  # fmt: skip
    control = order.spec.control
    assert control is not None
    assert await house.catalog.worker_token(control.token) == row
    assert not {control.token, control.renewal} & set(order.labels.values())
    await house.hello()
    await house.seconds(term, 5)
    assert len(house.runtime.started) == 1
    assert (await house.claim()).state == "running"


async def test_a_killed_worker_is_replaced_in_the_same_session(house: House) -> None:
    """Within two looks; the new claim's token is higher, the session's the same, and it is counted with its reason."""
    await house.add()
    term = house.term()
    await term.tick()
    await house.hello()
    before = await house.claim()
    await house.runtime.kill(before.worker)
    await house.seconds(term, 2)
    after = await house.claim()
    assert (after.token, after.session, after.state) == (2, before.session, "starting")
    assert house.metrics.restarts_total.labels(reason="killed")._value.get() == 1
    assert [found.name for found in await house.runtime.list()] == ["w-a-2"]


async def test_a_new_leader_goes_on_with_what_it_finds(house: House) -> None:
    """Nobody is started twice and nobody is interrupted; the old leader cannot write any more."""
    await house.add()
    first = house.term(1)
    await first.tick()
    await house.hello()
    second = house.term(2)
    await house.seconds(second, 3)
    assert len(house.runtime.started) == 1
    await house.runtime.kill("w-a-1")
    with pytest.raises(NotLeading):
        await first.tick()
    assert house.catalog.stale_refused > 0
    assert [(found.name, found.life) for found in await house.runtime.list()] == [("w-a-1", "exited")]
    session = (await house.claim()).session
    await house.seconds(second, 3)
    assert (await house.claim()).session == session


async def test_a_lost_reply_of_the_engine_starts_nobody_twice(house: House) -> None:
    """The worker is there; it is seen at the next look."""
    await house.add()
    house.runtime.lost_replies = 1
    term = house.term()
    await term.tick()
    await house.hello()
    await house.seconds(term, 4)
    assert len(house.runtime.started) == 1
    assert (await house.claim()).state == "running"


async def test_an_engine_that_is_away_costs_nobody_anything(house: House) -> None:
    await house.add()
    term = house.term()
    await term.tick()
    await house.hello()
    house.runtime.away = True
    for beat in range(2, 120):
        await house.beat(beat)
        await house.seconds(term, 1)
    house.runtime.away = False
    await house.seconds(term, 2)
    assert len(house.runtime.started) == 1
    assert (await house.claim()).state == "running"


async def test_a_leader_whose_lease_is_gone_does_nothing(house: House) -> None:
    await house.add()
    """Nor does one whose process has won another lease since: that is another leadership."""
    for held in (0, 2):
        house.held = held
        with pytest.raises(NotLeading):
            await house.term(1).tick()
    assert not house.runtime.started


async def test_a_paused_stream_is_drained_and_a_resumed_one_begins_anew(house: House) -> None:
    await house.add()
    term = house.term()
    await term.tick()
    await house.hello()
    first = await house.claim()
    await house.catalog.change_stream("default", A, wanted="paused")
    await house.seconds(term, 3)
    assert (await house.claim()).state == "done"
    assert not await house.runtime.list()
    await house.catalog.change_stream("default", A, wanted="running")
    await house.seconds(term, 2)
    second = await house.claim()
    assert second.token == 2
    assert second.session != first.session


async def test_a_deleted_stream_ends_its_worker(house: House) -> None:
    await house.add()
    term = house.term()
    await term.tick()
    await house.catalog.delete_stream("default", A)
    await house.seconds(term, 3)
    assert not await house.runtime.list()


async def test_media_that_ended_is_told_and_not_begun_again(house: House) -> None:
    await house.add("exit:0")
    term = house.term()
    await house.seconds(term, 2)
    assert house.over == [("a", "ended")]
    session = (await house.catalog.sessions("default")).rows[0]
    assert (session.state, session.reason) == ("ended", "ended")


async def test_a_crash_loop_ends_in_quarantine(house: House) -> None:
    """Eight failures, with longer and longer waits between them: not in a minute."""
    await house.add("exit:70")
    term = house.term()
    await house.seconds(term, 60)
    assert not house.over
    await house.seconds(term, 120)
    assert house.over == [("a", "loop_crashed")]
    assert len(house.runtime.started) == 8
    row = await house.claim()
    assert (row.state, row.failures) == ("quarantined", 8)


async def test_closing_down_drains_everybody(house: House) -> None:
    await house.add()
    await house.add(name="b")
    await house.term().tick()
    closing = house.term(closing=True)
    left = [await closing.tick() for _ in range(3)]
    assert left[-1] == 0
    assert not await house.runtime.list()


async def test_a_recordings_job_follows_its_worker(house: House) -> None:
    """It wants its stream; when the worker is done the job is, and its stream is wanted no more."""
    await house.job("run")
    term = house.term()
    await house.seconds(term, 2)
    await house.hello()
    await house.seconds(term, 2)
    assert (await house.catalog.job(None, "j1")).state == "analyzing"
    house.runtime.end("w-a-1", 0)
    await house.seconds(term, 3)
    job = await house.catalog.job(None, "j1")
    assert (job.state, [step.state for step in job.steps]) == ("completed", ["done"] * 5)
    assert (await house.catalog.stream(None, A)).wanted == "paused"
    await house.seconds(term, 5)
    assert len(house.runtime.started) == 1


async def test_a_job_that_keeps_dying_fails_at_its_step_and_goes_on_when_retried(house: House) -> None:
    """Ingest has three tries; retried by hand it is the same session, so nothing is done twice."""
    await house.job("exit:70")
    term = house.term()
    await house.seconds(term, 60)
    job = await house.catalog.job(None, "j1")
    assert (job.state, job.error, job.steps[0].state) == ("failed", "crashed", "failed")
    assert len(house.runtime.started) == 3
    await house.catalog.change_job(None, "j1", state="created", steps=new_steps(), error="", ended_ns=None)
    await house.seconds(term, 3)
    assert len({order.spec.session for order in house.runtime.started}) == 1
    assert len(house.runtime.started) > 3


async def test_a_cancelled_job_is_drained(house: House) -> None:
    await house.job("run")
    term = house.term()
    await house.seconds(term, 2)
    await house.hello()
    await house.catalog.change_job(None, "j1", cancel=True)
    await house.seconds(term, 4)
    assert (await house.catalog.job(None, "j1")).state == "cancelled"
    assert not await house.runtime.list()


async def test_in_a_hurry_everybody_is_killed(house: House) -> None:
    await house.add("stubborn")
    await house.term().tick()
    closing = house.term(closing=True)
    await closing.tick()
    assert await closing.tick() == 1
    await closing.kill_all()
    await closing.tick()
    assert await closing.tick() == 0


async def test_who_waits_is_told_why_and_at_which_place(house: House) -> None:
    """And is told no more once it runs."""
    await house.add(name="a")
    await house.add(name="b")
    room = {"now": replace(ROOMY, streams=1)}
    term = house.term(capacity=lambda: room["now"])
    await house.seconds(term, 2)
    assert [row.reason for row in await house.catalog.all_streams()] == ["", "streams, place 1"]
    room["now"] = ROOMY
    await house.seconds(term, 2)
    assert [row.reason for row in await house.catalog.all_streams()] == ["", ""]
    assert len(house.runtime.started) == 2


async def test_a_pushed_stream_waits_for_its_next_publisher(house: House) -> None:
    """The end of one broadcast is not the stream's: the next one is another session."""
    await house.add("door:")
    term = house.term()
    await term.tick()
    await house.hello()
    first = (await house.claim()).session
    house.runtime.end("w-a-1", 0)
    await house.seconds(term, 3)
    assert not house.over
    assert (await house.claim()).token == 2
    assert (await house.claim()).session != first
