"""PostgreSQL killed, frozen and back: CatalogAway meanwhile, never a hang, and no restart of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from supervisor.catalog import Catalog, CatalogAway
from supervisor.catalog.database import Database
from supervisor.catalog.part import Refusals
from tests.contract.catalog.rows import batch, beat, claimed, clip
from tests.contract.catalog.servers import Postgres
from tests.fakes import FakeClock

DEADLINE_S = 4.0  # nothing that shall be done takes as long on a machine that stalls
ENDED_S = 60.0  # some deadlines, the time a dead connection gets to say goodbye, and a busy machine


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A server of this test's own."""
    made = Postgres.make()
    made.start()
    yield made
    made.remove()


@pytest.fixture
async def away(server: Postgres) -> AsyncIterator[Catalog]:
    """A catalog on it, with a short deadline."""
    clock, url = FakeClock(), server.emptied()
    await (await Catalog.open(url, clock)).close()
    catalog = Catalog(Database(url, deadline_s=DEADLINE_S), clock, Refusals())
    yield catalog
    async with asyncio.timeout(ENDED_S):
        await catalog.close()


async def _all_away(catalog: Catalog, count: int) -> set[str]:
    """The codes of that many calls at once, more than there are connections; each ends within its time."""
    async with asyncio.timeout(ENDED_S):
        said = await asyncio.gather(*(catalog.ping() for _ in range(count)), return_exceptions=True)
    assert {type(each) for each in said} == {CatalogAway}
    return {each.code for each in said if isinstance(each, CatalogAway)}


async def test_a_killed_server_is_away_and_its_return_is_found(server: Postgres, away: Catalog) -> None:
    """What was committed is there; what is asked again after CatalogAway is done once."""
    claim = await claimed(away)
    rows = batch(claim, (1, "clip", clip()))
    await away.store_events(rows)
    server.kill()
    assert await _all_away(away, 20) <= {"unreachable", "timeout"}
    with pytest.raises(CatalogAway):
        await away.store_events(rows)
    with pytest.raises(CatalogAway):
        await away.leading(1).claims()
    server.start()
    assert await away.leading(1).claims() == [claim]
    assert (await away.store_events(rows)).acked == 1
    assert [event.seq for event in await away.events_after(0, workspace=None)] == [1]
    server.kill()
    server.start()
    await away.ping()  # nobody had asked meanwhile: connections that died unseen are found before they are used


async def test_a_frozen_server_hangs_nobody(server: Postgres, away: Catalog) -> None:
    """It accepts connections and answers nothing; thawed, everything goes on."""
    claim = await claimed(away)
    await asyncio.gather(*(away.ping() for _ in range(10)))
    server.freeze()
    try:
        assert await _all_away(away, 20) <= {"timeout", "unreachable"}
        async with asyncio.timeout(ENDED_S):
            with pytest.raises(CatalogAway):
                await away.beat(beat(claim))
    finally:
        server.thaw()
    assert await away.beat(beat(claim))


async def test_a_call_that_is_cancelled_leaves_the_pool_whole(server: Postgres, away: Catalog) -> None:
    """More often than there are connections."""
    claim = await claimed(away)
    for _ in range(15):
        call = asyncio.create_task(away.beat(beat(claim)))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert await away.beat(beat(claim))
