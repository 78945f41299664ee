"""What shall be recorded now: addresses always, channels while they are live, nothing that was paused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from core.errors import UsageError
from core.ids import SessionId, StreamId
from core.netpolicy import AddressPolicy
from core.spec import WorkerSpec
from core.times import ns
from supervisor.catalog.values import StreamRow
from supervisor.channels import ChannelJob
from supervisor.channels.answers import Answer
from supervisor.channels.state import EndRule
from supervisor.reconcile.desk import StreamDesk
from supervisor.reconcile.values import Mark
from tests.fakes import FakeClock
from tests.unit.reconcile.sample import claim

A, PAGE = StreamId("a"), "https://www.twitch.tv/ann"


def row(**changes: Any) -> StreamRow:
    known: dict[str, Any] = {
        "id": A, "workspace": "default", "name": "a", "source": "https://origin.test/a", "kind": "stream",
        "origin": "cli",
    }  # fmt: skip
    return StreamRow(**(known | changes))


class PagesOrAddresses:
    """Twitch's pages are channels; a source called `bad` cannot be meant."""

    def channel(self, row: StreamRow) -> ChannelJob | None:
        if row.source == "bad":
            raise UsageError("No such source", remedy="Name another.", code="unsupported")
        if row.source != PAGE:
            return None
        rule = EndRule(apart_ns=ns(30), silence_ns=ns(300))
        policy = AddressPolicy.for_source(row.source, "cli", ())
        return ChannelJob(
            url=PAGE, name=PAGE, policy=policy, new_spec=lambda: self.spec(row, SessionId("s-page")), timeout_s=5,
            poll_ns=ns(60), rule=rule,
        )  # fmt: skip

    def waits(self, row: StreamRow) -> bool:
        return row.source == "door:"

    def spec(self, row: StreamRow, session: SessionId) -> WorkerSpec:
        return WorkerSpec(
            kind="stream", stream=row.id, session=session, source=row.source, origin="cli", data_dir="/data"
        )


class Desk:
    """A desk, what its page says, and which streams it has given up."""

    def __init__(self) -> None:
        self.page = "offline"
        self.over: list[tuple[str, str]] = []
        self.desk = StreamDesk(
            PagesOrAddresses(), FakeClock(), lambda row, why: self.over.append((row.id, why)), ask=self.ask
        )

    async def ask(self, url: str, policy: AddressPolicy, timeout_s: float) -> Answer:
        await asyncio.sleep(0)
        return Answer(code=self.page)  # type: ignore[arg-type]

    async def until(self, true: Callable[[], object]) -> None:
        """Let the channel's runner take its turns; the clock is virtual, so this is no time at all."""
        for _ in range(2000):
            if true():
                return
            await asyncio.sleep(0)
        raise AssertionError("it never came true")


@pytest.fixture
async def shelf() -> AsyncIterator[Desk]:
    made = Desk()
    yield made
    await made.desk.close()


async def test_an_address_is_wanted_while_its_row_says_so(shelf: Desk) -> None:
    shelf.desk.update([row()])
    assert list(shelf.desk.wants({})) == ["a"]
    shelf.desk.update([row(wanted="paused")])
    assert not shelf.desk.wants({})
    shelf.desk.update([row(), row(id=StreamId("b"), deleted=True)])
    assert list(shelf.desk.wants({})) == ["a"]
    shelf.desk.update([])
    assert not shelf.desk.wants({})


async def test_a_channel_is_wanted_while_it_is_live(shelf: Desk) -> None:
    """Its session ends when the worker's media has ended and the page says so; then it is asked on."""
    shelf.desk.update([row(source=PAGE)])
    await shelf.until(lambda: shelf.desk.states.get(A))
    assert not shelf.desk.wants({})
    shelf.page = "live"
    await shelf.until(lambda: shelf.desk.wants({}))
    assert shelf.desk.order(A, None)[1] == "s-page"
    shelf.page = "offline"
    shelf.desk.heard({A: claim(session=SessionId("s-page"), health={"state": "live", "media_s": 60.0, "lag_s": 1.0})})
    shelf.desk.ended(claim(), Mark(A, 3, "done", "ended", 0))
    await shelf.until(lambda: not shelf.desk.wants({}))
    assert not shelf.over
    shelf.page = "live"
    await shelf.until(lambda: shelf.desk.wants({}))


async def test_a_paused_channel_is_not_wanted_and_not_asked(shelf: Desk) -> None:
    shelf.page = "live"
    shelf.desk.update([row(source=PAGE)])
    await shelf.until(lambda: shelf.desk.wants({}))
    shelf.desk.update([row(source=PAGE, wanted="paused")])
    assert not shelf.desk.wants({})
    shelf.desk.update([row(source=PAGE)])
    await shelf.until(lambda: shelf.desk.wants({}))


async def test_a_crashed_worker_leaves_its_stream_wanted(shelf: Desk) -> None:
    shelf.desk.update([row()])
    shelf.desk.ended(claim(), Mark(A, 3, "failed", "crashed", 70, 1))
    assert list(shelf.desk.wants({})) == ["a"]
    assert not shelf.over


@pytest.mark.parametrize(("state", "reason"), [("done", "ended"), ("quarantined", "loop_oom")])
async def test_what_is_over_is_told_once_and_not_begun_again_by_itself(shelf: Desk, state: Any, reason: str) -> None:
    shelf.desk.update([row()])
    shelf.desk.ended(claim(), Mark(A, 3, state, reason))
    assert shelf.over == [("a", reason)]


async def test_a_drained_claim_says_nothing_about_its_stream(shelf: Desk) -> None:
    """It was paused, and may be wanted again by now."""
    shelf.desk.update([row()])
    shelf.desk.ended(claim(state="draining"), Mark(A, 3, "done", "unwanted"))
    assert not shelf.over


async def test_a_source_that_cannot_be_meant_is_given_up_with_its_reason(shelf: Desk) -> None:
    shelf.desk.update([row(source="bad")])
    assert shelf.over == [("a", "unsupported")]


async def test_a_session_outlives_its_workers_and_its_leaders(shelf: Desk) -> None:
    """After a crash the same one; after a clean end a new one; and a new leader goes on with what it finds."""
    shelf.desk.update([row()])
    first = shelf.desk.order(A, None)[1]
    assert shelf.desk.order(A, claim(session=first, state="failed"))[1] == first
    later = Desk()
    later.desk.inherit([claim(session=first)])
    later.desk.update([row()])
    assert later.desk.order(A, claim(session=first, state="lost"))[1] == first
    later.desk.ended(claim(session=first), Mark(A, 3, "done", "ended"))
    later.desk.update([])
    later.desk.update([row()])
    assert later.desk.order(A, claim(session=first, state="done"))[1] != first


async def test_a_changed_row_is_watched_anew(shelf: Desk) -> None:
    shelf.desk.update([row()])
    shelf.desk.update([replace(row(), priority=5)])
    assert shelf.desk.wants({})[A].priority == 5


async def test_why_a_channel_is_not_recorded_is_known(shelf: Desk) -> None:
    """And writing that down is no change that would watch it anew."""
    shelf.desk.update([row(source=PAGE)])
    await shelf.until(lambda: shelf.desk.states.get(A))
    assert shelf.desk.reason(A) == "offline"
    watched = shelf.desk._watched[A]
    shelf.desk.update([row(source=PAGE, reason="offline")])
    assert shelf.desk._watched[A] is watched
    shelf.page = "live"
    await shelf.until(lambda: shelf.desk.wants({}))
    assert shelf.desk.reason(A) == ""
