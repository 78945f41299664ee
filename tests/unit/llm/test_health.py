"""Breakers: when a provider is left alone, and by whom."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from pathlib import Path

import pytest

from core.times import ns
from supervisor.llm.health import LONGEST_PAUSE_NS, NO_HINT_S, OPENS_AFTER, Breaker, retry_after_s
from tests.unit.llm.house import house

NOW_S = 1_700_000_000.0


def test_it_opens_after_failures_in_a_row_for_longer_each_time() -> None:
    """One question tries it again; while that is on its way nobody else may."""
    breaker, now_ns, pauses = Breaker(), 0, list[int]()
    for _ in range(OPENS_AFTER):
        assert breaker.is_closed(now_ns)
        breaker.begin()
        breaker.failed(now_ns)
    for _ in range(8):
        began_ns = now_ns
        while not breaker.is_closed(now_ns):
            now_ns += ns(5)
        pauses.append(now_ns - began_ns)
        breaker.begin()
        assert breaker.state(now_ns) == "open"
        breaker.failed(now_ns)
    assert pauses == [ns(15 * 2**n) for n in range(6)] + [LONGEST_PAUSE_NS] * 2
    now_ns += LONGEST_PAUSE_NS
    breaker.begin()
    breaker.succeeded()
    assert breaker.state(now_ns) == "ready"


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("7", 7), ("2.5", 2.5), ("0", 1), ("99999", 3600), (formatdate(NOW_S + 90, usegmt=True), 90),
        (formatdate(NOW_S - 90, usegmt=True), 1), ("", NO_HINT_S), ("soon", NO_HINT_S), ("-5", NO_HINT_S),
        ("9" * 400, 3600), ("1.2.3", NO_HINT_S), ("²", NO_HINT_S),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(header: str, wait_s: float) -> None:
    assert retry_after_s(header, NOW_S) == wait_s


async def test_a_provider_that_fails_is_not_asked_for_a_while(tmp_path: Path) -> None:
    """Nor by other workspaces; then one question finds that it is well again."""
    async with house(tmp_path, {}) as at:
        at.servers[0].faults = ["500"] * OPENS_AFTER
        for n in range(OPENS_AFTER):
            assert await at.refused(prompt_hash=str(n)) == "llm_unavailable"
        assert await at.refused("elsewhere") == "llm_unavailable"
        assert (len(at.servers[0].bodies), at.states()) == (OPENS_AFTER, ["open"])
        at.clock.advance(ns(15))
        assert at.states() == ["probing"]
        await at.ask()
        assert at.states() == ["ready"]


async def test_a_workspace_cannot_shut_a_provider_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By questions that no model answers by their schema, or with deadlines that nobody meets."""
    monkeypatch.setattr("supervisor.llm.gateway.PROVIDERS", 0.5)  # a machine that stands still tells who was late
    async with house(tmp_path, {"price_in": 0.0, "price_out": 0.0}) as at:
        at.servers[0].faults = ["misfit"] * OPENS_AFTER
        for n in range(OPENS_AFTER):
            await at.refused(prompt_hash=str(n))
        assert (at.states(), at.states("elsewhere")) == (["open"], ["ready"])
        at.servers[0].faults = ["hang"] * OPENS_AFTER
        asked = [at.refused("third", prompt_hash=str(n), deadline_s=3) for n in range(OPENS_AFTER)]
        assert await asyncio.gather(*asked) == ["llm_deadline"] * OPENS_AFTER
        assert (at.states("third"), (await at.ask("elsewhere")).provider) == (["open"], "p0")


async def test_an_answer_of_the_wrong_shape_shows_that_a_provider_is_well(tmp_path: Path) -> None:
    """For others; the workspace whose question it was has a count of its own."""
    async with house(tmp_path, {}) as at:
        at.servers[0].faults = ["500"] * OPENS_AFTER + ["prose"]
        for n in range(OPENS_AFTER):
            await at.refused(prompt_hash=str(n))
        at.clock.advance(ns(15))
        await at.refused()
        assert (at.states(), at.states("elsewhere")) == (["ready"], ["ready"])


@pytest.mark.parametrize("status", ["429", "503", "529"])
async def test_a_pause_that_is_asked_for_is_kept_and_is_no_failure(status: str, tmp_path: Path) -> None:
    """For as long as it says."""
    async with house(tmp_path, {}, {}) as at:
        at.servers[0].retry_after, at.servers[0].faults = "40", [status]
        assert (await at.ask()).provider == "p1"
        assert at.states() == ["resting", "ready"]
        at.clock.advance(ns(39))
        assert (await at.ask(prompt_hash="b")).provider == "p1"
        at.clock.advance(ns(1))
        assert (await at.ask(prompt_hash="c")).provider == "p0"


async def test_a_wrong_key_is_not_tried_again_and_again(tmp_path: Path) -> None:
    """At once, not after the third time; so is a key that is not there."""
    (tmp_path / "wrong").write_text("sk-wrong")
    wrong, none = ({"api_key_file": str(tmp_path / name)} for name in ("wrong", "none"))
    async with house(tmp_path, wrong, none, {}) as at:
        assert (await at.ask()).provider == "p2"
        assert (at.errors(), at.states()) == (["auth", "no_key", ""], ["open", "open", "ready"])
