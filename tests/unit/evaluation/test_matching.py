"""Which candidate found which moment: one-to-one, by falling score."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.times import ns
from daemon.evaluation.candidates import Candidate
from daemon.evaluation.matching import by_anchor, by_overlap, negative_of, overlap
from daemon.evaluation.truth import Truth
from tests.unit.evaluation.made import moment, negative, said, truth


def fates(truth_: Truth, *candidates: Candidate, tolerance_s: float = 10) -> list[str]:
    """In the order of falling score."""
    return [match.fate for match in by_anchor(candidates, truth_, ns(tolerance_s))]


@pytest.mark.parametrize(
    ("anchor_s", "tolerance_s", "fate"),
    [
        (90, 10, "hit"),
        (89.9, 10, "false"),
        (130, 10, "hit"),
        (130.1, 10, "false"),
        (89.9, 20, "hit"),
        (94.9, 5, "false"),
        (110, 5, "hit"),
    ],
)
def test_an_anchor_hits_within_the_tolerance_of_the_moments_span(
    anchor_s: float, tolerance_s: float, fate: str
) -> None:
    """[start - tol, end + tol], both ends included."""
    assert fates(truth(moment(100, 120)), said(anchor_s), tolerance_s=tolerance_s) == [fate]


def test_the_better_score_gets_the_moment_and_the_other_is_a_duplicate() -> None:
    """Whoever came first in time."""
    matches = by_anchor([said(100, 1.0), said(105, 2.0)], truth(moment(100, 110)), ns(10))
    assert [(m.candidate.score, m.fate, m.truth) for m in matches] == [(2.0, "hit", 0), (1.0, "duplicate", 0)]


def test_a_second_finder_takes_the_moment_next_to_it_where_there_is_one() -> None:
    """Only what finds nothing new is a duplicate."""
    both = truth(moment(100, 105), moment(112, 115))
    assert fates(both, said(104, 2.0), said(103, 1.0)) == ["hit", "hit"]
    assert fates(both, said(104, 3.0), said(103, 2.0), said(102, 1.0)) == ["hit", "hit", "duplicate"]


def test_of_two_moments_in_reach_the_nearer_is_found() -> None:
    """By the distance to its span, then to its start."""
    [match] = by_anchor([said(109)], truth(moment(100, 102), moment(110, 112)), ns(10))
    assert match.truth == 1
    [match] = by_anchor([said(104)], truth(moment(90, 120), moment(103, 105)), ns(10))
    assert match.truth == 1


def test_ties_go_to_the_earlier_anchor() -> None:
    """So that the order of input decides nothing."""
    one, two = said(98, 1.0), said(103, 1.0)
    assert by_anchor([one, two], truth(moment(100, 102)), ns(10)) == by_anchor(
        [two, one], truth(moment(100, 102)), ns(10)
    )
    assert by_anchor([two, one], truth(moment(100, 102)), ns(10))[0].candidate == one


def test_unsure_spans_are_ignored_both_ways() -> None:
    """A moment that touches one is neither found nor missed; a candidate at one is neither right nor wrong."""
    doubt = truth(moment(100, 110), moment(300, 310), unsure=[(95, 120), (500, 700)])
    assert fates(doubt, said(105, 4), said(305, 3), said(600, 2), said(900, 1)) == [
        "ignored",
        "hit",
        "ignored",
        "false",
    ]
    assert fates(doubt, said(711)) == ["false"]
    assert fates(doubt, said(710)) == ["ignored"]


def test_a_sure_moment_beside_an_unsure_one_is_still_found() -> None:
    """And its duplicate is ignored there rather than false."""
    doubt = truth(moment(100, 110), unsure=[(115, 130)])
    assert fates(doubt, said(112, 2), said(113, 1)) == ["hit", "ignored"]


def test_overlap_is_with_the_moment_and_its_run_up_and_post_roll() -> None:
    """The truth 100-110 becomes 88-116; a clip 88-116 is the same, one of 102-130 shares 14 of 42 s."""
    one = truth(moment(100, 110))
    same, late = said(100, span=(88, 116)), said(100, span=(102, 130))
    assert [m.fate for m in by_overlap([same], one, 0.7, ns(12), ns(6))] == ["hit"]
    assert [m.fate for m in by_overlap([late], one, 0.3, ns(12), ns(6))] == ["hit"]
    assert [m.fate for m in by_overlap([late], one, 0.5, ns(12), ns(6))] == ["false"]
    assert overlap((ns(88), ns(116)), (ns(102), ns(130))) == pytest.approx(14 / 42)


def test_a_false_clip_belongs_to_the_negative_around_its_anchor() -> None:
    """From 10 s before to 20 s after it; the nearest of several."""
    noise = truth(negatives=[negative(100, 110, "slam"), negative(125, 130, "music")])
    kinds = {at: found.kind if (found := negative_of(ns(at), noise)) else None for at in (89, 90, 112, 119, 150, 151)}
    assert kinds == {89: None, 90: "slam", 112: "slam", 119: "music", 150: "music", 151: None}


spots = st.floats(0, 3600).map(lambda s: round(s, 1))


@given(
    st.lists(st.tuples(spots, st.floats(1, 60)), max_size=8),
    st.lists(st.tuples(spots, st.integers(0, 5)), max_size=12),
    st.integers(0, 12),
)
def test_the_matching_of_the_best_is_the_beginning_of_the_matching_of_all(
    moments: list[tuple[float, float]], found: list[tuple[float, int]], best: int
) -> None:
    """So a threshold can be swept; and no moment is hit twice."""
    one = truth(*(moment(a, a + length) for a, length in moments))
    whole = by_anchor([said(at, score) for at, score in found], one, ns(10))
    assert by_anchor([match.candidate for match in whole[:best]], one, ns(10)) == whole[:best]
    hits = [match.truth for match in whole if match.fate == "hit"]
    assert len(hits) == len(set(hits)) <= len(moments)
