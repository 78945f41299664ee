"""One session, one summary: what several attempts took is added up."""

from __future__ import annotations

from typing import Any

from daemon.worker.summary import added

CHAT = {"messages": 10, "lost": {"late": 1}, "aside": {}}


def took(wall_s: float, chat: dict[str, Any] | None, peak: float = 100.0) -> dict[str, Any]:
    return {"wall_s": wall_s, "speech_s": 1.5, "cpu_s": 2.0, "chat": chat, "peak_rss_mb": peak}


def test_a_single_attempt_is_the_session() -> None:
    """Nothing is changed."""
    assert added(None, took(10.0, CHAT)) == took(10.0, CHAT)


def test_times_and_messages_of_attempts_add_up() -> None:
    """A peak is the higher one; reasons that only one attempt had stay."""
    later = {"messages": 5, "lost": {"late": 2, "flood": 7}, "aside": {"repeated": 3}}
    both = added(took(10.0, CHAT, 120.0), took(2.5, later))
    assert (both["wall_s"], both["speech_s"], both["cpu_s"], both["peak_rss_mb"]) == (12.5, 3.0, 4.0, 120.0)
    assert both["chat"] == {"messages": 15, "lost": {"late": 3, "flood": 7}, "aside": {"repeated": 3}}


def test_an_attempt_without_chat_takes_none_away() -> None:
    """The chat could not be opened the second time."""
    assert added(took(1.0, CHAT), took(1.0, None))["chat"] == CHAT
    assert added(took(1.0, None), took(1.0, None))["chat"] is None
