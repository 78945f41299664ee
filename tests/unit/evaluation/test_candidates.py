"""From the states of moments to candidates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.ids import MomentId
from core.moments import Moment, MomentState
from core.times import ns
from core.words import Word
from daemon.evaluation.candidates import WordSpans, candidates_of

S = MomentState


def state(state_: MomentState, decided_s: float, **known: Any) -> Moment:
    """A moment of 100-120 s, anchored at 112 s, with logit 1."""
    plain = Moment(
        id=MomentId("m1"),
        state=state_,
        start_ns=ns(100),
        end_ns=ns(120),
        anchor_ns=ns(112),
        p=0.7,
        bar=0.5,
        parts={"prior": -2.0, "audio": 3.0},
        reasons=(),
        decided_ns=ns(decided_s),
    )
    return replace(plain, **known)


def test_a_moment_is_one_candidate_with_the_times_of_its_states() -> None:
    """First shown at 118 s, confirmed at 150 s; the clip as it ended up; the score as it was decided last."""
    [found] = candidates_of(
        [
            state(S.OPEN, 114),
            state(S.PROVISIONAL, 118),
            state(S.PROVISIONAL, 120, end_ns=ns(125)),
            state(S.CONFIRMED, 150, parts={"prior": -2.0, "audio": 3.0, "chat": 1.5}, p=0.92, end_ns=ns(125)),
            state(S.FINAL, 190, parts={"prior": -2.0, "audio": 3.0, "chat": 1.5}, p=0.92, end_ns=ns(125)),
        ]
    )
    assert (found.shown_ns, found.confirmed_ns, found.end_ns) == (ns(118), ns(150), ns(125))
    assert (found.score, found.p, found.cuts_word) == (2.5, 0.92, None)


def test_what_was_shown_once_stays_shown() -> None:
    """Also when it was withdrawn; its score is what was thought of it then."""
    [found] = candidates_of([state(S.PROVISIONAL, 118), state(S.WITHDRAWN, 130, reason="contradicted", p=0.2)])
    assert found.shown
    assert found.p == 0.2


def test_a_near_miss_is_a_candidate_and_a_rejection_for_another_is_none() -> None:
    """A duplicate is the other moment's; a moment below the bar is its own."""
    below = state(S.REJECTED, 150, reason="below_bar")
    merged = state(S.REJECTED, 150, reason="merged", id=MomentId("m2"))
    duplicate = state(S.REJECTED, 150, reason="duplicate", id=MomentId("m3"))
    [found] = candidates_of([below, merged, duplicate])
    assert not found.shown
    assert found.confirmed_ns is None


def test_a_moment_without_parts_is_scored_by_its_probability() -> None:
    """As old journals have them."""
    [found] = candidates_of([state(S.REJECTED, 150, parts={}, p=0.5)])
    assert found.score == 0.0


@pytest.mark.parametrize(
    ("at_s", "cut"), [(9.9, False), (10.0, False), (10.01, False), (10.03, True), (10.48, False), (10.5, False)]
)
def test_a_cut_goes_through_a_word_by_more_than_20_ms(at_s: float, cut: bool) -> None:
    """The edge of a word is not known better."""
    word = Word(text="wow", start_ns=ns(10), end_ns=ns(10.5), prob=1, vad=1, epoch=0)
    assert WordSpans([word]).cut_by(ns(at_s)) is cut


def test_the_word_that_is_cut_may_have_begun_before_the_newest() -> None:
    """Two people talk at once."""
    words = [
        Word(text=text, start_ns=ns(a), end_ns=ns(b), prob=1, vad=1, epoch=0)
        for text, a, b in (("slooow", 10, 11), ("hi", 10.2, 10.3))
    ]
    assert WordSpans(words).cut_by(ns(10.6))
