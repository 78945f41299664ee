"""Which order agrees with people: on pairs of one session, on the same pairs for both, and no stronger than shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from core.errors import UsageError
from core.ids import ClipId, SessionId
from daemon.cli.main import app
from daemon.journal import Journal
from daemon.ranking.report import Judged, agreement, judged, verdicts_of


def clip(session: str, kept: bool, p: float, score: float | None) -> Judged:
    return Judged(session=session, kept=kept, p=p, score=score)


def test_a_pair_is_a_kept_and_a_rejected_clip_of_one_session() -> None:
    """Detection has both wrong, the ranker one right and one level."""
    found = agreement(
        "ranker",
        [
            clip("a", True, 0.5, 0.7),
            clip("a", False, 0.6, 0.6),
            clip("a", False, 0.7, 0.7),
            clip("b", True, 0.9, 0.9),  # with nothing to compare it with
        ],
    )
    assert (found.kept, found.rejected, found.sessions, found.pairs) == (2, 2, 1, 2)
    assert (found.agreed.value, found.heuristic.value, found.gain.value) == (0.75, 0.0, 0.75)
    assert found.agreed.low is None
    assert found.verdict == "too few pairs to tell (2 of 30)"


def test_pairs_in_which_the_model_had_no_say_do_not_count() -> None:
    """One clip of two is enough: the other stands by its own score."""
    found = agreement("shadow", [clip("a", True, 0.5, None), clip("a", False, 0.6, None), clip("a", False, 0.7, 0.4)])
    assert (found.pairs, found.agreed.value, found.heuristic.value) == (1, 1.0, 0.0)
    nothing = agreement("shadow", [])
    assert (nothing.pairs, nothing.agreed.value) == (0, None)


@pytest.mark.parametrize(
    ("better", "verdict"),
    [(1.0, "agrees more than detection"), (0.0, "agrees less than detection"), (0.5, "no difference shown")],
)
def test_what_is_claimed_is_what_the_interval_shows(better: float, verdict: str) -> None:
    """Twenty sessions of two pairs; the ranker is right in all, in none, in as many as detection."""
    clips = []
    for number in range(20):
        right = number < 20 * better if better != 0.5 else number % 2 == 0
        own = {1.0: False, 0.0: True, 0.5: number % 4 < 2}[better]
        high, low = (0.9, 0.1) if right else (0.1, 0.9)
        p_high, p_low = (0.9, 0.1) if own else (0.1, 0.9)
        clips += [clip(str(number), True, p_high, high), *[clip(str(number), False, p_low, low)] * 2]
    found = agreement("ranker", clips)
    assert (found.pairs, found.sessions) == (40, 20)
    assert found.verdict == verdict


def test_one_long_session_has_no_interval() -> None:
    """Its clips are no independent draws."""
    clips = [clip("a", kept, 0.5, 0.9 if kept else 0.1) for kept in (True, False) for _ in range(6)]
    assert agreement("ranker", clips).verdict == "one session: no interval, so nothing is claimed"


def test_verdicts_are_the_last_word_on_a_clip() -> None:
    """Bad lines are named."""
    lines = [
        '{"clip": "a", "review": "approved"}', "", '{"clip": "b", "review": "rejected"}',
        '{"clip": "b", "review": "approved", "by": "ann"}', '{"clip": "a", "review": "none"}',
    ]  # fmt: skip
    assert verdicts_of(lines) == {"b": True}
    for line in ("[]", "{", '{"clip": "a"}', '{"clip": "a", "review": "good"}', "7"):
        with pytest.raises(UsageError, match="Line 2 of the reviews"):
            verdicts_of([lines[0], line])


def record(name: str, p: float, score: float, shadow: float | None) -> dict[str, Any]:
    told = {"state": "unavailable"} if shadow is None else {"state": "ranked", "score": shadow}
    rank = {"state": "ranked", "p": p, "score": score, "shadow": told}
    return {"id": name, "revision": 1, "state": "final", "start_s": p, "rank": rank}


def test_clips_without_rank_or_verdict_are_left_out() -> None:
    """A shadow that was not answered had no say."""
    by_hand = {"id": "c", "revision": 1, "state": "final", "start_s": 1}
    [found] = judged("s", [record("a", 0.5, 0.6, None), record("b", 0.5, 0.6, 0.7), by_hand], {"a": True, "c": False})
    assert (found["ranker"].score, found["shadow"].score) == (0.6, None)


SAID = {"a": "approved", "b": "rejected", "c": "rejected"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One session with three ranked clips."""
    folder = tmp_path / "sessions" / "s20260101t000000-aaaaaa"
    folder.mkdir(parents=True)
    with Journal.open_or_create(folder / "session.db", session=SessionId(folder.name)) as journal:
        for each in (record("a", 0.5, 0.6, 0.4), record("b", 0.6, 0.5, 0.6), record("c", 0.7, 0.55, 0.7)):
            journal.finish_clip(ClipId(each["id"]), 1, each)
    (tmp_path / "said.jsonl").write_text("".join(json.dumps({"clip": c, "review": r}) + "\n" for c, r in SAID.items()))
    return tmp_path


def test_the_command_shows_ranker_and_shadow(data: Path) -> None:
    """Every session of the folder, or those that are named; for people and as JSON."""
    arguments = ["ranks", "report", "--data-dir", str(data), "--reviews", str(data / "said.jsonl")]
    ran = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert ran.exit_code == 0
    assert "1.00" in ran.stdout.splitlines()[1]
    assert "too few pairs to tell (2 of 30)" in ran.stdout
    ran = CliRunner().invoke(app, [*arguments, "--json", "s20260101"], catch_exceptions=False)
    ranker, shadow = (json.loads(line) for line in ran.stdout.splitlines())
    assert (ranker["agreed"]["value"], ranker["heuristic"]["value"], shadow["agreed"]["value"]) == (1.0, 0.0, 0.0)


def test_reviews_that_cannot_be_read_are_said(data: Path) -> None:
    """With a remedy."""
    with pytest.raises(UsageError, match="cannot be read"):
        CliRunner().invoke(
            app, ["ranks", "report", "--data-dir", str(data), "--reviews", str(data)], catch_exceptions=False
        )
