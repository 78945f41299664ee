"""What is usual, and how rare an excess is."""

from __future__ import annotations

import numpy as np
import pytest

from core.times import Ns, ns
from detectors.baseline import Baseline, Tail, evidence, ramp, rate_text, readiness
from detectors.options import BaselineOptions

OPTIONS = BaselineOptions()
HOUR_NS = ns(3600)


def filled(values: np.ndarray, *, every_s: float = 0.5, alarm: bool = False) -> Baseline:
    """A baseline that has seen these values in turn."""
    baseline = Baseline(OPTIONS, low=-60.0, high=20.0, step=0.25)
    for place, value in enumerate(values):
        baseline.push(float(value), ns(place * every_s), alarm=alarm)
    return baseline


def test_quantiles_are_those_of_the_window() -> None:
    """To within a bin they are the quantiles of the last 15 minutes."""
    values = np.random.default_rng(1).normal(-30, 4, 4000)
    baseline = filled(values)
    for share in (0.1, 0.5, 0.9):
        assert baseline.quantile(share) == pytest.approx(np.quantile(values[-1800:], share), abs=0.3)
    assert baseline.count == 1800


def test_an_alarm_teaches_a_tenth() -> None:
    """A roar as long as the talk before it does not become usual."""
    talk, roar = np.full(600, -30.0), np.full(600, -10.0)
    baseline = filled(talk)
    for place, value in enumerate(roar):
        baseline.push(float(value), ns(300 + place * 0.5), alarm=True)
    assert baseline.quantile(0.5) == pytest.approx(-30.0, abs=0.25)
    assert baseline.quantile(0.9) == pytest.approx(-30.0, abs=0.25)


def test_the_spread_has_a_floor_and_a_prior() -> None:
    """A constant signal is not infinitely quiet; sixty samples weigh as much as the prior."""
    constant = filled(np.full(2000, -20.0))
    assert constant.spread(prior=3.0, floor=1.0) == 1.0
    assert filled(np.full(60, -20.0)).spread(prior=3.0, floor=1.0) == pytest.approx(1.5)
    noisy = filled(np.random.default_rng(2).normal(-20, 5, 2000))
    assert noisy.spread(prior=3.0, floor=1.0) == pytest.approx(5.0, rel=0.1)


def test_the_first_peak_of_a_stream_has_a_believable_rate() -> None:
    """Nothing observed: the prior's tail alone. Larger excesses are rarer."""
    tail = Tail(OPTIONS, prior_per_h=8, prior_scale=1.5)
    rates = [tail.per_hour(excess, ns(30), ns(30)) for excess in (0.0, 1.5, 6.0)]
    assert rates[0] == pytest.approx(8.0, rel=0.02)
    assert rates[1] == pytest.approx(8.0 / np.e, rel=0.02)
    assert rates[2] < 0.2


def test_what_keeps_happening_stops_being_rare() -> None:
    """Twelve equal peaks an hour count as eight after two hours (the prior is an hour without), and are forgotten."""
    tail = Tail(OPTIONS, prior_per_h=8, prior_scale=1.5)
    for place in range(24):
        tail.push(6.0, Ns(HOUR_NS * place // 12))
    assert tail.per_hour(6.0, Ns(2 * HOUR_NS - 1), 2 * HOUR_NS) == pytest.approx(8.0, rel=0.1)
    assert tail.per_hour(6.0, Ns(5 * HOUR_NS), 5 * HOUR_NS) < 0.2


def test_readiness_starts_at_twenty_seconds() -> None:
    """0 before 20 s, then 0.6, and 1 from five minutes on."""
    assert readiness(ns(19.9), OPTIONS) == 0.0
    assert readiness(ns(20), OPTIONS) == 0.6
    assert readiness(ns(160), OPTIONS) == pytest.approx(0.8)
    assert readiness(ns(9000), OPTIONS) == 1.0


def test_evidence_needs_both_size_and_rarity() -> None:
    """Something big that comes every three minutes says nothing, nor does something rare but small."""
    assert evidence(9.0, 2.0, 7.0, 20.0, OPTIONS, 2.5) == 0.0
    assert evidence(2.0, 2.0, 7.0, 0.1, OPTIONS, 2.5) == 0.0
    assert evidence(9.0, 2.0, 7.0, 0.1, OPTIONS, 2.5) == 2.5
    assert evidence(4.5, 2.0, 7.0, 0.1, OPTIONS, 2.5) == pytest.approx(1.25)


def test_ramps_rise_and_fall() -> None:
    """The ends may stand in either order."""
    assert [ramp(x, 2, 4) for x in (1, 3, 5)] == [0.0, 0.5, 1.0]
    assert [ramp(x, 4, 2) for x in (1, 3, 5)] == [1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("per_hour", "text"),
    [
        (0.2, "less than once an hour"),
        (1.0, "about once an hour"),
        (2.0, "about twice an hour"),
        (7.4, "about 7 times an hour"),
    ],
)
def test_rates_are_said_in_words(per_hour: float, text: str) -> None:
    """As people say them."""
    assert rate_text(per_hour).startswith(text)
