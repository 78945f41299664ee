"""Figures as people read them."""

from __future__ import annotations

import pytest

from daemon.evaluation.metrics import figures
from daemon.evaluation.tables import LABELS, TARGETS, Target, figure_rows, number
from tests.unit.evaluation.made import moment, negative, run, said, truth

STREAM = run(
    truth(
        moment(600, 610, kind="roar", families=("audio", "chat")),
        moment(2400, 2410, kind="joke", families=("speech",), level="strong"),
        negatives=[negative(1000, 1001, "door_slam")],
        quiet=[(3000, 3600)],
    ),
    said(601, 2, p=0.9, confirmed_s=640, cuts_word=False),
    said(1002, 1, p=0.6),
)


def test_every_figure_is_shown_once() -> None:
    """None is computed and then forgotten, and none has no name."""
    found = figures([STREAM])
    labels = [row[0] for row in figure_rows(found, targets=False)]
    assert len(labels) == len(set(labels)) == len(found)


def test_figures_are_judged_where_the_design_has_a_target() -> None:
    """floor / good, and which of them is met."""
    rows = {row[0]: row[4:] for row in figure_rows(figures([STREAM]), targets=True)}
    assert rows[LABELS["recall_at.multi"]] == ["0.9 / 0.97", "good"]
    assert rows[LABELS["recall_at.single"]] == ["0.7 / 0.85", "missed"]
    assert rows[LABELS["negatives.per_100"]] == ["10 / 4", "missed"]
    assert rows[LABELS["ap.mean"]] == ["", ""]


def test_every_target_is_of_a_figure() -> None:
    """A typo would never be judged."""
    assert all(key in LABELS or key.rpartition(".p")[0] in LABELS for key in TARGETS)


@pytest.mark.parametrize(
    ("target", "value", "verdict"),
    [
        (Target(0.90, 0.97), 0.97, "good"),
        (Target(0.90, 0.97), 0.90, "floor"),
        (Target(0.90, 0.97), 0.89, "missed"),
        (Target(12, 6, lower=True), 6, "good"),
        (Target(12, 6, lower=True), 12.1, "missed"),
        (Target((0.6, 1.6), (0.8, 1.3)), 1.4, "floor"),
        (Target((0.6, 1.6), (0.8, 1.3)), 0.5, "missed"),
    ],
)
def test_bounds_belong_to_what_they_bound(target: Target, value: float, verdict: str) -> None:
    """Whether more or less is better."""
    assert target.verdict(value) == verdict


def test_numbers_have_the_digits_that_matter() -> None:
    """And nothing is not zero."""
    assert [number(x) for x in (None, 0.0, 3.0, 0.456, 12.34, 123.4)] == ["-", "0", "3", "0.46", "12.3", "123"]
