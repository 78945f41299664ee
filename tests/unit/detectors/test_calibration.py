"""From raw logits to probabilities: what is fitted follows how many labels there are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import UsageError
from detectors.fusion.calibration import Calibration, Pair, fit, wording


def labelled(count: int, *, scale: float = 1.0, shift: float = 0.0, seed: int = 0) -> list[Pair]:
    """Labels drawn from a known line through the logits."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, count)
    p = 1 / (1 + np.exp(-(scale * logits + shift)))
    return [(float(x), bool(y)) for x, y in zip(logits, rng.random(count) < p, strict=True)]


@pytest.mark.parametrize(
    ("count", "method"),
    [(9, "none"), (10, "temperature"), (99, "temperature"), (100, "platt"), (499, "platt"), (500, "isotonic")],
)
def test_the_number_of_labels_decides_what_is_fitted(count: int, method: str) -> None:
    """Prior weights as they are, then one number, then two, then steps."""
    found = fit(labelled(count))
    assert (found.method, found.labels) == (method, count)


def test_without_a_fit_a_logit_is_its_sigmoid() -> None:
    """What a profile without labels shows."""
    assert Calibration().apply(0.0) == 0.5
    assert Calibration().apply(math.log(3)) == pytest.approx(0.75)
    assert Calibration().apply(-1000.0) == 0.0


def test_a_temperature_takes_back_too_much_confidence() -> None:
    """Logits of +2 that are right 73 times in 100, like a logit of 1, are twice as large as they should be."""
    pairs = [(sign * 2.0, (sign > 0) == (place < 33)) for sign in (-1, 1) for place in range(45)]
    assert fit(pairs).scale == pytest.approx(0.5, abs=0.03)


def test_platt_finds_the_line_that_made_the_labels() -> None:
    """Slope and shift."""
    found = fit(labelled(499, scale=0.8, shift=-1.0))
    assert found.scale == pytest.approx(0.8, abs=0.2)
    assert found.shift == pytest.approx(-1.0, abs=0.3)


def test_isotonic_steps_follow_the_share_of_moments() -> None:
    """And stay near the curve that made the labels."""
    found = fit(labelled(5000, scale=0.7, shift=-0.5))
    for x in (-2.0, 0.0, 2.0):
        assert found.apply(x) == pytest.approx(1 / (1 + math.exp(-(0.7 * x - 0.5))), abs=0.07)


def test_pooling_by_hand() -> None:
    """Shares 0, then 1 and 0 that violate the order and become 1/2, then 1; each 125 times."""
    pairs = [(x, y) for x, y in ((0.0, False), (1.0, True), (2.0, False), (3.0, True)) for _ in range(125)]
    found = fit(pairs)
    assert [x for x, _ in found.knots] == [0.0, 1.5, 3.0]
    assert [p for _, p in found.knots] == pytest.approx([1 / 127, 0.5, 126 / 127])
    assert found.apply(0.75) == pytest.approx((1 / 127 + 0.5) / 2)


@pytest.mark.parametrize("count", [20, 60, 200, 600])
def test_labels_that_a_threshold_separates_give_no_certainty(count: int) -> None:
    """No infinite slope, no p of exactly 0 or 1 at the labels."""
    found = fit([(x, x > 0) for x in np.linspace(-3, 3, count).tolist()])
    assert 0.0 < found.apply(-3.0) < 0.2
    assert 0.8 < found.apply(3.0) < 1.0


@pytest.mark.parametrize("count", [20, 60, 200, 600])
def test_scores_that_point_the_wrong_way_say_nothing(count: int) -> None:
    """A falling line would call the best clips the worst."""
    found = fit([(-x, x > 0) for x in np.linspace(-3, 3, count).tolist()])
    assert found.apply(3.0) >= found.apply(-3.0)
    assert found.apply(1.0) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("pairs", [[], [(1.0, True)] * 300, [(0.5, False)] * 12])
def test_labels_of_one_kind_are_refused(pairs: list[Pair]) -> None:
    """Nothing can be told apart; the remedy says what is missing."""
    with pytest.raises(UsageError, match="Add sessions") as error:
        fit(pairs)
    assert error.value.code == "one_class"


def test_extreme_logits_do_no_harm() -> None:
    """Infinite and missing ones come from old journals at most."""
    found = fit([(math.inf, True), (-math.inf, False), (math.nan, True), *labelled(150)])
    assert found.labels == 152
    assert 0.0 <= found.apply(-math.inf) <= found.apply(math.inf) <= 1.0


def test_all_logits_alike_give_the_share_of_moments() -> None:
    """There is nothing else to say."""
    assert fit([(1.0, place % 4 == 0) for place in range(200)]).apply(1.0) == pytest.approx(0.25, abs=0.02)


@given(
    st.lists(st.tuples(st.floats(-40, 40), st.booleans()), min_size=12, max_size=60),
    st.integers(1, 12),
    st.lists(st.floats(-50, 50), min_size=2, max_size=8),
)
def test_a_higher_logit_never_has_a_lower_probability(pairs: list[Pair], times: int, at: list[float]) -> None:
    """Whatever was fitted to whatever labels; and a profile can carry it."""
    if len({y for _, y in pairs}) < 2:
        return
    found = fit(pairs * times)
    p = [found.apply(x) for x in sorted(at)]
    assert p == sorted(p)
    assert all(0.0 <= one <= 1.0 for one in p)
    assert Calibration.model_validate(found.model_dump(mode="json")) == found


def test_a_word_stands_for_a_probability_that_few_labels_back() -> None:
    """From 50 labels on the number is shown, with their count."""
    assert [wording(p) for p in (0.81, 0.8, 0.79, 0.6, 0.59)] == ["strong", "strong", "likely", "likely", "weak"]
    assert Calibration(labels=49, method="temperature").wording(0.9) == "strong"
    assert Calibration(labels=50, method="temperature").wording(0.9) == "p 0.90 (50 labels)"


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "isotonic"},
        {"method": "platt", "knots": [[0, 0.5]]},
        {"method": "isotonic", "knots": [[0, 0.5], [0, 0.6]]},
        {"method": "isotonic", "knots": [[0, 0.5], [1, 0.4]]},
        {"method": "isotonic", "knots": [[0, 0.0]]},
        {"method": "platt", "scale": -1},
        {"method": "platt", "shift": float("nan")},
        {"method": "magic"},
        {"slope": 1},
    ],
)
def test_a_profile_with_an_impossible_calibration_is_refused(wrong: dict[str, object]) -> None:
    """By its type."""
    with pytest.raises(ValidationError):
        Calibration.model_validate(wrong)
