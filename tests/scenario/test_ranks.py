"""A whole worker with a supervisor whose language model is ill, then well: clips first, ranks when there are some."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from core.control import LlmAsk
from daemon.demo import Recipe
from telemetry import SystemClock
from tests.llm_server import KEY, llm_server
from tests.scenario.headquarters import Headquarters
from tests.scenario.upping import supervisor
from tests.scenario.worker import run_attempt, spec_for
from tests.synthetic_streams import StreamFiles, write_stream
from tests.unit.ranking.models import data_of, honest, said

SECONDS = 90.0


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> StreamFiles:
    """Two planted moments, and a third that is not watched."""
    return write_stream(tmp_path_factory.mktemp("stream"), Recipe.from_seed(11))


async def attempt(hq: Headquarters, stream: StreamFiles, folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What the supervisor was told of clips, and the summary."""
    told = len(hq.lines("clip"))
    spec = spec_for(str(stream.media), folder, chat=str(stream.chat), duration_s=SECONDS)
    code, lines = await run_attempt(replace(spec, control=hq.control()), SystemClock())
    assert code == 0
    return hq.lines("clip")[told:], lines[-1]


def full_of_nonsense(_ask: LlmAsk) -> web.Response:
    return web.json_response({"content": "x" * 1_500_000})


async def test_clips_come_with_what_was_measured_and_are_ranked_when_a_model_answers(
    stream: StreamFiles, tmp_path: Path
) -> None:
    """An ill model costs no clip; the next attempt asks again about what was not answered, and only once."""
    async with Headquarters() as hq:
        hq.llm = full_of_nonsense
        lines, summary = await attempt(hq, stream, tmp_path)
        clips = {line["id"]: line for line in lines}
        first = {line["id"]: line for line in reversed(lines)}
        assert len(clips) == summary["clips"] == 2
        assert {line["rank"]["state"] for line in first.values()} == {"heuristic"}
        assert {(line["rank"]["state"], line["rank"]["why"]) for line in clips.values()} == {("unavailable", "too_big")}
        assert all(Path(line["files"]["master"]).stat().st_size > 10_000 for line in first.values())
        assert summary["ranks"] == {"unavailable": 2}

        hq.llm = lambda ask: said(honest(data_of(ask)))
        asked = len(hq.questions)
        lines, summary = await attempt(hq, stream, tmp_path)
        assert summary["ranks"] == {"ranked": 2}
        assert len(hq.questions) - asked == 2
        ranked = [line for line in lines if line["rank"]["state"] == "ranked"]
        assert {line["id"]: line["revision"] for line in ranked} == {each: clips[each]["revision"] for each in clips}
        assert all(line["title"].startswith("About c") for line in ranked)
        moved = {line["id"]: line["score"] - line["rank"]["p"] for line in ranked}
        assert sorted(shift > 0 for shift in moved.values()) == [False, True]
        assert all(data_of(ask)[0]["chat"] for ask in hq.questions)


async def test_clips_of_a_job_are_ranked_through_the_gateway(stream: StreamFiles, tmp_path: Path) -> None:
    """Worker, supervisor and provider as people run them: the question passes all three, the key only one of them, and
    what it cost is written down."""

    def judged(body: dict[str, Any]) -> str:
        user, fields = body["messages"][-1], {name: body[name] for name in ("max_tokens", "response_format")}
        messages = (body["messages"][0], user)
        ask = LlmAsk(task="rank", messages=messages, temperature=0, deadline_s=1, prompt_hash="", **fields)
        return honest(data_of(ask))

    key = tmp_path / "key"
    key.write_text(KEY)
    async with llm_server() as provider:
        provider.answer = judged
        settings = f"""
api: {{folders: ["{stream.media.parent}"]}}
llm:
  budget_usd_per_day: 1
  hard_ceiling_usd_per_day: 1
  providers:
    - name: local
      base_url: "{provider.url}/v1"
      model: judge
      api_key_file: "{key}"
      private: true
      price_in: 1
      price_out: 2
"""
        async with supervisor(tmp_path / "data", settings=settings) as up:
            order = {"source_url": str(stream.media), "chat": str(stream.chat), "rights": "own"}
            job = await up.post("/api/v1/jobs", order)
            ended = ("review", "completed", "failed")
            done = await up.until(lambda it: it["state"] in ended, f"/api/v1/jobs/{job['id']}")
            assert done["state"] != "failed", done
            clips = (await up.get("/api/v1/clips"))["items"]
            state = await up.get("/api/v1/llm")
            said = b"".join(up.log)
    ranks = [clip["line"]["rank"] for clip in clips]
    assert {(rank["state"], rank["model"]) for rank in ranks} == {("ranked", "local/judge")}
    assert all(clip["title"].startswith("About c") for clip in clips)
    assert 0 < state["spent_usd"] < 0.01
    assert KEY.encode() not in said
    holders = [path for path in (tmp_path / "data").rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert holders == []
