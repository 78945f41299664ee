"""The camera's path: holds, decisive moves, no unrest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.times import ns
from daemon.framing.camera import MAX_SPEED, STEP_NS, Axis, knots, path, reversals, steady
from daemon.framing.values import Box, Pane, Place

AXIS = Axis(slack=60, crop=400, picture=1280)
Floats = NDArray[np.float64]


def follow(targets: list[tuple[float, float]], end_s: float, axis: Axis = AXIS) -> Floats:
    """Middle of the crop, from (time in s, target) pairs."""
    times, values = zip(*targets, strict=True)
    grid = steady([ns(t) for t in times], values, 0, ns(end_s))
    return path(grid, axis) + axis.crop / 2


def test_a_head_that_nods_moves_nothing() -> None:
    """Within the dead zone the camera stands still."""
    nods = [(t / 5, 640 + 50 * (-1) ** t) for t in range(50)]
    assert np.ptp(follow(nods, 10)) == 0


def test_an_excursion_shorter_than_the_confirmation_moves_nothing() -> None:
    """A single wrong face far away, or a lean of 0.2 s."""
    targets = [(t / 5, 640.0 if t != 25 else 1100.0) for t in range(50)]
    assert np.ptp(follow(targets, 10)) < 1


def test_a_move_to_another_place_is_one_move_below_the_speed_limit() -> None:
    targets = [(t / 5, 300.0 if t < 25 else 900.0) for t in range(50)]
    middle = follow(targets, 10)
    assert middle[0] == pytest.approx(300, abs=AXIS.slack)
    assert middle[-1] == pytest.approx(900, abs=AXIS.slack)
    assert np.all(np.diff(middle) >= -1e-9)  # never back
    speed = np.abs(np.diff(middle)).max() / (STEP_NS / 1e9)
    assert speed <= MAX_SPEED * AXIS.crop * 1.05


def test_someone_who_walks_across_is_followed_without_stops() -> None:
    """Six seconds of walking: the camera never turns, and keeps the walker within the dead zone and a little."""
    targets = [(t / 5, 250 + 26.0 * t) for t in range(30)]
    middle = follow(targets, 5.8)
    assert reversals(middle.tolist(), 1.0) == 0
    inner = middle[20:-20]
    assert np.all(np.diff(inner) > 0)
    times, places = (np.array(values) for values in zip(*targets, strict=True))
    wanted = np.interp(np.arange(len(middle)) * STEP_NS / 1e9, times, places)
    assert np.abs(middle - wanted).max() < AXIS.slack + 40


def test_the_picture_ends_where_it_ends() -> None:
    """A face at the very edge: the crop touches it and no more; a crop as large as the picture never moves."""
    edge = path(steady([0], [10.0], 0, ns(2)), AXIS)
    assert np.all(edge == 0)
    whole = path(steady([0, ns(1)], [10.0, 900.0], 0, ns(2)), Axis(slack=9, crop=1280, picture=1280))
    assert np.all(whole == 0)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1280), min_size=2, max_size=60))
def test_any_target_gives_a_calm_path_inside_the_picture(targets: list[float]) -> None:
    """However wild the faces: inside, at a bounded speed, and with no more turns than the target's own."""
    times = [ns(number / 4) for number in range(len(targets))]
    grid = steady(times, targets, 0, times[-1])
    edges = path(grid, AXIS)
    assert np.all((edges >= 0) & (edges <= AXIS.picture - AXIS.crop))
    assert reversals(edges.tolist(), 4.0) <= reversals(grid.tolist(), 2.0)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 800), min_size=3, max_size=200))
def test_few_knots_draw_the_same_path(values: list[float]) -> None:
    """Straight lines between the knots stay within 0.4 px of the path."""
    xs = np.array(values)
    made = knots(xs, np.zeros(len(xs)), 0, (400, 700))
    pane = Pane(Place(0, 0, 400, 700), made)
    assert all(abs(pane.at(number * STEP_NS).x - x) <= 0.4 for number, x in enumerate(values))
    assert pane.at(0) == Box(made[0].x, 0, 400, 700)


def test_turns_are_counted_beyond_what_nobody_sees() -> None:
    assert reversals([0, 10, 20, 30], 2) == 0
    assert reversals([0, 10, 9, 10, 20], 2) == 0
    assert reversals([0, 10, 0, 10], 2) == 2
    assert reversals([], 2) == 0
