"""What a day may cost is never exceeded: room is taken before a question and given back after it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from supervisor.llm import LlmRefused
from tests.unit.llm.house import House, house

USD = 180e-6  # of an answer with USAGE at 1 and 2 USD a million


async def test_over_budget_is_said_and_nothing_is_asked(tmp_path: Path) -> None:
    """What a question could cost at most has to fit."""
    async with house(tmp_path, {}, budget_usd_per_day=1e-4) as at:
        assert (await at.refused(), at.servers[0].bodies, await at.spent()) == ("llm_budget", [], 0)
        assert (at.states(), at.requests("p0", "llm_budget")) == (["ready"], 1)


async def test_a_provider_that_costs_nothing_needs_no_budget(tmp_path: Path) -> None:
    """It is asked when the first one has become too dear."""
    free = {"price_in": 0.0, "price_out": 0.0}
    async with house(tmp_path, {}, free, budget_usd_per_day=0) as at:
        answer = await at.ask()
        assert (answer.provider, answer.cost_usd) == ("p1", 0.0)


async def test_each_workspace_has_its_budget_and_all_have_a_ceiling(tmp_path: Path) -> None:
    """A question reserves some 0.003 USD here."""
    async with house(tmp_path, {}, budget_usd_per_day=0, budgets={"default": 1}, hard_ceiling_usd_per_day=0.004) as at:
        assert await at.refused("elsewhere") == "llm_budget"
        used = await ask_until_refused(at)
        assert 1 < used < 30
        assert await at.spent() == pytest.approx(used * USD)
        at.clock.advance(24 * 3600 * 10**9)
        assert (await at.ask(prompt_hash="tomorrow")).cached is False


async def ask_until_refused(at: House) -> int:
    """How many were answered."""
    for count in range(100):
        try:
            await at.ask(prompt_hash=str(count))
        except LlmRefused:
            assert set(at.states()) == {"ready"}
            return count
    raise AssertionError("there is no budget")


@pytest.mark.parametrize("fault", ["reset", "big", "no_usage", "lying"])
async def test_what_nobody_knows_the_price_of_has_cost_all_that_it_could(fault: str, tmp_path: Path) -> None:
    """The provider may have answered and billed."""
    async with house(tmp_path, {}) as at:
        at.servers[0].always = fault
        try:
            told = (await at.ask()).cost_usd
        except LlmRefused:
            told = None
        spent = await at.spent()
        assert spent > 10 * USD
        assert told in (None, pytest.approx(spent))
        assert told_cost(at) == pytest.approx(spent)


def told_cost(at: House) -> float:
    """As the metrics have it."""
    return at.metrics.registry.get_sample_value("clipd_llm_cost_usd_total", {"provider": "p0"}) or 0.0


async def test_a_bad_answer_is_paid_for_and_stands_in_the_next_ones_bill(tmp_path: Path) -> None:
    async with house(tmp_path, {}, {}) as at:
        at.servers[0].always = "prose"
        answer = await at.ask()
        assert answer.provider == "p1"
        assert answer.cost_usd == pytest.approx(2 * USD)
        assert await at.spent() == pytest.approx(2 * USD)


async def test_a_supervisor_that_dies_while_it_asks_has_spent_what_it_reserved(tmp_path: Path) -> None:
    """Never less."""
    async with house(tmp_path, {}) as at:
        at.servers[0].always = "hang"
        asking = asyncio.create_task(at.ask())
        await at.servers[0].arrived.acquire()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        spent = await at.spent()
        assert spent > 10 * USD
        assert told_cost(at) == pytest.approx(spent)
        assert at.states() == ["ready"]
