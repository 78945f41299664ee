"""Figures with intervals: rankings, quantiles, calibration error, and the comparison of two systems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.evaluation.resampling import (
    Ranking,
    calibration_error,
    compare,
    draws,
    estimate,
    quantile,
    ratio,
)

ONE = np.ones((1, 1))


def ranked(*rows: tuple[float, bool], moments: int, hours: float = 1.0) -> Ranking:
    """One stream's candidates."""
    return Ranking.of([(score, 0, hit, hit) for score, hit in rows], np.array([float(moments)]), np.array([hours]))


def test_average_precision_of_a_known_ranking() -> None:
    """Hit, false, hit of three moments: (1/1 + 2/3) / 3."""
    table = ranked((3, True), (2, False), (1, True), moments=3)
    assert table.average_precision(ONE)[0] == pytest.approx((1 + 2 / 3) / 3)


def test_average_precision_of_the_best_and_the_worst() -> None:
    """1 when every moment comes before every false one, 0 without a hit or a candidate, nothing without moments."""
    assert ranked((3, True), (2, True), (1, False), moments=2).average_precision(ONE)[0] == 1.0
    assert ranked((3, False), moments=2).average_precision(ONE)[0] == 0.0
    assert ranked(moments=2).average_precision(ONE)[0] == 0.0
    assert np.isnan(ranked((3, False), moments=0).average_precision(ONE)[0])


def test_equal_scores_stand_or_fall_together() -> None:
    """No order among them can be made up: hit and false at one score are one step of precision 1/2."""
    for rows in (((1.0, True), (1.0, False)), ((1.0, False), (1.0, True))):
        assert ranked(*rows, moments=1).average_precision(ONE)[0] == pytest.approx(0.5)
        assert ranked(*rows, moments=1).recall_at(0.5)(ONE)[0] == 0.0
        assert ranked(*rows, moments=1, hours=2.0).recall_at(0.5)(ONE)[0] == 1.0


def test_recall_at_a_false_rate_takes_the_lowest_threshold_that_keeps_to_it() -> None:
    """Four hours allow two false ones at 0.5 an hour: the hit after the second counts, the one after the third not."""
    rows = ((9, True), (8, False), (7, False), (6, True), (5, False), (4, True))
    assert ranked(*rows, moments=4, hours=4.0).recall_at(0.5)(ONE)[0] == pytest.approx(2 / 4)
    assert ranked(*rows, moments=4, hours=6.0).recall_at(0.5)(ONE)[0] == pytest.approx(3 / 4)
    assert ranked(*rows, moments=4, hours=1.0).recall_at(0.5)(ONE)[0] == pytest.approx(1 / 4)


def test_hits_that_do_not_count_are_not_false_either() -> None:
    """Recall of one kind of moment, under the threshold of all."""
    rows = [(3.0, 0, True, False), (2.0, 0, True, True), (1.0, 0, False, False)]
    assert Ranking.of(rows, np.array([1.0]), np.array([1.0])).recall_at(0.5)(ONE)[0] == 1.0


def test_streams_that_are_all_alike_have_an_interval_of_no_width() -> None:
    """Bootstrap draws streams, and every draw is the same."""
    table = Ranking.of(
        [(score, stream, hit, hit) for stream in range(8) for score, hit in ((2.0, True), (1.0, False))],
        np.full(8, 2.0),
        np.ones(8),
    )
    found = estimate(table.average_precision, draws(8))
    assert found.value == pytest.approx(found.low)
    assert found.value == pytest.approx(found.high)
    share = estimate(ratio(np.full(8, 3.0), np.full(8, 4.0)), draws(8))
    assert (share.value, share.low, share.high) == (0.75, 0.75, 0.75)


def test_streams_that_differ_have_an_interval_around_the_figure() -> None:
    """Half the streams perfect, half hopeless: 10 of 20, give or take what a binomial gives: about 0.28 to 0.72."""
    found = estimate(ratio(np.repeat([0.0, 1.0], 10), np.ones(20)), draws(20))
    assert found.value == 0.5
    assert found.low == pytest.approx(0.28, abs=0.06)
    assert found.high == pytest.approx(0.72, abs=0.06)


def test_a_single_stream_has_no_interval_and_nothing_to_count_no_figure() -> None:
    """Rather than a false certainty."""
    single = estimate(ratio(np.array([1.0]), np.array([2.0])), draws(1))
    assert (single.value, single.low, single.high) == (0.5, None, None)
    assert estimate(ratio(np.zeros(3), np.zeros(3)), draws(3)).value is None


def test_the_same_seed_draws_the_same() -> None:
    """Results can be compared between runs."""
    assert np.array_equal(draws(7), draws(7))
    assert draws(7).sum(axis=1).tolist() == [7.0] * 1001


def test_quantiles_are_values_that_were_seen() -> None:
    """p50 of 1..10 is 5, p95 is 10; a stream drawn twice counts twice."""
    values, owners = np.arange(10.0, 0.0, -1.0), np.array([1] * 5 + [0] * 5)
    assert quantile(values, owners, 0.5)(np.ones((1, 2)))[0] == 5.0
    assert quantile(values, owners, 0.95)(np.ones((1, 2)))[0] == 10.0
    assert quantile(values, owners, 0.5)(np.array([[0.0, 2.0]]))[0] == 8.0
    assert np.isnan(quantile(np.zeros(0), np.zeros(0, dtype=np.int64), 0.5)(np.ones((1, 2)))[0])


def test_calibration_error_of_claims_that_are_half_wrong() -> None:
    """p 0.8 where half are moments is off by 0.3; p 0.2 where none is, by 0.2: 0.25 together."""
    p = np.array([0.8] * 10 + [0.2] * 10)
    hits = np.array([True, False] * 5 + [False] * 10)
    error = calibration_error(p, hits, np.zeros(20, dtype=np.int64), 1, bins=2)
    assert error(ONE)[0] == pytest.approx(0.25)
    assert calibration_error(np.ones(4), np.ones(4, dtype=bool), np.zeros(4, dtype=np.int64), 1)(ONE)[0] == 0.0


def twice(hits_a: list[bool], hits_b: list[bool]) -> Ranking:
    """Two systems with one candidate a stream."""
    a, b = (
        Ranking.of(
            [(1.0, place, hit, hit) for place, hit in enumerate(hits)], np.ones(len(hits)), np.full(len(hits), 100.0)
        )
        for hits in (hits_a, hits_b)
    )
    return a.joined(b)


def test_a_system_does_not_differ_from_itself() -> None:
    """Chance is always as far apart: p 1, and no width."""
    table = twice([True, False] * 6, [True, False] * 6)
    found = compare(table.recall_at(0.5), 12)
    assert found.chance == 1.0
    assert (found.by.value, found.by.low, found.by.high) == (0.0, 0.0, 0.0)


def test_a_system_that_is_better_on_every_stream_is_told_apart() -> None:
    """12 of 12 streams: chance is as far apart once in 2048 swaps."""
    found = compare(twice([True] * 12, [False] * 12).recall_at(0.5), 12)
    assert (found.by.value, found.by.low, found.by.high) == (1.0, 1.0, 1.0)
    assert found.chance < 0.01


def test_a_small_difference_on_few_streams_is_chance() -> None:
    """One stream of four."""
    found = compare(twice([True, True, True, False], [True, True, False, False]).recall_at(0.5), 4)
    assert found.by.value == pytest.approx(0.25)
    assert found.chance > 0.4


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), st.booleans()), min_size=1, max_size=40))
def test_a_draw_is_worth_what_the_repeated_streams_are(rows: list[tuple[int, int, bool]]) -> None:
    """Weight 2 for a stream is the stream twice, weight 0 is the stream left out."""
    moments, hours = np.full(4, 50.0), np.ones(4)
    table = Ranking.of([(score, place, hit, hit) for score, place, hit in rows], moments, hours)
    weights = np.array([[2.0, 1.0, 0.0, 1.0]])
    copies = [(score, place, hit, hit) for score, place, hit in rows for _ in range(int(weights[0, place]))]
    plain = Ranking.of([(s, 0, h, c) for s, _, h, c in copies], np.array([200.0]), np.array([4.0]))
    assert table.average_precision(weights)[0] == pytest.approx(plain.average_precision(ONE)[0])
    assert table.recall_at(0.5)(weights)[0] == pytest.approx(plain.recall_at(0.5)(ONE)[0])
