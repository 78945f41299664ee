"""What goes to providers of each kind, and what is made of whatever comes back."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.llm import ProviderOptions
from supervisor.llm.dialects import DIALECTS, BadAnswer
from supervisor.llm.prices import HIDDEN, most_usd
from tests.unit.llm.house import SCHEMA, WORDS, ask


def provider(use: str, **own: Any) -> ProviderOptions:
    return ProviderOptions.model_validate({"use": use, "model": "m", "price_in": 2.0, "price_out": 8.0, **own})


def test_openai_is_asked_by_schema_first() -> None:
    """OpenAI itself has another name for the limit; a model that takes no temperature gets none."""
    body = DIALECTS["openai"].body(ask(), provider("groq"), "json_schema")
    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "order these"}, {"role": "user", "content": WORDS}],
        "max_tokens": 400,
        "temperature": 0.2,
        "response_format": {
            "type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
    }  # fmt: skip
    newer = DIALECTS["openai"].body(ask(), provider("openai", send_temperature=False), "none")
    assert newer.keys() == {"model", "messages", "max_completion_tokens"}


def test_anthropic_is_asked_by_a_tool_it_has_to_use() -> None:
    """System texts stand apart; its temperatures end at 1."""
    body = DIALECTS["anthropic"].body(ask(temperature=1.5), provider("anthropic"), "json_schema")
    assert (body["system"], body["temperature"], body["max_tokens"]) == ("order these", 1.0, 400)
    assert body["messages"] == [{"role": "user", "content": WORDS}]
    assert body["tools"][0]["input_schema"] == SCHEMA
    assert body["tool_choice"] == {"type": "tool", "name": body["tools"][0]["name"]}


def test_what_a_question_costs_at_most_counts_each_byte_for_a_token() -> None:
    """And what the provider's own template may add."""
    body = {"messages": "ü" * 100}
    assert most_usd(provider("groq"), body, 400) == pytest.approx(
        ((len(json.dumps(body)) + HIDDEN) * 2.0 + 400 * 8.0) / 1e6
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
fields = st.sampled_from(
    ["choices", "message", "content", "usage", "finish_reason", "stop_reason", "type", "text", "input"]
)
answers = st.recursive(
    json_values, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(fields, inner, max_size=4), max_leaves=8
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["openai", "anthropic"]), answers | st.dictionaries(fields, answers, max_size=4))
def test_whatever_comes_back_is_an_answer_or_a_bad_one(kind: Any, found: Any) -> None:
    with contextlib.suppress(BadAnswer):
        assert isinstance(DIALECTS[kind].read(json.dumps(found).encode()).content, str)


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"[" * 100_000, b"null", b"{}", b'{"choices": [{"message": 3}]}'])
def test_no_json_at_all_is_a_bad_answer(raw: bytes) -> None:
    for dialect in DIALECTS.values():
        with pytest.raises(BadAnswer, match="no_json"):
            dialect.read(raw)
