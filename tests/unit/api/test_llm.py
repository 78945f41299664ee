"""Language models over the HTTP API: what workers ask, and what people see."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.control import LlmAnswer
from tests.llm_server import GOOD, KEY, LlmServer, llm_server
from tests.unit.api.stage import FOREIGN, Answer, Stage, stage
from tests.unit.llm.house import WORDS, ask

USD = 180e-6


@pytest.fixture
async def model() -> AsyncIterator[LlmServer]:
    async with llm_server() as server:
        yield server


@pytest.fixture
async def asked(tmp_path: Path, model: LlmServer) -> AsyncIterator[Stage]:
    """A server with one provider."""
    (tmp_path / "key").write_text(KEY)
    provider = {
        "name": "local", "base_url": f"{model.url}/v1", "model": "m", "private": True, "price_in": 1, "price_out": 2,
        "api_key_file": str(tmp_path / "key"),
    }  # fmt: skip
    async with stage(
        tmp_path, CLIPD_LLM__PROVIDERS=json.dumps([provider]), CLIPD_LLM__BUDGETS=json.dumps({FOREIGN: 0})
    ) as running:
        yield running


async def say(api: Stage, token: str, **changes: object) -> Answer:
    return await api.ask("POST", "/internal/v1/llm", ask().to_json() | changes, token=token)


async def test_a_worker_is_answered_for_its_own_workspace(asked: Stage, model: LlmServer) -> None:
    """Whose money and whose cache it is follows from its claim."""
    token, _ = await asked.worker((await asked.stream()).id)
    answer = LlmAnswer.from_json((await say(asked, token)).body)
    assert (json.loads(answer.content), answer.provider, answer.cached) == (json.loads(GOOD), "local", False)
    assert LlmAnswer.from_json((await say(asked, token)).body).cached
    foreign, _ = await asked.worker((await asked.stream(workspace=FOREIGN)).id)
    refused = await say(asked, foreign)
    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, "llm_budget", "3600")
    assert len(model.bodies) == 1


async def test_people_see_who_answers_and_what_it_costs(asked: Stage, model: LlmServer) -> None:
    """Neither keys nor addresses; of money and cache one's own."""
    token, _ = await asked.worker((await asked.stream()).id)
    model.faults = ["500"]
    assert (await say(asked, token)).code == "llm_unavailable"
    for _ in range(2):
        await say(asked, token)
    shown = await asked.ask("GET", "llm", role="viewer")
    [provider] = shown.body.pop("providers")
    assert shown.body == {"spent_usd": USD, "budget_usd": 1.0, "cached_answers": 1, "cache_hits": 1}
    assert (provider["name"], provider["model"], provider["state"]) == ("local", "m", "ready")
    assert (provider["last_error"], provider["last_error_at"] <= provider["last_answer_at"]) == ("http_500", True)
    for secret in (KEY, model.url, WORDS):
        assert secret not in shown.text
    foreign = (await asked.ask("GET", "llm", role="viewer", workspace=FOREIGN)).body
    assert (foreign["spent_usd"], foreign["budget_usd"], foreign["cached_answers"]) == (0.0, 0.0, 0)
    [day] = (await asked.ask("GET", "usage")).body["items"]
    assert (day["llm_usd"], day["accepted"], day["llm_usd_per_accepted_clip"]) == (USD, 0, None)
    metrics = (await asked.ask("GET", "/metrics")).text
    assert 'clipd_llm_requests_total{outcome="http_500",provider="local"} 1.0' in metrics
    assert f'clipd_llm_cost_usd_total{{provider="local"}} {USD}' in metrics


async def test_codes_and_statuses_are_those_of_the_contract(asked: Stage, model: LlmServer) -> None:
    token, _ = await asked.worker((await asked.stream()).id)
    model.always = "hang"
    late = await say(asked, token, deadline_s=0.2)
    assert (late.status, late.code) == (504, "llm_deadline")
    wrongs: list[dict[str, object]] = [{"deadline_s": 0}, {"messages": []}, {"more": 1}, {"task": "chat"}]
    for changes in wrongs:
        wrong = await say(asked, token, **changes)
        assert (wrong.status, wrong.code) == (400, "bad_message")
    odd = {"type": "json_schema", "json_schema": {"schema": {"pattern": "a"}}}
    assert (await say(asked, token, response_format=odd)).code == "bad_schema"
    assert (await asked.ask("POST", "/internal/v1/llm", ask().to_json(), role="owner")).status == 401


async def test_without_providers_there_is_no_gateway(api: Stage) -> None:
    token, _ = await api.worker((await api.stream()).id)
    off = await say(api, token)
    assert (off.status, off.code) == (501, "llm_off")
    assert (await api.ask("GET", "llm")).body["providers"] == []
