"""Marks are found by shape and colour, regions in any picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.hud.frames import Picture
from detectors.hud.match import Hit, find, stays, template
from detectors.hud.model import Gate, Hud, Mark, Region
from detectors.hud.places import region_box
from detectors.hud.prints import alike, fingerprint, nothing, shape, strokes
from detectors.hud.rows import pair
from detectors.hud.view import View, in_colours
from tests.hud_scenes import TREE, medal, rgba, scenery, skull

GOLD = Gate.model_validate({"colours": [{"hue": (35, 55), "saturation": (0.5, 1)}], "share": (0.05, 0.6)})


def view(*places: tuple[int, int], icon: Picture | None = None, seed: int = 1) -> View:
    """Scenery with an icon at some places."""
    picture = scenery(seed, 400)[:200, :300].copy()
    icon = medal(2) if icon is None else icon
    for x, y in places:
        picture[y : y + icon.shape[0], x : x + icon.shape[1]] = icon
    return View(picture, 1.0)


def wanted(gate: Gate | None = None, threshold: float = 0.75) -> Mark:
    return Mark(file="m.png", threshold=threshold, gate=gate)


@settings(max_examples=30)
@given(x=st.integers(0, 252), y=st.integers(0, 152))
def test_a_mark_is_found_where_it_is(x: int, y: int) -> None:
    [hit] = find(view((x, y)), template("m", wanted(GOLD), rgba(medal(2))))
    assert (hit.x, hit.y) == (x, y)
    assert hit.score > 0.99


def test_several_are_found_each_once_best_first() -> None:
    hits = find(view((10, 10), (100, 20), (200, 140)), template("m", wanted(), rgba(medal(2))), most=5)
    assert {(hit.x, hit.y) for hit in hits} == {(10, 10), (100, 20), (200, 140)}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@pytest.mark.parametrize("seed", range(4))
def test_scenery_alone_is_no_mark(seed: int) -> None:
    for icon in (medal(2), skull()):
        assert not find(view(seed=seed), template("m", wanted(), rgba(icon)))


def test_brightness_and_contrast_do_not_count() -> None:
    dim = View((view((50, 60)).rgb * 0.3 + 20).astype(np.uint8), 1.0)
    [hit] = find(dim, template("m", wanted(), rgba(medal(2))))
    assert (hit.x, hit.y) == (50, 60)


def test_what_is_transparent_does_not_count() -> None:
    ring = rgba(medal(2))
    far = np.hypot(*np.mgrid[-24:24, -24:24]) > 22
    ring[far, 3] = 0
    looks = view((100, 50))
    patch = looks.rgb[50:98, 100:148]
    patch[far] = scenery(5, 400)[:48, :48][far]
    [hit] = find(looks, template("m", wanted(threshold=0.9), ring))
    assert (hit.x, hit.y) == (100, 50)
    assert not find(View(looks.rgb.copy(), 1.0), template("m", wanted(threshold=0.95), rgba(medal(2))))


def test_a_figure_of_one_colour_is_known_by_its_outline() -> None:
    figure = np.zeros((40, 40, 4), np.uint8)
    figure[4:20, 4:36] = (60, 180, 160, 255)
    figure[28:34, 4:36] = (240, 240, 240, 255)
    one = template("m", wanted(), figure)
    looks = view()
    looks.rgb[60:100, 80:120][figure[..., 3] > 0] = figure[figure[..., 3] > 0][:, :3]
    [hit] = find(looks, one)
    assert (hit.x, hit.y) == (80, 60)
    wall = np.full((200, 300, 3), (60, 180, 160), np.uint8)
    wall[120:] = (240, 240, 240)
    assert not find(View(wall, 1.0), one)  # dark above and bright below, as the figure is


def test_the_gate_asks_for_the_colours_under_the_mark() -> None:
    grey = np.repeat(medal(2).mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    looks = view((50, 60), icon=grey)
    assert find(looks, template("m", wanted(), rgba(medal(2))))
    assert not find(looks, template("m", wanted(GOLD), rgba(medal(2))))
    assert stays(looks, template("m", wanted(GOLD), rgba(medal(2))), Hit(1.0, 51, 59))  # the shape is there still


def test_a_mark_larger_than_the_view_is_not_there() -> None:
    small = View(scenery(1, 400)[:20, :20].copy(), 1.0)
    assert not find(small, template("m", wanted(), rgba(medal(2))))


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_picture_has_no_marks(value: int) -> None:
    flat = View(np.full((200, 300, 3), value, np.uint8), 1.0)
    for gate in (None, GOLD):
        assert not find(flat, template("m", wanted(gate), rgba(medal(2))))
    assert flat.blind == (value == 255)


@pytest.mark.parametrize(
    ("hue", "rgb", "inside"),
    [
        ((340, 20), (255, 0, 0), True),
        ((340, 20), (255, 0, 80), True),
        ((340, 20), (0, 255, 0), False),
        ((100, 140), (0, 255, 0), True),
        ((0, 360), (7, 7, 7), True),
        ((220, 260), (0, 0, 255), True),
    ],
)
def test_hues_are_degrees_and_may_cross_zero(hue: tuple[int, int], rgb: tuple[int, int, int], inside: bool) -> None:
    gate = Gate.model_validate({"colours": [{"hue": hue}]})
    pixel = View(np.full((4, 4, 3), rgb, np.uint8), 1.0)
    assert bool(pixel.coloured(gate).all()) is inside
    assert not in_colours(np.zeros((2, 2, 3), np.uint8), ()).any()


def test_prints_know_the_same_writing_over_other_scenery() -> None:
    masks = [np.zeros((26, 200), np.uint8) for _ in range(2)]
    rng = np.random.default_rng(3)
    for mask in masks:
        mask[6:20, 40:160] = 255 * np.kron(rng.integers(0, 2, (7, 60)), np.ones((2, 2))).astype(np.uint8)
    grounds = [scenery(seed, 400)[:26, :200].mean(axis=2) / 3 for seed in (1, 2)]
    one, moved, other = (
        fingerprint(strokes(np.maximum(ground, mask).astype(np.uint8)))
        for ground, mask in [
            (grounds[0], masks[0]),
            (grounds[1], np.roll(masks[0], (1, 2), (0, 1))),
            (grounds[0], masks[1]),
        ]
    )
    assert alike(one, moved) > 0.8
    assert alike(one, other) < 0.5
    assert alike(one, nothing()) == 0.0
    blank = np.zeros((26, 200), np.uint8)
    assert alike(fingerprint(shape(masks[0])), fingerprint(shape(blank))) == 0.0


@settings(max_examples=30)
@given(gone=st.sets(st.integers(0, 5)), new=st.integers(0, 2))
def test_rows_keep_their_order(gone: set[int], new: int) -> None:
    rng = np.random.default_rng(7)
    looks = [(fingerprint(shape((255 * rng.integers(0, 2, (24, 120))).astype(np.uint8))),) for _ in range(9)]
    kept = [i for i in range(6) if i not in gone]
    rows = [_Row(looks[i]) for i in [*kept, *range(6, 6 + new)]]
    assert [(i, j) for i, j, _ in pair(looks[:6], rows)] == [(i, j) for j, i in enumerate(kept)]  # type: ignore[arg-type]


class _Row:
    def __init__(self, looks: object) -> None:
        self.looks = looks


ANCHORS = ["top-left", "top", "top-right", "left", "centre", "right", "bottom-left", "bottom", "bottom-right"]


@given(
    anchor=st.sampled_from(ANCHORS),
    x=st.floats(-4, 4),
    y=st.floats(-4, 4),
    w=st.floats(0.001, 4),
    h=st.floats(0.001, 1),
    width=st.integers(2, 8192),
    height=st.integers(2, 8192),
)
def test_a_box_always_lies_in_the_picture(
    anchor: str, x: float, y: float, w: float, h: float, width: int, height: int
) -> None:
    hud = Hud.model_validate(TREE)
    region = Region.model_validate({"anchor": anchor, "x": x, "y": y, "w": w, "h": h})
    box = region_box(hud, region, width, height)
    assert all(side % 2 == 0 for side in box)
    assert box.w >= 2
    assert box.h >= 2
    assert 0 <= box.x <= width - box.w
    assert 0 <= box.y <= height - box.h


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1440, 1080), (2560, 1080)])
def test_a_region_hangs_on_its_corner_at_any_aspect(width: int, height: int) -> None:
    hud = Hud.model_validate(TREE)
    box = region_box(hud, hud.regions["feed"], width, height)
    assert (width - box.x - box.w, box.y, box.w, box.h) == (10, 54, 540, 270)


def test_a_game_may_fill_a_part_of_the_picture() -> None:
    hud = Hud.model_validate({**TREE, "screen": {"x": 0.25, "y": 0.0, "w": 0.75, "h": 0.75}})
    box = region_box(hud, Region(anchor="bottom-left", w=0.2, h=0.1), 1920, 1080)
    assert box == (480, 728, 162, 82)  # 162 by 81 above line 810, to even numbers
