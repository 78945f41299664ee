"""What is over and since when, on each database."""

from __future__ import annotations

from core.ids import SessionId, StreamId
from supervisor.catalog import Catalog
from supervisor.retention import DAY_NS
from tests.contract.catalog.rows import batch, claimed, clip
from tests.fakes import FakeClock


async def test_sessions_and_clips_come_oldest_first_and_page_by_page(catalog: Catalog, clock: FakeClock) -> None:
    """Those that run are not among them; approved clips neither."""
    leading = catalog.leading(1)
    for number in range(3):
        claim = await claimed(catalog, f"n{number}", session=SessionId(f"s-{number}"))
        lines = [clip(f"c{number}-{each}") for each in range(2)]
        await catalog.store_events(batch(claim, *((seq, "clip", line) for seq, line in enumerate(lines, 1))))
        if number < 2:
            await leading.set_claim(claim.stream, 1, state="done")
            await leading.set_session(claim.session, state="ended", ended=True)
        clock.advance(DAY_NS)
    await catalog.review_clip("default", "c0-0", "approved", actor="t")
    now_ns = clock.wall_ns()
    [first] = await catalog.over_sessions(now_ns, limit=1)
    [second] = await catalog.over_sessions(now_ns, after=(first.over_ns, first.id), limit=1)
    assert [(row.id, row.clips) for row in (first, second)] == [("s-0", 2), ("s-1", 2)]
    assert await catalog.over_sessions(now_ns, after=(second.over_ns, second.id)) == []
    assert await catalog.over_sessions(first.over_ns) == []
    [old] = await catalog.unpicked_clips(now_ns, limit=1)
    assert old.id == "c0-1"
    rest = await catalog.unpicked_clips(now_ns, after=(old.created_ns, old.id))
    assert [row.id for row in rest] == ["c1-0", "c1-1"]
    assert [await catalog.is_busy(SessionId(f"s-{number}")) for number in range(3)] == [False, False, True]
    assert await catalog.clips_of(first.id) == {"c0-0", "c0-1"}
    assert [await catalog.drop_unpicked(name) for name in ("c0-0", "c0-1", "c0-1")] == [False, True, False]


async def test_a_stream_whose_claims_were_erased_is_claimed_anew(catalog: Catalog) -> None:
    """By the next token: none comes twice."""
    claim = await claimed(catalog)
    await catalog.leading(1).set_claim(claim.stream, 1, state="done")
    await catalog.strip_session(claim.session)
    await catalog.erase_session(None, claim.session)
    again = await catalog.leading(1).claim(
        StreamId("one"), after_token=0, session=SessionId("s-new"), worker_runtime="process"
    )
    assert again.token == 2
