"""What a person types and reads: times, speeds, and the plain lines of a run."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from core.errors import UsageError
from daemon.cli.cut import parse_time
from daemon.cli.view import TextView
from daemon.cli.watching import parse_speed


@pytest.mark.parametrize(
    ("text", "seconds"), [("75", 75), ("75.5", 75.5), ("1:15", 75), ("0:01:15.5", 75.5), ("10:00:00", 36_000), ("0", 0)]
)
def test_a_time_is_seconds_or_a_clock(text: str, seconds: float) -> None:
    """As players show it."""
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "1:2:3:4", "nan", "inf", "1e99", "soon", "1:-5"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """With both forms as a remedy."""
    with pytest.raises(UsageError, match="seconds"):
        parse_time(text)


def test_a_speed_is_live_max_or_a_number() -> None:
    """None means as fast as possible."""
    assert (parse_speed("live"), parse_speed("max"), parse_speed("4")) == (1.0, None, 4.0)


def shown(*lines: dict[str, Any]) -> str:
    """Plain text of some lines, as a log file gets it."""
    out = io.StringIO()
    view = TextView(Console(file=out, width=200), live=False)
    for line in lines:
        view.line({"session": "s1", **line})
    view.close()
    return out.getvalue()


def test_a_strangers_text_is_text_and_no_markup() -> None:
    """A title cannot colour, link or hide anything."""
    text = shown(
        {"type": "warning", "code": "x", "message": "[red]boo[/red] [link=http://x]y[/link]", "remedy": "none"}
    )
    assert "[red]boo[/red]" in text
    assert "[link=http://x]" in text


def test_progress_comes_every_ten_seconds_of_media() -> None:
    """State, lag and the best candidate; a log is not flooded."""
    lines: list[dict[str, Any]] = [
        {
            "type": "progress",
            "state": "live",
            "media_s": float(second),
            "lag_s": 1.5,
            "speed_x": 1.0,
            "clips": 0,
            "best": {"p": 0.41, "bar": 0.58, "t_s": 4.0},
        }
        for second in range(31)
    ]
    text = shown(*lines).splitlines()
    assert len(text) == 4
    assert text[1] == "live 0:00:10, lag 1.5 s, 0 clips, best candidate 0.41 of 0.58 at 0:00:04"


def test_progress_says_how_many_words_were_heard() -> None:
    """Only where somebody listens; what was said stands beside it on a terminal, never in a log."""
    progress = {"type": "progress", "state": "live", "media_s": 3.0, "lag_s": None, "clips": 1, "best": None}
    heard = {"type": "transcript", "final": True, "words": [{"text": "[red]no"}, {"text": "way!"}]}
    assert shown(heard, {**progress, "words": 1214}) == "live 0:00:03, 1,214 words, 1 clip\n"
    assert shown({**progress, "words": 0}) == "live 0:00:03, 1 clip\n"


def test_a_terminal_shows_the_newest_words_beside_the_state() -> None:
    """Whole words, as text and no markup; what is not final yet is not shown."""
    out = io.StringIO()
    view = TextView(Console(file=out, width=200, force_terminal=True, color_system=None), live=True)
    for number, text in enumerate(("That was one.", "Clip that, chat, somebody please\x1b clip that [red]now!")):
        words = [{"text": word} for word in text.split(" ")]
        view.line({"type": "transcript", "session": "s1", "final": True, "words": words})
        view.line({"type": "transcript", "session": "s1", "final": False, "words": [{"text": "perhaps"}]})
        view.line({"type": "progress", "session": "s1", "state": "live", "media_s": float(number), "clips": 0})
    view.close()
    assert "live 0:00:01, 0 clips … that, chat, somebody please clip that [red]now!" in out.getvalue()
    assert "perhaps" not in out.getvalue()


@pytest.mark.parametrize(
    ("track", "text"),
    [("all", "gap 3.0-4.5 s: segment_lost\n"), ("speech", "not transcribed 3.0-4.5 s: segment_lost\n")],
)
def test_speech_that_was_not_transcribed_is_no_hole_in_the_footage(track: str, text: str) -> None:
    """The words say so."""
    assert shown({"type": "gap", "track": track, "start_s": 3, "end_s": 4.5, "reason": "segment_lost"}) == text


def test_no_clips_come_with_the_reason() -> None:
    """The last lines a user reads."""
    summary = {"media_s": 60, "wall_s": 2, "clips": 0, "near_misses": 1, "gaps": 0, "why_no_clips": "budget: spent"}
    assert "No clips: budget: spent" in shown({"type": "summary", **summary})
