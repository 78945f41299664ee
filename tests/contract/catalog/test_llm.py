"""Money and answers of language models: what several supervisors do at once is never more than allowed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.times import ns
from supervisor.catalog import Catalog
from supervisor.catalog import llm as catalog_llm
from supervisor.catalog.values import CachedAnswer, CacheState, WorkspaceRow
from tests.contract.catalog.rows import batch, claimed, clip
from tests.fakes import FakeClock

DAY_NS = ns(24 * 3600)
AMPLE: dict[str, float] = {"budget_usd": 100.0, "ceiling_usd": 100.0}


def answer(content: str = "{}", **changes: Any) -> CachedAnswer:
    values: dict[str, Any] = {
        "provider": "groq", "model": "m", "content": content, "prompt_tokens": 9, "completion_tokens": 4,
    }  # fmt: skip
    return CachedAnswer(**values | changes)


async def test_supervisors_that_ask_at_once_never_take_more_than_there_is(
    url: str, catalog: Catalog, clock: FakeClock
) -> None:
    """Two of them, twelve questions, room for five; and room for seven of all workspaces together."""
    await catalog.add_workspace(WorkspaceRow(id="other", name="other"))
    second = await Catalog.open(url, clock)
    asked = [
        each.reserve_llm(workspace, 1.0, budget_usd=5.0, ceiling_usd=7.0)
        for workspace in ("default", "other")
        for _ in range(3)
        for each in (catalog, second)
    ]
    given = [each for each in await asyncio.gather(*asked) if each is not None]
    await second.close()
    spent = {name: await catalog.llm_usd_today(name) for name in ("default", "other")}
    assert (len(given), sum(spent.values())) == (7, 7.0)
    assert max(spent.values()) <= 5.0


async def test_what_is_not_needed_is_given_back_on_its_day(catalog: Catalog, clock: FakeClock) -> None:
    """A question that goes on over midnight is one of the day on which it began."""
    held = await catalog.reserve_llm("default", 1.0, **AMPLE)
    assert held is not None
    assert await catalog.reserve_llm("default", 0.5, budget_usd=1.2, ceiling_usd=9.0) is None
    clock.advance(DAY_NS)
    assert await catalog.llm_usd_today("default") == 0
    await catalog.settle_llm(held, 0.25)
    assert await catalog.llm_usd_today("default") == 0
    [day] = [row for row in (await catalog.usage("default")).rows if row.llm_usd]
    assert (day.day, day.llm_usd) == ("2023-11-14", 0.25)


async def test_what_nobody_settles_stays_spent(url: str, catalog: Catalog, clock: FakeClock) -> None:
    """Whoever reserved it may have died after the question had left."""
    await catalog.reserve_llm("default", 1.0, **AMPLE)
    again = await Catalog.open(url, clock)
    assert await again.llm_usd_today("default") == 1.0
    await again.close()


async def test_answers_are_a_workspaces_own_for_a_day(catalog: Catalog, clock: FakeClock) -> None:
    """The first key that has one counts; hits are counted."""
    await catalog.add_workspace(WorkspaceRow(id="other", name="other"))
    await catalog.keep_answer("default", "b", answer('{"b":1}'))
    await catalog.keep_answer("default", "b", answer('{"b":2}'))
    await catalog.keep_answer("default", "c", answer('{"c":1}'))
    found = await catalog.cached_answer("default", ["a", "b", "c"])
    assert found == answer('{"b":2}')
    assert await catalog.cached_answer("other", ["a", "b", "c"]) is None
    assert await catalog.llm_cache("default") == CacheState(answers=2, hits=1)
    clock.advance(DAY_NS)
    assert await catalog.cached_answer("default", ["b"]) is None
    assert await catalog.llm_cache("default") == CacheState(answers=0, hits=0)
    assert await catalog.forget(0) == 2


async def test_answers_are_bounded(catalog: Catalog, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go; one that is too long is not kept."""
    monkeypatch.setattr(catalog_llm, "MAX_ANSWERS", 3)
    for name in "abcde":
        clock.advance(1)
        await catalog.keep_answer("default", name, answer())
    await catalog.keep_answer("default", "long", answer("x" * (catalog_llm.MAX_CONTENT + 1)))
    kept = [name for name in ("a", "b", "c", "d", "e", "long") if await catalog.cached_answer("default", [name])]
    assert kept == ["c", "d", "e"]


async def test_what_is_erased_is_in_no_answer_that_is_kept(catalog: Catalog) -> None:
    """A workspace's answers may hold words of any of its sessions; others' stay."""
    claim = await claimed(catalog)
    await catalog.add_workspace(WorkspaceRow(id="other", name="other"))
    await catalog.store_events(batch(claim, (1, "clip", clip())))
    for erase in (catalog.erase_clip(None, "c1"), catalog.erase_session("default", claim.session)):
        for workspace in ("default", "other"):
            await catalog.keep_answer(workspace, "a", answer())
        await erase
        assert await catalog.cached_answer("default", ["a"]) is None
        assert await catalog.cached_answer("other", ["a"]) is not None


async def test_usage_says_how_many_of_a_days_clips_were_accepted(catalog: Catalog, clock: FakeClock) -> None:
    """By the day on which they were first told of, whoever's they are."""
    claim = await claimed(catalog)
    for day in range(2):
        rows = [
            (10 * day + n, "clip", clip(f"c{day}{n}", review="approved" if n <= day else "none")) for n in range(1, 4)
        ]
        await catalog.store_events(batch(claim, *rows))
        clock.advance(DAY_NS)
    approve = "UPDATE clips SET review = 'approved' WHERE id IN ('c01', 'c11', 'c12')"
    async with catalog._database.writing() as connection:
        await connection.exec_driver_sql(approve)
    assert [(row.clips, row.accepted) for row in (await catalog.usage("default")).rows] == [(3, 2), (3, 1)]
    assert [row.accepted for row in (await catalog.usage(None)).rows] == [2, 1]
    assert (await catalog.usage("elsewhere")).rows == ()
