"""The plane by a clock that is moved by hand: an hour without supervisors, the proof of a claim, tokens, addresses."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.control import EVENT_KINDS, MAX_BATCH, PROOF_S, Command, Hello
from core.ids import SessionId
from core.spec import ControlSpec
from core.times import NS_PER_S, ns, to_s
from daemon.journal import Journal
from daemon.worker.orders import Orders
from daemon.worker.plane import Patience, Plane, Vitals
from daemon.worker.plane.supervisors import Supervisors
from daemon.worker.plane.wire import Wire
from telemetry import Metrics
from tests.fakes import FakeClock
from tests.scenario.headquarters import Headquarters

HELLO = Hello(stream="test", session="s-test", claim_token=1, attempt=1, pid=1, version="0", node="here")


class HandClock(FakeClock):
    """A sleep lasts until the clock has been moved past its end."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    async def sleep(self, duration_ns: int) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.boottime_ns() + duration_ns, next(self._numbers), woken))
        await woken

    async def run(self, duration_s: float, *, step_s: float = 1.0, real_s: float = 0.0005) -> None:
        """Move on in steps, and let everybody do what they woke up for; sockets take a little real time."""
        until_ns = self.boottime_ns() + ns(duration_s)
        while self.boottime_ns() < until_ns:
            self.advance(ns(step_s))
            while self._waiting and self._waiting[0][0] <= self.boottime_ns():
                woken = heapq.heappop(self._waiting)[2]
                if not woken.done():
                    woken.set_result(None)
            await asyncio.sleep(real_s)

    async def run_until(self, true: Callable[[], object], limit_s: float = 600) -> None:
        """Move on until something is true."""
        until_ns = self.boottime_ns() + ns(limit_s)
        while not true():
            assert self.boottime_ns() < until_ns, "it did not happen"
            await self.run(0.25, step_s=0.25, real_s=0.02)


class Working:
    """A Work that stands still and remembers what it was asked to cut."""

    def __init__(self) -> None:
        self.asked: list[Command] = []

    def vitals(self) -> Vitals:
        return Vitals(state="live", progress=7)

    async def obey(self, command: Command) -> None:
        self.asked.append(command)


class Stage:
    """One worker's plane without a worker."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self.folder, self.journal = folder, journal
        self.clock, self.orders, self.work = HandClock(), Orders(), Working()

    @asynccontextmanager
    async def plane(self, control: ControlSpec, patience: Patience | None = None) -> AsyncIterator[Plane]:
        hello = replace(HELLO, claim_token=control.claim_token)
        async with Wire(control.urls) as wire:
            plane = Plane(
                hello,
                Supervisors(wire, control),
                self.journal,
                self.folder,
                self.clock,
                Metrics(),
                self.orders,
                patience=patience,
            )
            plane.attend(self.work)
            async with plane.running():
                yield plane
                ticking = asyncio.create_task(self.clock.run(100_000, step_s=0.25))
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)

    def put(self, count: int, kind: str = "state") -> None:
        self.journal.outbox.put(*({"type": kind, "session": "s-test", "n": number} for number in range(count)))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Journal.open_or_create(tmp_path / "session.db", session=SessionId("s-test")) as journal:
        journal.begin_attempt()
        yield Stage(tmp_path, journal)


@pytest.fixture
async def hq() -> AsyncIterator[Headquarters]:
    async with Headquarters() as headquarters:
        yield headquarters


async def test_an_hour_without_supervisors_loses_nothing(stage: Stage, hq: Headquarters) -> None:
    """What happened meanwhile is delivered in order, in batches, soon after the first of them is back."""
    async with stage.plane(hq.control()) as plane:
        await stage.clock.run_until(lambda: plane.may_publish)
        await hq.close()
        for _ in range(12):
            stage.put(100)
            await stage.clock.run(300, step_s=5)
        assert plane.status()["claim"] == "unproven"
        assert plane.status()["away_s"] >= 3500
        await stage.clock.run_until(lambda: plane.delivery.left == 1200)  # counted in a thread
        await hq.open()
        back_ns = stage.clock.boottime_ns()
        await stage.clock.run_until(lambda: len(hq.rows) == 1200)
        assert stage.clock.boottime_ns() - back_ns < 30 * NS_PER_S
        await stage.clock.run_until(lambda: plane.may_publish)
    assert [row.line["n"] for _, row in sorted(hq.rows.items())] == [*range(100)] * 12
    assert max(hq.batches) <= MAX_BATCH


async def test_without_proof_for_45_s_nothing_may_be_published(stage: Stage, hq: Headquarters) -> None:
    """Counted from when the last question that was answered was asked; recording is not asked about it."""
    async with stage.plane(hq.control()) as plane:
        assert not plane.may_publish
        await stage.clock.run_until(lambda: plane.may_publish)
        hq.mood = "500"
        await stage.clock.run(5, step_s=0.5, real_s=0.02)  # for what was under way
        asked_ns = plane._claim._proven_ns
        assert asked_ns is not None
        left_s = PROOF_S - to_s(stage.clock.boottime_ns() - asked_ns)
        await stage.clock.run(left_s - 1, step_s=0.5, real_s=0.003)
        assert plane.may_publish
        await stage.clock.run(1.5, step_s=0.5, real_s=0.003)
        assert not plane.may_publish
        assert not stage.orders.stopping.is_set()
        hq.mood = "well"
        await stage.clock.run_until(lambda: plane.may_publish)
        hq.claim = 2
        await stage.clock.run_until(lambda: stage.orders.lost)
        assert plane.status()["claim"] == "lost"
        assert not plane.may_publish


async def test_whether_clips_may_be_finished_is_what_was_last_heard(stage: Stage, hq: Headquarters) -> None:
    """Until something is heard they may; nobody answers, and it stays as it was."""
    hq.renders = False
    async with stage.plane(hq.control()) as plane:
        assert plane.may_render
        await stage.clock.run_until(lambda: not plane.may_render)
        hq.mood = "500"
        await stage.clock.run(PROOF_S, step_s=0.5, real_s=0.003)
        assert not plane.may_render
        hq.mood, hq.renders = "well", True
        await stage.clock.run_until(lambda: plane.may_render)


async def test_an_hour_costs_the_token_and_the_renewal_secret_gets_another(stage: Stage, hq: Headquarters) -> None:
    """The token that heartbeats renewed is void; whoever is refused first renews it for all."""
    async with stage.plane(hq.control()) as plane:
        await stage.clock.run_until(lambda: plane.may_publish)
        assert hq.renewals == 0
        hq.tokens.clear()
        stage.put(3)
        await stage.clock.run_until(lambda: len(hq.rows) == 3)
        assert 1 <= hq.renewals <= 3


async def test_supervisors_that_take_no_token_end_the_wait_at_the_end(stage: Stage, hq: Headquarters) -> None:
    """The catalog was wiped: rows stay in the journal, and the worker does not wait for seven days."""
    hq.mood = "denied"
    stage.put(2)
    await _through(stage, hq.control())
    assert stage.journal.outbox.left == 2


async def _through(stage: Stage, control: ControlSpec) -> None:
    async with stage.plane(control):
        pass


async def test_the_end_of_a_stream_waits_for_whoever_takes_its_clips(stage: Stage, hq: Headquarters) -> None:
    """It ended by itself while all supervisors were away: they are told when they are back, however late."""
    await hq.close()
    stage.put(1, "clip")
    ending = asyncio.create_task(_through(stage, hq.control()))
    await stage.clock.run(3600, step_s=4)
    assert not ending.done()
    await hq.open()
    await ending
    assert [row.kind for row in hq.rows.values()] == ["clip"]


async def test_a_drain_gives_the_outbox_20_s(stage: Stage, hq: Headquarters) -> None:
    """The rest stays durable and is the next attempt's."""
    await hq.close()
    stage.put(1)
    stage.orders.drain()
    began_ns = stage.clock.boottime_ns()
    ending = asyncio.create_task(_through(stage, hq.control()))
    await stage.clock.run_until(ending.done, 10_000)
    took_ns = stage.clock.boottime_ns() - began_ns
    assert 20 * NS_PER_S <= took_ns < 3600 * NS_PER_S  # the clock runs on while a busy machine ends the last request
    assert stage.journal.outbox.left == 1


@pytest.mark.parametrize("mood", ["500", "hung", None])
async def test_the_next_address_is_asked_when_one_fails(stage: Stage, hq: Headquarters, mood: str | None) -> None:
    """Ill, silent, or nobody there; from then on the one that answers is asked first."""
    async with Headquarters() as other:
        other.mood = mood or "well"  # type: ignore[assignment]
        if mood is None:
            await other.close()
        async with stage.plane(hq.control(other.url)) as plane:
            await stage.clock.run_until(lambda: plane.may_publish, 10_000)
            asked = len(other.asked)
            stage.put(1)
            await stage.clock.run_until(lambda: hq.rows)
            assert len(other.asked) == asked


async def test_a_supervisor_that_lost_its_catalog_is_told_again(stage: Stage, hq: Headquarters) -> None:
    """And one that knows more than a journal that was rebuilt gets new numbers."""
    stage.put(3)
    stage.journal.outbox.tell_from(3)
    async with stage.plane(hq.control()):
        await stage.clock.run_until(lambda: len(hq.rows) == 3)
    hq.rows = {seq + 500: replace(row, seq=seq + 500) for seq, row in hq.rows.items()}
    stage.put(2)
    async with stage.plane(hq.control()):
        await stage.clock.run_until(lambda: len(hq.rows) == 5)
    assert min(sorted(hq.rows)[3:]) > 503


async def test_one_line_that_is_not_taken_does_not_hold_up_the_others(stage: Stage, hq: Headquarters) -> None:
    """It is found by halving, stays in the journal, and is remembered as such."""
    assert "transcript" not in EVENT_KINDS
    stage.put(40)
    stage.put(1, "transcript")
    stage.put(40)
    async with stage.plane(hq.control()):
        await stage.clock.run_until(lambda: len(hq.rows) == 80)
    assert stage.journal.meta("not_taken") == [41]


async def test_each_order_is_obeyed_once_over_all_attempts(stage: Stage, hq: Headquarters) -> None:
    """A drain of the attempt before does not end this one."""
    hq.order("clip-now", last_s=5)
    hq.order("drain")
    async with stage.plane(hq.control()):
        await stage.clock.run_until(stage.orders.draining.is_set)
    assert [command.args for command in stage.work.asked] == [{"last_s": 5}]
    assert stage.orders.reason == "drain"
    stage.orders = Orders()
    async with stage.plane(hq.control()) as plane:
        await stage.clock.run_until(lambda: plane.may_publish)
        await stage.clock.run(5)
        assert not stage.orders.draining.is_set()
    assert len(stage.work.asked) == 1


async def test_no_secret_is_logged(stage: Stage, hq: Headquarters, caplog: pytest.LogCaptureFixture) -> None:
    """Neither token nor renewal secret, in whatever goes wrong."""
    with caplog.at_level(logging.DEBUG):
        async with stage.plane(hq.control(claim=1)) as plane:
            await stage.clock.run_until(lambda: plane.may_publish)
            hq.tokens.clear()
            await stage.clock.run_until(lambda: hq.renewals)
            assert "token-" not in repr(plane.supervisors.__dict__.get("_wire"))
    assert "renewal-0" not in caplog.text
    assert "token-0" not in caplog.text
