"""Writers with old and new tokens at once, each with connections of its own: what the history must look like after."""

from __future__ import annotations

import asyncio

from core.ids import SessionId
from supervisor.catalog import Catalog, Conflict, Leading, StaleWrite
from supervisor.catalog.claims import owner_of
from supervisor.catalog.values import ClaimRow
from tests.contract.catalog.rows import SESSION, batch, beat, claimed, clip, reclaimed, stream
from tests.fakes import FakeClock

ROUNDS = 12


async def _claim_until_stale(leading: Leading, claim: ClaimRow, most: int) -> None:
    """Go on from the newest claim, again and again, until refused or `most` are made."""
    made, newest = 0, claim
    while made < most:
        try:
            newest = await leading.claim(
                claim.stream, after_token=newest.token, session=SESSION, worker_runtime="process"
            )
            made += 1
        except Conflict:
            try:
                [newest] = await leading.claims()
            except StaleWrite:
                return
        except StaleWrite:
            return


async def test_no_write_of_an_old_leader_comes_after_one_of_a_new_leader(
    url: str, catalog: Catalog, clock: FakeClock
) -> None:
    """Two leaders claim one stream in a race: over its claims in order, the lease token never falls."""
    claim = await claimed(catalog)
    rival = await Catalog.open(url, clock)
    for round_ in range(ROUNDS):
        old, new = catalog.leading(2 * round_ + 2), rival.leading(2 * round_ + 3)
        await asyncio.gather(_claim_until_stale(old, claim, 50), _claim_until_stale(new, claim, 3))
    history: list[ClaimRow] = (await catalog.attempts(None, claim.stream, limit=200))[::-1]
    tokens = [row.token for row in history]
    assert tokens == list(range(tokens[0], tokens[0] + len(tokens)))
    assert [row.lease_token for row in history] == sorted(row.lease_token for row in history)
    assert catalog.stale_refused + rival.stale_refused >= ROUNDS // 2
    assert await catalog.floor() == 2 * ROUNDS + 1
    await rival.close()


async def test_no_state_of_an_old_claim_comes_after_the_new_one(url: str, catalog: Catalog, clock: FakeClock) -> None:
    """Beats and rows of a worker race with its replacement: every state row that was stored was the newest claim's."""
    other = await Catalog.open(url, clock)
    row = await catalog.add_stream(stream())
    lead, seq = catalog.leading(1), 0
    claim = await lead.claim(row.id, after_token=0, session=SESSION, worker_runtime="process")
    for _ in range(ROUNDS):
        state = batch(claim, *((seq + n, "state", {"claim": claim.token}) for n in (1, 2)), (seq + 3, "clip", clip()))
        seq += 3
        acked, new, beaten = await asyncio.gather(
            other.store_events(state),
            lead.claim(row.id, after_token=claim.token, session=SESSION, worker_runtime="process"),
            other.beat(beat(claim)),
        )
        assert acked.refused in ((), (seq - 2, seq - 1))
        [now] = await lead.claims()
        assert (now.token, now.beat) == (new.token, 0)
        first, second = (await catalog.attempts(None, row.id, limit=2))[::-1]
        assert (first.beat, second.beat) == (int(beaten), 0)
        claim = new
    await other.close()


async def test_a_claim_waits_for_the_write_that_was_checked_before_it(
    url: str, catalog: Catalog, clock: FakeClock
) -> None:
    """Between the look at the claim and the end of its transaction nobody replaces it."""
    other = await Catalog.open(url, clock)
    claim = await claimed(catalog)
    async with catalog._database.writing() as connection:
        assert (await owner_of(connection, claim.session, claim.token)).newest
        replacing = asyncio.create_task(reclaimed(other, claim))
        assert not (await asyncio.wait({replacing}, timeout=0.2))[0]
        assert (await owner_of(connection, claim.session, claim.token)).newest
    assert (await replacing).token == 2
    await other.close()


async def test_events_appear_in_the_order_of_their_ids(url: str, catalog: Catalog, clock: FakeClock) -> None:
    """A reader that follows the ids while several write misses none."""
    other = await Catalog.open(url, clock)
    claims = [await claimed(catalog, f"s{n}", session=SessionId(f"session-{n}")) for n in range(3)]
    seen: list[int] = []

    async def write(claim: ClaimRow, to: Catalog) -> None:
        for seq in range(1, 11):
            await to.store_events(batch(claim, (seq, "event", {"n": seq})))

    async def follow() -> None:
        while len(seen) < 30:
            seen.extend([e.id for e in await catalog.events_after(seen[-1] if seen else 0, workspace=None)])

    await asyncio.gather(follow(), write(claims[0], catalog), write(claims[1], other), write(claims[2], other))
    assert seen == list(range(1, 31))
    await other.close()


async def test_clips_from_two_attempts_at_once_are_accepted_once(url: str, catalog: Catalog, clock: FakeClock) -> None:
    """The same clip, handed in by a worker and its replacement at one time."""
    other = await Catalog.open(url, clock)
    old = await claimed(catalog)
    new = await catalog.leading(1).claim(old.stream, after_token=1, session=SESSION, worker_runtime="process")
    for n in range(1, ROUNDS):
        rows = (n, "clip", clip(f"c{n}"))
        await asyncio.gather(
            catalog.store_events(batch(old, rows, attempt=1)), other.store_events(batch(new, rows, attempt=2))
        )
        assert len(await catalog.revisions("default", f"c{n}")) == 1
    assert len((await catalog.clips("default")).rows) == ROUNDS - 1
    await other.close()
