"""Leases and claims: who may write, on both databases."""

from __future__ import annotations

import asyncio

import pytest

from core.control import Command
from core.ids import SessionId
from supervisor.catalog import Catalog, Conflict, NotFound, StaleWrite, Superseded
from tests.contract.catalog.rows import SESSION, batch, beat, claimed, clip, hello, reclaimed, stream
from tests.fakes import FakeClock


async def test_a_leader_with_an_old_token_writes_nothing(catalog: Catalog) -> None:
    """Each kind of write is refused and counted once a higher token has been seen."""
    claim = await claimed(catalog, lease=3)
    await catalog.leading(5).claims()
    old = catalog.leading(3)
    for write in (
        old.claim(claim.stream, after_token=1, session=SESSION, worker_runtime="process"),
        old.claims(),
        old.set_claim(claim.stream, 1, state="failed"),
        old.set_session(SESSION, state="error"),
    ):
        with pytest.raises(StaleWrite):
            await write
    assert (catalog.stale_refused, await catalog.floor()) == (4, 5)
    [unchanged] = await catalog.leading(5).claims()
    assert unchanged == claim


async def test_a_refused_claim_still_raises_the_fence(catalog: Catalog) -> None:
    """A leader has been seen, whatever came of its first write."""
    await claimed(catalog, lease=1)
    with pytest.raises(NotFound):
        await catalog.leading(9).set_session(SessionId("s-none"), state="ended")
    with pytest.raises(StaleWrite):
        await catalog.leading(1).claims()


async def test_claims_are_compared_and_swapped(catalog: Catalog) -> None:
    """Of several that go on from one token, one wins; the token grows by one."""
    row = await catalog.add_stream(stream())
    lead = catalog.leading(1)
    outcomes = await asyncio.gather(
        *(lead.claim(row.id, after_token=0, session=SessionId(f"s{n}"), worker_runtime="process") for n in range(6)),
        return_exceptions=True,
    )
    won = [each for each in outcomes if not isinstance(each, BaseException)]
    assert [each.token for each in won] == [1]
    assert {type(each) for each in outcomes if each is not won[0]} == {Conflict}
    assert await lead.claims() == won


async def test_a_claim_whose_answer_was_lost_is_answered_again(catalog: Catalog) -> None:
    """Same leader, same session: the claim that is there."""
    claim = await claimed(catalog, lease=2)
    again = await catalog.leading(2).claim(claim.stream, after_token=0, session=SESSION, worker_runtime="process")
    assert again == claim


async def test_a_hello_makes_it_run(catalog: Catalog) -> None:
    """With the attempt's own number."""
    claim = await catalog.hello(hello(await claimed(catalog), attempt=4))
    assert (claim.state, claim.attempt, claim.node) == ("running", 4, "host")


async def test_a_superseded_hello_is_told_so_and_changes_nothing(catalog: Catalog) -> None:
    """It may deliver."""
    old = await claimed(catalog)
    await reclaimed(catalog, old)
    with pytest.raises(Superseded) as told:
        await catalog.hello(hello(old))
    assert (told.value.claim.token, told.value.claim.state) == (1, "claimed")
    assert catalog.stale_refused == 1


async def test_refusals_are_told_as_they_happen(url: str, clock: FakeClock) -> None:
    """For the metric."""
    told: list[int] = []
    catalog = await Catalog.open(url, clock, refused=told.append)
    old = await claimed(catalog, lease=1)
    await reclaimed(catalog, old, lease=2)
    with pytest.raises(StaleWrite):
        await catalog.leading(1).claims()
    await catalog.beat(beat(old))
    await catalog.store_events(batch(old, (1, "state", {}), (2, "gap", {}), (3, "clip", clip())))
    assert (told, catalog.stale_refused) == ([1, 1, 2], 4)
    await catalog.close()


async def test_heartbeats_of_the_newest_claim_count(catalog: Catalog) -> None:
    """The beat grows with each; one of an older claim says no and is not stored."""
    old = await claimed(catalog)
    assert await catalog.beat(beat(old))
    assert await catalog.beat(beat(old, state="gap", progress=2, media_s=9.5, metrics="clipd_x 1\n"))
    [row] = await catalog.leading(1).claims()
    assert (row.beat, row.progress, row.state, row.health["media_s"]) == (2, 3, "running", 9.5)
    assert await catalog.metrics() == {old.stream: "clipd_x 1\n"}
    await reclaimed(catalog, old)
    assert not await catalog.beat(beat(old))
    [row] = await catalog.leading(1).claims()
    assert (row.token, row.beat) == (2, 0)


async def test_a_superseded_worker_hands_in_clips_and_nothing_else(catalog: Catalog) -> None:
    """State rows are refused by number; all of the batch is dealt with."""
    old = await claimed(catalog)
    new = await reclaimed(catalog, old)
    acked = await catalog.store_events(
        batch(old, (1, "state", {"state": "live"}), (2, "clip", clip()), (3, "summary", {"clips": 1}))
    )
    assert (acked.acked, acked.refused) == (3, (1, 3))
    assert catalog.stale_refused == 2
    assert (await catalog.acked(old.session), (await catalog.clip("default", "c1")).revision) == (0, 1)
    told = await catalog.events_after(0, workspace="default")
    assert [(event.seq, event.kind) for event in told] == [(2, "clip")]
    assert (await catalog.store_events(batch(new, (4, "state", {"state": "live"})))).acked == 4


async def test_commands_reach_the_newest_claim_in_order(catalog: Catalog) -> None:
    """What it asks behind is done; a later claim does not obey what an earlier one was told."""
    old = await claimed(catalog)
    first = await catalog.add_command(old.stream, "clip-now", {"seconds": 30})
    second = await catalog.add_command(old.stream, "drain")
    assert await catalog.commands(old.stream, 1, 0) == [
        Command(id=first, kind="clip-now", args={"seconds": 30}), Command(id=second, kind="drain"),
    ]  # fmt: skip
    assert [await catalog.waiting_commands(old.stream, 1), len(await catalog.commands(old.stream, 1, first))] == [2, 1]
    assert await catalog.waiting_commands(old.stream, 1) == 1
    new = await reclaimed(catalog, old)
    assert await catalog.commands(new.stream, 2, 0) == []
    with pytest.raises(NotFound):
        await catalog.add_command(new.stream, "drain", workspace="other")


async def test_nothing_is_commanded_where_nothing_runs(catalog: Catalog) -> None:
    """Never claimed, or ended."""
    row = await catalog.add_stream(stream())
    with pytest.raises(Conflict, match="not running"):
        await catalog.add_command(row.id, "clip-now")
