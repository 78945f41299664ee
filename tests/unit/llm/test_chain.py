"""The chain of providers, each on a real socket: what goes wrong with one is the next one's turn."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from core.errors import UsageError
from tests.llm_server import GOOD, USAGE
from tests.unit.llm.house import WORDS, house

ANTHROPIC = {"kind": "anthropic"}


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_a_provider_answers_by_the_schema(kind: str, tmp_path: Path) -> None:
    """Its answer is JSON, its cost what its tokens cost."""
    async with house(tmp_path, {"kind": kind}) as at:
        answer = await at.ask()
        assert json.loads(answer.content) == json.loads(GOOD)
        assert (answer.provider, answer.model, answer.cached) == ("p0", "m", False)
        assert answer.usage == {"prompt_tokens": USAGE[0], "completion_tokens": USAGE[1]}
        assert answer.cost_usd == pytest.approx((USAGE[0] * 1.0 + USAGE[1] * 2.0) / 1e6)
        assert await at.spent() == pytest.approx(answer.cost_usd)
        assert (at.requests("p0", "ok"), at.errors(), at.states()) == (1, [""], ["ready"])
        assert WORDS in str(at.servers[0].bodies[0]["messages"])


FAULTS = {
    "500": "http_500", "502": "http_502", "403": "auth", "404": "not_found", "402": "http_402", "reset": "reset",
    "cut": "reset", "redirect": "redirected", "html": "no_json", "truncated": "no_json", "length": "truncated",
    "prose": "no_json", "misfit": "misfit", "extra": "misfit", "nan": "no_json", "twice": "no_json", "deep": "no_json",
    "big": "too_large", "gzip": "encoded", "429": "rate_limited",
}  # fmt: skip


@pytest.mark.parametrize(("fault", "code"), FAULTS.items())
async def test_what_goes_wrong_is_the_next_ones_turn(fault: str, code: str, tmp_path: Path) -> None:
    """And is counted by its code; nobody follows a redirect."""
    async with house(tmp_path, {}, {}) as at:
        at.servers[0].always = fault
        answer = await at.ask()
        assert (answer.provider, json.loads(answer.content)) == ("p1", json.loads(GOOD))
        assert at.errors() == [code, ""]
        assert (at.requests("p0", code), at.requests("p1", "ok")) == (1, 1)
        assert at.servers[0].followed == 0


@pytest.mark.parametrize("fault", ["hang", "drip"])
async def test_a_provider_that_takes_too_long_is_left(fault: str, tmp_path: Path) -> None:
    """Also one that sends a byte now and then: its time is for the whole answer."""
    async with house(tmp_path, {"timeout_s": 0.2}, {}) as at:
        at.servers[0].always = fault
        assert (await at.ask()).provider == "p1"
        assert at.errors() == ["timeout", ""]


@pytest.fixture
def _late_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a deadline is for us, so that a machine that stands still at its end tells of who was late."""
    monkeypatch.setattr("supervisor.llm.gateway.PROVIDERS", 0.5)


@pytest.mark.usefixtures("_late_told")
async def test_the_deadline_is_for_the_whole_chain(tmp_path: Path) -> None:
    """The first one that hangs leaves some of it to the second; in time it is over, whoever hangs."""
    async with house(tmp_path, {}, {}) as at:
        at.servers[0].always = "hang"
        assert (await at.ask(deadline_s=7)).provider == "p1"
        assert at.errors() == ["deadline", ""]
        at.servers[1].always = "hang"
        began_s = time.monotonic()
        assert await at.refused(deadline_s=7, prompt_hash="b") == "llm_deadline"
        assert time.monotonic() - began_s < 15  # not the 20 s of a provider
        assert at.errors() == ["deadline", "deadline"]


async def test_nobody_answers(tmp_path: Path) -> None:
    async with house(tmp_path, {}, {"base_url": "http://127.0.0.1:9/v1"}) as at:
        at.servers[0].always = "500"
        assert await at.refused() == "llm_unavailable"
        assert at.errors() == ["http_500", "unreachable"]
        assert await at.spent() == 0  # neither of them bills that


async def test_without_providers_it_is_off(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        assert await at.refused() == "llm_off"


@pytest.mark.parametrize(("forms", "tries"), [(("json_object", "none"), 2), (("none",), 3)])
async def test_a_provider_without_schemas_is_asked_in_words(forms: tuple[str, ...], tries: int, tmp_path: Path) -> None:
    """What it takes is found once and remembered for this schema; the schema stands in the messages then."""
    async with house(tmp_path, {}) as at:
        at.servers[0].forms = forms
        at.servers[0].faults = ["fenced"]
        assert json.loads((await at.ask()).content) == json.loads(GOOD)
        assert len(at.servers[0].bodies) == tries
        assert '"minItems":1' in at.servers[0].bodies[-1]["messages"][0]["content"]
        await at.ask(prompt_hash="b")
        assert len(at.servers[0].bodies) == tries + 1


async def test_anthropic_without_tools_is_asked_in_words(tmp_path: Path) -> None:
    async with house(tmp_path, ANTHROPIC) as at:
        at.servers[0].forms = ("none",)
        assert json.loads((await at.ask()).content) == json.loads(GOOD)
        assert "JSON schema" in at.servers[0].bodies[-1]["system"]


async def test_a_400_to_every_form_is_the_questions_fault(tmp_path: Path) -> None:
    """The form is not remembered for it."""
    async with house(tmp_path, {}) as at:
        at.servers[0].faults = ["400"] * 3
        assert (await at.refused(), at.errors()) == ("llm_unavailable", ["bad_request"])
        await at.ask()
        assert at.servers[0].bodies[-1]["response_format"]["type"] == "json_schema"


async def test_a_schema_that_cannot_be_checked_is_nobodys_question(tmp_path: Path) -> None:
    """It is the worker's error; nobody is asked and nothing is spent."""
    async with house(tmp_path, {}) as at:
        asked = {"type": "json_schema", "json_schema": {"schema": {"$ref": "https://example.com/schema"}}}
        with pytest.raises(UsageError) as said:
            await at.ask(response_format=asked)
        assert (said.value.code, at.servers[0].bodies) == ("bad_schema", [])


async def test_the_same_question_is_paid_for_once(tmp_path: Path) -> None:
    """In a workspace and for a day: another workspace, prompt or day asks again; how long one waits is no matter."""
    async with house(tmp_path, {}) as at:
        first = await at.ask()
        again = await at.ask(deadline_s=5)
        assert (again.content, again.cached, again.cost_usd) == (first.content, True, 0.0)
        assert (again.provider, again.usage) == (first.provider, first.usage)
        for other in ({"workspace": "elsewhere"}, {"prompt_hash": "b"}, {"temperature": 1.0}):
            assert not (await at.ask(**other)).cached
        assert len(at.servers[0].bodies) == 4
        cache = await at.catalog.llm_cache("default")
        assert (cache.answers, cache.hits) == (3, 1)
        assert at.requests("cache", "ok") == 1
        at.clock.advance(24 * 3600 * 10**9)
        assert not (await at.ask()).cached


async def test_a_bad_answer_is_not_kept(tmp_path: Path) -> None:
    async with house(tmp_path, {}) as at:
        at.servers[0].faults = ["misfit"]
        assert await at.refused() == "llm_unavailable"
        assert (await at.ask()).cached is False


async def test_a_stream_asks_so_many_things_at_once_and_no_more(tmp_path: Path) -> None:
    """What it asks beyond is refused at once; others are answered, by the next provider where this one is full."""
    async with house(tmp_path, {"max_concurrency": 4}, {"max_concurrency": 1}) as at:
        at.servers[0].always = "hang"
        waiting = [asyncio.create_task(at.ask(prompt_hash=str(n))) for n in range(4)]
        for _ in waiting:
            await at.servers[0].arrived.acquire()
        assert await at.refused(prompt_hash="b") == "llm_unavailable"
        assert (await at.ask("elsewhere")).provider == "p1"
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert at.states() == ["ready", "ready"]  # none of it was a failure


@pytest.mark.usefixtures("_late_told")
async def test_the_last_provider_is_waited_for(tmp_path: Path) -> None:
    """As long as the deadline is."""
    async with house(tmp_path, {"max_concurrency": 1}) as at:
        at.servers[0].always = "hang"
        waiting = asyncio.create_task(at.ask())
        await at.servers[0].arrived.acquire()
        assert (await at.refused("elsewhere", deadline_s=3), at.errors()) == ("llm_deadline", ["busy"])
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
