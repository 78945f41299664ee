"""Orders about clips: a claim of their own on another stream's session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.errors import UsageError
from core.ids import SessionId, StreamId
from supervisor.catalog import Catalog, Conflict, NotFound
from supervisor.catalog.values import ClaimRow, JobRow, StepRow
from tests.contract.catalog.rows import SESSION, batch, beat, claimed, clip, hello, reclaimed, stream

RENDER = StreamId("render-j1")


async def ordered(catalog: Catalog, id: str = "j1", formats: str = "square") -> JobRow:
    row = stream(
        f"render-{id}", kind="render", name=f"c1 {formats}", source=formats, options={"clip": "c1", "session": "s"}
    )
    job = JobRow(
        id=id, workspace="default", stream=row.id, state="created", source=formats, clip="c1",
        session=SESSION,
        steps=(StepRow(name="render", state="waiting"),),
    )  # fmt: skip
    return await catalog.add_order(row, job)


async def claimed_render(catalog: Catalog, of: ClaimRow) -> ClaimRow:
    return await catalog.leading(1).claim(RENDER, after_token=0, session=of.session, worker_runtime="process")


@pytest.fixture
async def recorded(catalog: Catalog) -> ClaimRow:
    """A session with a clip, under the third claim of its stream."""
    claim = await reclaimed(catalog, await reclaimed(catalog, await claimed(catalog)))
    await catalog.store_events(batch(claim, (1, "clip", clip("c1"))))
    return claim


async def test_a_render_is_a_job_and_no_stream_to_its_users(catalog: Catalog, recorded: ClaimRow) -> None:
    """The same formats twice at a time are refused; a clip that is not there is."""
    job = await ordered(catalog)
    assert await catalog.orders_of("default", "c1") == [job] == await catalog.active_jobs()
    assert [row.id for row in (await catalog.streams("default")).rows] == [recorded.stream]
    with pytest.raises(NotFound):
        await catalog.stream("default", RENDER)
    with pytest.raises(Conflict) as said:
        await ordered(catalog, "j2")
    assert said.value.code == "render_underway"
    assert (await catalog.clips_named(["c1", "c2"])).keys() == {"c1"}


async def test_a_session_that_shall_be_rendered_from_is_kept(catalog: Catalog, recorded: ClaimRow) -> None:
    leading = catalog.leading(1)
    await leading.set_claim(recorded.stream, recorded.token, state="done")
    assert not await catalog.is_busy(recorded.session)
    job = await ordered(catalog)
    assert await catalog.is_busy(recorded.session)
    await catalog.change_job(None, job.id, state="completed")
    assert not await catalog.is_busy(recorded.session)


async def test_what_a_render_says_of_a_clip_counts_and_of_the_session_does_not(
    catalog: Catalog, recorded: ClaimRow
) -> None:
    """Its token is above all that its session had, the next recorder's above its own; events stay the stream's."""
    leading = catalog.leading(1)
    await leading.set_session(recorded.session, state="ended", reason="ended", ended=True)
    ended = await catalog.session(None, recorded.session)
    await ordered(catalog)
    claim = await claimed_render(catalog, recorded)
    assert claim.token == recorded.token + 1
    assert await claimed_render(catalog, recorded) == claim  # the answer was lost
    await catalog.hello(hello(claim))
    assert await catalog.beat(beat(claim))
    files: dict[str, Any] = {"files": {"master": "/m", "square": "/s"}}
    await catalog.store_events(batch(claim, (2, "clip", clip("c1", **files)), (3, "summary", {"clips": 9})))
    row = await catalog.clip("default", "c1")
    assert (sorted(row.line["files"]), row.stream) == (["master", "square"], recorded.stream)
    assert {event.stream for event in await catalog.events_after(0, workspace=None)} == {recorded.stream}
    await leading.set_session(recorded.session, state="error", ended=True, by=RENDER)
    after = await catalog.session(None, recorded.session)
    assert (after.state, after.reason, after.media_s) == (ended.state, ended.reason, ended.media_s)
    again = await reclaimed(catalog, recorded)
    assert again.token == claim.token + 1
    assert not [row for row in await catalog.metrics() if row == RENDER]


async def test_a_render_makes_no_session(catalog: Catalog, recorded: ClaimRow) -> None:
    """One that was deleted since stays deleted."""
    await ordered(catalog)
    await catalog.erase_session(None, recorded.session)
    with pytest.raises(NotFound):
        await claimed_render(catalog, recorded)


async def test_why_a_render_failed_is_found(catalog: Catalog, recorded: ClaimRow) -> None:
    """The last word of that attempt."""
    said = {"type": "render", "id": "c1", "state": "failed", "reason": "bad_media"}
    await catalog.store_events(batch(recorded, (2, "render", {**said, "state": "running"}), (3, "render", said)))
    assert await catalog.render_error(recorded.session, recorded.token) == "bad_media"
    assert await catalog.render_error(recorded.session, 99) == ""


async def test_what_a_worker_says_of_an_order_stands_in_its_job(catalog: Catalog, recorded: ClaimRow) -> None:
    """Of its own session only, and of no plain render. A session whose span shall be cut is kept, though there is no
    clip yet."""
    asked: dict[str, Any] = {"kind": "cut", "order": "j7", "clip": "c7", "start_s": 1.0, "end_s": 2.0}
    job = JobRow(
        id="j7", workspace="default", stream=StreamId("render-j7"), state="created", source="", clip="c7",
        session=SESSION, asked=asked, steps=(StepRow(name="render", state="waiting"),),
    )  # fmt: skip
    made = await catalog.add_order(stream("render-j7", kind="render", name="c7 cut", source="cut"), job)
    assert (await catalog.job("default", "j7"), made.asked) == (made, asked)
    await catalog.leading(1).set_claim(recorded.stream, recorded.token, state="done")
    assert await catalog.is_busy(recorded.session)
    plain = await ordered(catalog)
    other = await claimed(catalog, "two", session=SessionId("s2"))
    said = {"type": "order", "state": "done", "clip": "c7", "revision": 1}
    await catalog.store_events(batch(other, (1, "order", {**said, "id": "j7"})))
    assert (await catalog.job(None, "j7")).told is None
    await catalog.store_events(
        batch(recorded, (2, "order", {**said, "id": plain.id}), (3, "order", {**said, "id": "j7"}))
    )
    assert (await catalog.job(None, plain.id)).told is None
    assert (await catalog.job(None, "j7")).told == {"state": "done", "revision": 1, "reason": "", "message": ""}
    for line in ({"id": "j7"}, {"id": 7, "state": "done"}, {"id": "j7", "state": "begun"}):
        with pytest.raises(UsageError, match="order"):
            await catalog.store_events(batch(recorded, (4, "order", line)))
    with pytest.raises(NotFound):
        await catalog.add_order(stream("render-j8", kind="render"), replace(job, id="j8", workspace="other"))
