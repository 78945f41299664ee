"""A leader and clips that shall be rendered: told to who records, else given a worker of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

import pytest

from core.control import EventBatch, Hello
from core.ids import StreamId
from supervisor.catalog import Catalog
from supervisor.catalog.values import ClaimRow, JobRow, StepRow, StreamRow
from tests.fakes import FakeClock
from tests.unit.reconcile.test_term import House

R = StreamId("render-j1")


class Studio(House):
    """A stream `a` with a clip, and an order for it."""

    async def told(self, seq: int, *files: str, by: str = "a") -> None:
        """The clip's line, by the newest worker of that stream."""
        claim = await self.claim(by)
        line = {"id": "c1", "revision": 1, "state": "final", "files": dict.fromkeys(("master", *files), "/x")}
        row = {"seq": seq, "attempt": claim.token, "kind": "clip", "line": line}
        await self.catalog.store_events(EventBatch(session=claim.session, claim_token=claim.token, rows=(row,)))

    async def hello_by(self, name: str, program: str) -> ClaimRow:
        row = await self.claim(name)
        return await self.catalog.hello(
            Hello(
                stream=row.stream, session=row.session, claim_token=row.token, attempt=row.token, pid=1,
                version=program, node="n",
            )
        )  # fmt: skip

    async def order(self, source: str, asked: dict[str, object] | None = None) -> None:
        """`source` is also what the render's worker does (tests/fake_runtime.py)."""
        session = (await self.claim()).session
        row = StreamRow(
            id=R, workspace="default", name="c1", source=source, kind="render", origin="api",
            options={"clip": "c1", "session": session},
        )  # fmt: skip
        steps = (StepRow(name="render", state="waiting"),)
        await self.catalog.add_order(
            row,
            JobRow(
                id="j1",
                workspace="default",
                stream=R,
                state="created",
                source=source,
                steps=steps,
                clip="c1",
                session=session,
                asked=asked,
            ),
        )


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    clock = FakeClock()
    catalog = await Catalog.open(f"sqlite:///{tmp_path}/catalog.db", clock)
    yield Studio(catalog, clock)
    await catalog.close()


async def test_who_records_the_session_is_told_once_and_makes_it(studio: Studio) -> None:
    """No worker is started for it; the files are what ends the job. Another version's worker is not asked."""
    await studio.add()
    term = studio.term()
    await term.tick()
    claim = await studio.hello_by("a", "0.0.1")
    await studio.told(1)
    await studio.order("square,tiktok")
    await studio.seconds(term, 2)
    assert not await studio.catalog.commands(claim.stream, claim.token, 0)
    await studio.hello_by("a", version("clipd"))
    await studio.seconds(term, 3)
    [command] = await studio.catalog.commands(claim.stream, claim.token, 0)
    assert (command.kind, dict(command.args)) == ("render", {"clip": "c1", "formats": ["square", "tiktok"]})
    assert (await studio.catalog.job(None, "j1")).state == "created"
    await studio.told(2, "square", "tiktok")
    await studio.seconds(term, 2)
    assert (await studio.catalog.job(None, "j1")).state == "completed"
    assert len(studio.runtime.started) == 1


async def test_a_trim_is_told_to_who_records_and_ended_by_their_word(studio: Studio) -> None:
    """With its own arguments; no other worker is started."""
    await studio.add()
    term = studio.term()
    await term.tick()
    claim = await studio.hello_by("a", version("clipd"))
    await studio.told(1)
    asked = {"kind": "trim", "order": "j1", "clip": "c1", "start_s": 1.0, "end_s": 2.0}
    await studio.order("trim", asked)
    await studio.seconds(term, 3)
    [command] = await studio.catalog.commands(claim.stream, claim.token, 0)
    assert (command.kind, {"kind": "trim", **command.args}) == ("trim", asked)
    row = {"seq": 2, "attempt": 1, "kind": "order", "line": {"id": "j1", "clip": "c1", "revision": 2, "state": "done"}}
    await studio.catalog.store_events(EventBatch(session=claim.session, claim_token=claim.token, rows=(row,)))
    await studio.seconds(term, 2)
    assert (await studio.catalog.job(None, "j1")).state == "completed"
    assert len(studio.runtime.started) == 1


async def test_after_the_session_a_worker_of_its_own_makes_it(studio: Studio) -> None:
    """On the same session, which stays as it was; its stream is gone when the job is over."""
    await studio.add()
    term = studio.term()
    await term.tick()
    await studio.hello()
    await studio.told(1)
    await studio.order("square")
    studio.runtime.end("w-a-1", 0)
    await studio.seconds(term, 3)
    [before, order] = studio.runtime.started
    assert (order.spec.session, order.name) == (before.spec.session, "w-render-j1-2")
    assert (await studio.catalog.job(None, "j1")).state == "rendering"
    await studio.told(2, "square", by=R)
    studio.runtime.end(order.name, 0)
    await studio.seconds(term, 3)
    assert (await studio.catalog.job(None, "j1")).state == "completed"
    assert [row.id for row in await studio.catalog.all_streams()] == ["a"]
    session = await studio.catalog.session(None, before.spec.session)
    assert (session.state, session.reason) == ("ended", "ended")
    assert len(studio.runtime.started) == 2


@pytest.mark.parametrize(("does", "error"), [("exit:70", "crashed"), ("exit:0", "not_made")])
async def test_two_workers_that_do_not_make_it_are_enough(studio: Studio, does: str, error: str) -> None:
    """Those that die, and those that end well without the files."""
    await studio.add()
    term = studio.term()
    await term.tick()
    await studio.hello()
    await studio.told(1)
    await studio.order(does)
    studio.runtime.end("w-a-1", 0)
    await studio.seconds(term, 15)
    job = await studio.catalog.job(None, "j1")
    assert (job.state, job.error) == ("failed", error)
    assert len(studio.runtime.started) == 1 + 2


async def test_an_order_whose_clip_was_deleted_ends(studio: Studio) -> None:
    await studio.add()
    term = studio.term()
    await term.tick()
    await studio.hello()
    await studio.told(1)
    await studio.order("square")
    await studio.catalog.erase_clip(None, "c1")
    await studio.seconds(term, 2)
    job = await studio.catalog.job(None, "j1")
    assert (job.state, job.error) == ("failed", "clip_deleted")
    assert len(studio.runtime.started) == 1
