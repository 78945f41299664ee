"""Messages between workers and supervisors: what is read is exactly what may be said."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.control import MAX_BATCH, MAX_CONTENT, Acked, Command, EventBatch, Heartbeat, LlmAnswer, LlmAsk, Pulse
from core.errors import UsageError

BEAT: dict[str, Any] = {
    "session": "s1", "claim_token": 7, "state": "live", "progress": 3, "media_s": 12, "lag_s": 0.5,
    "rss_bytes": 1, "ring_bytes": 2, "disk_free_bytes": 3, "undelivered": 0,
}  # fmt: skip


def row(seq: int, kind: str = "clip") -> dict[str, Any]:
    return {"seq": seq, "attempt": 1, "kind": kind, "line": {"type": kind}}


def test_a_message_survives_the_wire() -> None:
    """A whole number may stand for seconds; lists become tuples."""
    beat = Heartbeat.from_json(BEAT)
    assert Heartbeat.from_json(beat.to_json()) == beat
    assert beat.media_s == 12.0
    assert Acked.from_json({"acked": 4, "refused": [1, 2]}).refused == (1, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "asleep"},
        {"progress": "3"},
        {"progress": True},
        {"media_s": None},
        {"more": 1},
        {"reason": "x" * 5000},
    ],
)
def test_a_message_of_another_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as err:
        Heartbeat.from_json(BEAT | changes)
    assert err.value.code == "bad_message"


@pytest.mark.parametrize(
    "rows",
    [[row(2), row(1)], [row(1), row(1)], [row(1, "secret")], [{"seq": 1}], [row(n) for n in range(MAX_BATCH + 1)]],
)
def test_rows_come_in_order_and_of_known_kinds(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(UsageError):
        EventBatch.from_json({"session": "s1", "claim_token": 1, "rows": rows}).events()


def test_tokens_are_in_no_repr() -> None:
    assert "secret" not in repr(Pulse(claimed=True, token="secret"))


ASK: dict[str, Any] = {
    "task": "rank", "messages": [{"role": "system", "content": "order these"}, {"role": "user", "content": "1 2 3"}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "order", "schema": {"type": "object"}}},
    "max_tokens": 400, "temperature": 0, "deadline_s": 20, "prompt_hash": "abc",
}  # fmt: skip
ANSWER: dict[str, Any] = {
    "content": "x" * MAX_CONTENT, "provider": "groq", "model": "m", "cost_usd": 0.001, "cached": False,
    "usage": {"prompt_tokens": 90, "completion_tokens": 12},
}  # fmt: skip


def test_a_question_to_a_language_model_survives_the_wire() -> None:
    """Its answer is as long as a provider's may be; neither shows its texts in a repr."""
    ask, answer = LlmAsk.from_json(ASK), LlmAnswer.from_json(ANSWER)
    assert LlmAsk.from_json(ask.to_json()) == ask
    assert LlmAnswer.from_json(answer.to_json()) == answer
    assert [each.role for each in ask.chat()] == ["system", "user"]
    assert ask.schema() == {"type": "object"}
    assert "order these" not in repr(ask)
    assert "xx" not in repr(answer)


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "chat"},
        {"messages": []},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"messages": [{"role": "user", "content": "x", "name": "y"}]},
        {"messages": [{"role": "user", "content": "x" * MAX_CONTENT}, {"role": "user", "content": "x"}]},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "order"}}},
        {"max_tokens": 0},
        {"temperature": 3},
        {"deadline_s": 0},
        {"deadline_s": 1e4},
        {"model": "gpt"},
    ],
)
def test_a_question_out_of_bounds_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as err:
        LlmAsk.from_json(ASK | changes)
    assert err.value.code == "bad_message"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_nothing_from_outside_raises_anything_else(body: object) -> None:
    """A hostile worker gets an error, never a traceback."""
    for kind in (Heartbeat, EventBatch, Command, LlmAsk, LlmAnswer):
        with contextlib.suppress(UsageError):
            kind.from_json(body)
