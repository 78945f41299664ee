"""The gateway as a model, over real sockets: whatever it answers, the ranker gets an answer or a reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest
from aiohttp import web

from core.control import LlmAnswer, LlmAsk
from daemon.ranking import Model, Outcome, load_prompt, rank_group
from daemon.worker.plane.model import PlaneModel
from daemon.worker.plane.supervisors import Supervisors
from daemon.worker.plane.wire import Wire
from tests.scenario.headquarters import Headquarters, refused
from tests.unit.ranking.injections import Injection, injections
from tests.unit.ranking.models import data_of, honest, obeying, said
from tests.unit.ranking.test_injections import BOUND, KEY, REFUSED, fence_holds, group, in_bounds, is_target

CLIPS: Final = group(Injection("plain", "said", "en", "lift", "Hello"))
Llm = Callable[[LlmAsk], LlmAnswer | web.Response]


@pytest.fixture
async def hq() -> AsyncIterator[Headquarters]:
    async with Headquarters() as hq:
        yield hq


async def ranked_by(hq: Headquarters, clips: Any = CLIPS, *, deadline_s: float | None = None) -> Outcome:
    """As a worker asks: from a thread beside its loop."""
    control = hq.control()
    async with Wire(control.urls) as wire:
        model: Model = PlaneModel(Supervisors(wire, control))
        if deadline_s is not None:
            model = Hurried(model, deadline_s)
        return await asyncio.to_thread(rank_group, clips, load_prompt("viral"), model, key=KEY, bound=BOUND)


class Hurried:
    """A Model that is given less time than the ranker asks for."""

    def __init__(self, model: Model, deadline_s: float) -> None:
        self._model, self._deadline_s = model, deadline_s

    def ask(self, ask: LlmAsk) -> LlmAnswer:
        return self._model.ask(LlmAsk(**{**ask.to_json(), "deadline_s": self._deadline_s}))


def content(text: str) -> Llm:
    return lambda _: said(text)


async def test_a_group_is_ranked_over_the_gateway(hq: Headquarters) -> None:
    """Two questions, and who answered is named."""
    hq.llm = lambda ask: said(honest(data_of(ask)))
    outcome = await ranked_by(hq)
    assert (outcome.state, outcome.model) == ("ranked", "local/part")
    assert len(hq.questions) == 2


@pytest.mark.parametrize(
    ("llm", "state", "why"),
    [
        (None, "heuristic", "off"),
        (lambda _: refused(429, "llm_budget"), "budget", "llm_budget"),
        (lambda _: refused(503, "llm_unavailable"), "unavailable", "llm_unavailable"),
        (lambda _: refused(504, "llm_deadline"), "unavailable", "llm_deadline"),
        (lambda _: web.Response(status=500), "unavailable", "http_500"),
        (lambda _: web.Response(status=429), "unavailable", "http_429"),
        (lambda _: web.Response(status=503, text="<html>"), "unavailable", "http_503"),
        (lambda _: web.json_response({"content": "x"}), "unavailable", "garbage"),
        (content('{"clips": [{"id": "c1", "hoo'), "unavailable", "refused_not_json"),
        (content("I rank them like this: c3, c1"), "unavailable", "refused_not_json"),
        (content('{"clips": [{"id": "c77"}]}'), "unavailable", "refused_foreign_id"),
        (content("x" * 200_000), "unavailable", "refused_too_long"),
        (content("x" * 1_000_000), "unavailable", "garbage"),
        (lambda _: web.json_response({"content": "x" * 2_000_000}), "unavailable", "too_big"),
    ],
)
async def test_what_a_gateway_says_instead_is_seen(hq: Headquarters, llm: Llm | None, state: str, why: str) -> None:
    """No fault of a model is one of the worker's."""
    hq.llm = llm
    outcome = await ranked_by(hq)
    assert (outcome.state, outcome.why, outcome.verdicts) == (state, why, {})
    assert len(hq.questions) == 1  # nobody asks a second time where the first came to nothing


async def test_a_gateway_that_hangs_is_waited_for_until_the_deadline(
    hq: Headquarters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has its own watch."""
    monkeypatch.setattr("daemon.worker.plane.model.SLACK_S", 0.05)
    hq.moods["llm"] = "hung"
    outcome = await ranked_by(hq, deadline_s=0.05)
    assert (outcome.state, outcome.why) == ("unavailable", "timeout")


async def test_a_local_server_that_obeys_injections_stays_in_bounds(hq: Headquarters) -> None:
    """One injection of each kind and place, the whole way; the corpus itself is in tests/unit/ranking."""
    cases = {(each.wants, each.carrier): each for each in injections()}
    control = hq.control()
    async with Wire(control.urls) as wire:
        model = PlaneModel(Supervisors(wire, control))
        for injection in cases.values():
            obey, clips = obeying(injection.wants, is_target), group(injection)
            hq.llm = lambda ask, obey=obey: said(obey(data_of(ask)))
            outcome = await asyncio.to_thread(rank_group, clips, load_prompt("viral"), model, key=KEY, bound=BOUND)
            assert outcome.why == REFUSED.get(injection.wants, ""), injection.name
            if outcome.state == "ranked":
                in_bounds(injection, clips, outcome)
            ask = hq.questions[-1]
            fence_holds(injection, [each.content for each in ask.chat()], data_of(ask))
