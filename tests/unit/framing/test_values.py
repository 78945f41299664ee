"""Framings, observations and rules as values: checked when they are made, the same after JSON."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import UsageError
from core.times import ns
from daemon.framing import Canvas, Framing, LayoutRule, Observations, plan_framing
from daemon.framing.values import Box
from tests.unit.framing.seen import face, seen

TALL = Canvas(1080, 1920)


def a_framing() -> Framing:
    walk = [(t / 4, [face(200 + 35 * t)]) for t in range(24)]
    return plan_framing(seen(walk, cuts=(2.0,)), TALL, LayoutRule())


def test_a_framing_and_what_was_seen_survive_json() -> None:
    framing, observed = a_framing(), seen([(0, [face(300), face(900, mouth=2.5)])], cuts=(1.0,))
    assert Framing.from_json(json.loads(json.dumps(framing.to_json()))) == framing
    assert Observations.from_json(json.loads(json.dumps(observed.to_json()))) == observed


def test_the_same_observations_give_the_same_framing_for_any_canvas_without_looking_again() -> None:
    """Re-rendering in another shape reads the recipe, not the video."""
    observed = seen([(t / 4, [face(200 + 35 * t)]) for t in range(24)])
    again = Observations.from_json(json.loads(json.dumps(observed.to_json())))
    for canvas in (TALL, Canvas(1080, 1080), Canvas(1080, 1350), Canvas(1920, 1080)):
        assert plan_framing(again, canvas, LayoutRule()) == plan_framing(observed, canvas, LayoutRule())


WRONG: list[tuple[tuple[str | int, ...], Any]] = [
    (("schema",), 9),
    (("source_size",), [1280]),
    (("source_size",), [1281, 720]),
    (("canvas", "width"), 1081),
    (("canvas", "width"), 10**9),
    (("scenes",), []),
    (("scenes", 0, "start_ns"), 5),
    (("scenes", 0, "layout"), "sideways"),
    (("scenes", 0, "panes"), []),
    (("scenes", 0, "panes", 0, "knots"), []),
    (("scenes", 0, "panes", 0, "knots", 0, 1), float("nan")),
    (("scenes", 0, "panes", 0, "knots", 0, 1), 5000),
    (("scenes", 0, "panes", 0, "knots", 0, 3), "404"),
    (("scenes", 0, "panes", 0, "place"), [0, 0, 1080, 1922]),
]


@pytest.mark.parametrize(("where", "value"), WRONG)
def test_a_recipe_that_was_tampered_with_is_refused(where: tuple[str | int, ...], value: object) -> None:
    """clip.json may come from anywhere; nothing of it reaches ffmpeg unchecked."""
    document = json.loads(json.dumps(a_framing().to_json()))
    spoilt: Any = copy.deepcopy(document)
    part = spoilt
    for key in where[:-1]:
        part = part[key]
    part[where[-1]] = value
    if value == "404":  # a number in quotes is that number: another size than its neighbours have
        spoilt["scenes"][0]["panes"][0]["knots"][0][3] = "12"
    with pytest.raises(UsageError):
        Framing.from_json(spoilt)


@settings(deadline=None, max_examples=12)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_no_json_breaks_the_reading(value: Any) -> None:
    document = {**a_framing().to_json(), "scenes": value}
    with pytest.raises(UsageError):
        Framing.from_json(document)


def test_a_rule_is_checked() -> None:
    rule = LayoutRule.from_mapping({"layout": "game_facecam", "facecam": [0.75, 0.7, 0.25, 0.3]})
    assert rule.facecam == Box(0.75, 0.7, 0.25, 0.3)
    assert LayoutRule.from_mapping(rule.to_json()) == rule
    for wrong in (
        {"layout": "upside_down"},
        {"facecam": [0.9, 0.7, 0.25, 0.3]},
        {"facecam": [0.1, 0.1, 0.01, 0.3]},
        {"facecam": [0.1, "x", 0.2, 0.3]},
        {"facecam": [float("nan"), 0.1, 0.2, 0.3]},
        {"max_zoom": 9},
        {"zoom": 2},
    ):
        with pytest.raises(UsageError):
            LayoutRule.from_mapping(wrong)


def test_observations_are_checked() -> None:
    document = seen([(0, [face(300)])], cuts=(1.0,)).to_json()
    for key, value in (("cuts_ns", [ns(2), ns(1)]), ("rate", "1/0"), ("size", [0, 0]), ("length_ns", 0)):
        with pytest.raises(UsageError):
            Observations.from_json({**document, key: value})
