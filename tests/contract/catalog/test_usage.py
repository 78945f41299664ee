"""What is used, by day: counted once, whatever comes twice or dies in between."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import UsageError
from core.ids import SessionId
from core.times import ns
from supervisor.catalog import Catalog, Superseded
from supervisor.catalog.values import UsageRow, WorkspaceRow
from tests.contract.catalog.rows import batch, beat, claimed, clip, hello, reclaimed, stream
from tests.fakes import FakeClock

HOUR_NS = ns(3600)
TODAY, TOMORROW = "2023-11-14", "2023-11-15"  # FakeClock begins at 22:13


def gap(start_s: float, end_s: float, track: str = "all") -> dict[str, Any]:
    return {"type": "gap", "start_s": start_s, "end_s": end_s, "reason": "lost", "track": track}


async def minutes(catalog: Catalog) -> float:
    """Of the default workspace, over all days."""
    return sum(row.minutes for row in (await catalog.usage("default")).rows)


async def test_captured_time_is_what_a_session_grows_by(catalog: Catalog) -> None:
    """A heartbeat that comes twice, late, or from a superseded attempt adds nothing; the next attempt goes on."""
    first = await claimed(catalog)
    for media_s in (60.0, 60.0, 30.0, 120.0):
        assert await catalog.beat(beat(first, media_s=media_s))
    assert await minutes(catalog) == 2.0
    second = await reclaimed(catalog, first)
    assert not await catalog.beat(beat(first, media_s=600.0))
    assert await catalog.beat(beat(second, media_s=0.0))  # it has not come so far yet
    assert await minutes(catalog) == 2.0
    assert await catalog.beat(beat(second, media_s=150.0))
    assert await minutes(catalog) == 2.5
    assert (await catalog.session("default", first.session)).media_s == 150.0


@pytest.mark.parametrize("beat_first", [False, True])
async def test_a_gap_is_not_captured_whoever_tells_of_it_first(catalog: Catalog, beat_first: bool) -> None:
    """One minute, a gap of nine, one minute; the line of the gap delivered twice."""
    claim = await claimed(catalog)
    await catalog.beat(beat(claim, media_s=30.0))
    if beat_first:
        await catalog.beat(beat(claim, media_s=660.0))
    for _ in range(2):
        await catalog.store_events(batch(claim, (1, "gap", gap(60.0, 600.0))))
    await catalog.beat(beat(claim, media_s=660.0))
    assert await minutes(catalog) == pytest.approx(2.0)


async def test_a_gap_at_the_end_and_a_hole_in_one_track_take_nothing_off(catalog: Catalog) -> None:
    """Nor does what is no gap at all."""
    claim = await claimed(catalog)
    await catalog.beat(beat(claim, media_s=60.0))
    strange: tuple[dict[str, Any], ...] = (
        gap(50.0, 10.0),
        gap(-5.0, 10.0),
        {**gap(0, 1), "end_s": "1"},
        {**gap(0, 1), "start_s": 1e300},
        {},
    )
    told = (gap(60.0, 90.0), gap(10.0, 50.0, "audio"), gap(10.0, 50.0, "speech"), *strange)
    await catalog.store_events(batch(claim, *((seq, "gap", line) for seq, line in enumerate(told, 1))))
    assert await minutes(catalog) == 1.0


async def test_the_length_of_a_recording_counts_once(catalog: Catalog) -> None:
    """Its next attempt reads it again from the start, and tells of its holes again."""
    row = await catalog.add_stream(stream("talk", kind="vod"))
    lead, session = catalog.leading(1), SessionId("s-talk")
    first = await lead.claim(row.id, after_token=0, session=session, worker_runtime="process")
    await catalog.beat(beat(first, media_s=60.0))
    await catalog.store_events(batch(first, (1, "gap", gap(10.0, 20.0))))
    second = await reclaimed(catalog, first)
    await catalog.beat(beat(second, media_s=30.0))
    await catalog.store_events(batch(second, (2, "gap", gap(10.0, 20.0))))
    assert await minutes(catalog) == 1.0


async def test_clips_and_renders_count_as_they_are_accepted(catalog: Catalog) -> None:
    """A clip once, whatever its revisions, attempts and deliveries; a render when it is done."""
    first = await claimed(catalog)
    done = {"type": "render", "id": "c1", "revision": 1, "state": "done"}
    told = (
        (1, "clip", clip("c1")), (2, "clip", clip("c1", 2)), (3, "clip", clip("c2")),
        (4, "render", {**done, "state": "running"}), (5, "render", done), (6, "render", {**done, "state": "failed"}),
    )  # fmt: skip
    for _ in range(2):
        await catalog.store_events(batch(first, *told))
    second = await reclaimed(catalog, first)
    await catalog.store_events(batch(first, (3, "clip", clip("c2")), (7, "render", done)))  # superseded
    await catalog.store_events(batch(second, (8, "clip", clip("c2"))))
    with pytest.raises(Superseded):
        await catalog.hello(hello(first))
    [day] = (await catalog.usage("default")).rows
    assert (day.clips, day.renders) == (2, 1)


async def test_deleting_gives_room_back_and_no_quota(catalog: Catalog) -> None:
    """What was captured today was captured; bytes are as measured."""
    claim = await claimed(catalog)
    await catalog.beat(beat(claim, media_s=60.0))
    await catalog.store_events(batch(claim, (1, "clip", clip())))
    await catalog.set_stored({"default": 500})
    await catalog.erase_session("default", claim.session)
    await catalog.set_stored({})
    assert await catalog.usage_today() == {
        "default": UsageRow(workspace="default", day=TODAY, minutes=1.0, bytes=0, clips=1)
    }


async def test_a_new_day_begins_with_what_is_stored_and_nothing_else(catalog: Catalog, clock: FakeClock) -> None:
    """UTC's day; also before anybody has measured or captured anything on it."""
    claim = await claimed(catalog)
    await catalog.beat(beat(claim, media_s=60.0))
    await catalog.set_stored({"default": 500})
    clock.advance(2 * HOUR_NS)
    assert await catalog.usage_today() == {"default": UsageRow(workspace="default", day=TOMORROW, bytes=500)}
    await catalog.beat(beat(claim, media_s=90.0))
    today, before = (await catalog.usage("default")).rows
    assert (today.day, today.minutes, today.bytes) == (TOMORROW, 0.5, 500)
    assert (before.day, before.minutes, before.bytes) == (TODAY, 1.0, 500)
    assert (await catalog.usage_today())["default"] == today


async def test_days_are_paged_newest_first(catalog: Catalog, clock: FakeClock) -> None:
    """Of one's own workspace."""
    await catalog.add_workspace(WorkspaceRow(id="other", name="other"))
    for _ in range(5):
        await catalog.set_stored({"default": 7, "other": 9})
        clock.advance(24 * HOUR_NS)
    first = await catalog.usage("default", limit=3)
    rest = await catalog.usage("default", limit=3, after=first.next)
    days = [row.day for row in (*first.rows, *rest.rows)]
    assert days == ["2023-11-18", "2023-11-17", "2023-11-16", TOMORROW, TODAY]
    assert {row.bytes for row in (*first.rows, *rest.rows)} == {7}
    assert rest.next is None
    assert len((await catalog.usage(None, limit=4, after=(await catalog.usage(None, limit=7)).next)).rows) == 3
    with pytest.raises(UsageError):
        await catalog.usage("default", after="nonsense")
