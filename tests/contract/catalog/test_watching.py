"""What the control room asks of the catalog, on each database: clips by what is known of them, near-misses, uploads."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.catalog import Catalog, Conflict, NotFound
from supervisor.catalog.values import ClipFilter, JobRow, UploadRow
from supervisor.retention import DAY_NS
from tests.contract.catalog.rows import batch, claimed, clip
from tests.fakes import FakeClock


async def test_clips_are_filtered_and_their_pages_go_on_among_what_fits(catalog: Catalog, clock: FakeClock) -> None:
    """Signs of a pattern mean themselves; letters of ASCII are alike whatever their case."""
    claim = await claimed(catalog)
    titles = ["A goal", "100% sure", "GOALS", "own_goal", "gool"]
    for number, title in enumerate(titles, 1):
        state = "provisional" if number == 4 else "final"
        line = clip(f"c{number}", title=title, score=None if number == 3 else number / 10, state=state)
        await catalog.store_events(batch(claim, (number, "clip", line)))
        clock.advance(1)
    await catalog.review_clip("default", "c1", "approved", actor="ann")

    async def found(**wanted: object) -> list[str]:
        return [row.id for row in (await catalog.clips("default", wanted=ClipFilter(**wanted))).rows]  # type: ignore[arg-type]

    assert await found(title="GoAl") == ["c4", "c3", "c1"]
    assert await found(title="%") == ["c2"]
    assert await found(title="n_g") == ["c4"]
    assert await found(title="a\0b") == []
    assert await found(min_score=0.2) == ["c5", "c4", "c2"]
    assert await found(review="approved") == ["c1"]
    assert await found(review="none", state="final", title="go") == ["c5", "c3"]
    wanted = ClipFilter(title="goal")
    first = await catalog.clips("default", wanted=wanted, limit=2)
    second = await catalog.clips("default", wanted=wanted, limit=2, after=first.next)
    assert [row.id for row in (*first.rows, *second.rows)] == ["c4", "c3", "c1"]
    assert (await catalog.clips("other", wanted=wanted)).rows == ()


async def test_moments_are_listed_by_their_state(catalog: Catalog) -> None:
    claim = await claimed(catalog)
    states = {"m1": "rejected", "m2": "final", "m3": "rejected"}
    lines = [{"type": "moment", "id": id_, "state": state} for id_, state in states.items()]
    await catalog.store_events(batch(claim, *((seq, "moment", line) for seq, line in enumerate(lines, 1))))
    near = await catalog.moments("default", claim.session, state="rejected")
    assert {row.id for row in near.rows} == {"m1", "m3"}
    assert len((await catalog.moments("default", claim.session)).rows) == 3


def upload(id: str, workspace: str = "default") -> UploadRow:
    return UploadRow(id=id, workspace=workspace, name="talk.mp4", bytes=100)


async def test_uploads_are_their_workspaces_and_only_so_many_are_open(catalog: Catalog) -> None:
    """Also when they are announced at once."""
    made = await asyncio.gather(
        *(catalog.add_upload(upload(f"u{each}"), most_open=2) for each in range(4)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in made) == ["Conflict", "Conflict", "UploadRow", "UploadRow"]
    one = next(each for each in made if isinstance(each, UploadRow))
    assert await catalog.upload("default", one.id) == one
    with pytest.raises(NotFound):
        await catalog.upload("other", one.id)
    with pytest.raises(NotFound):
        await catalog.erase_upload("other", one.id)
    assert (await catalog.open_bytes("default"), await catalog.open_bytes("other")) == (200, 0)
    await catalog.touch_upload(one.id, whole=True)
    assert (await catalog.upload(None, one.id)).state == "whole"
    assert await catalog.open_bytes(None) == 100
    assert set((await catalog.upload_workspaces()).values()) == {"default"}


async def test_an_upload_stays_as_long_as_a_job_wants_it(catalog: Catalog, clock: FakeClock) -> None:
    """And as long after as footage does."""
    claim = await claimed(catalog)
    for id_ in ("u1", "u2"):
        await catalog.add_upload(upload(id_), most_open=9)
    job = JobRow(id="j1", workspace="default", stream=claim.stream, state="created", source="upload:u1", steps=())
    await catalog.add_job(job)
    with pytest.raises(Conflict) as caught:
        await catalog.erase_upload("default", "u1")
    assert caught.value.code == "upload_used"
    clock.advance(2 * DAY_NS)
    now_ns = clock.wall_ns()
    assert [row.id for row in await catalog.old_uploads(now_ns, now_ns)] == ["u2"]
    await catalog.change_job(None, "j1", state="completed", ended_ns=now_ns)
    assert [row.id for row in await catalog.old_uploads(now_ns, now_ns)] == ["u2"]
    [first] = await catalog.old_uploads(now_ns, now_ns + 1, limit=1)
    [second] = await catalog.old_uploads(now_ns, now_ns + 1, after=(first.touched_ns, first.id))
    assert [first.id, second.id] == ["u1", "u2"]
    await catalog.erase_upload("default", "u1")
    assert [row.id for row in await catalog.old_uploads(now_ns, now_ns + 1)] == ["u2"]
