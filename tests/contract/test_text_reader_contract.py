"""What every reader of text does, the fake of the unit tests too: a HUD's reader trusts it that far."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from configs.hud import HudOptions
from daemon.looking.ocr import open_text
from detectors.hud.frames import Picture, TextReader
from tests.hud_scenes import PANEL, WHITE, SpellingReader, scenery, word

NAMES = ["Clipper", "Conan", "Plissken"]


class Case(NamedTuple):
    """A reader, and how a name is written for it."""

    reader: TextReader
    write: Callable[[str], Picture]


def _typed(name: str) -> Picture:
    picture = np.full((30, 20 + 18 * len(name), 3), PANEL, np.uint8)
    cv2.putText(picture, name, (6, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.8, WHITE, 2, cv2.LINE_AA)
    return picture


@pytest.fixture(scope="module", params=["fake", "rapidocr"])
def case(request: pytest.FixtureRequest) -> Case:
    return Case(SpellingReader(NAMES), word) if request.param == "fake" else Case(open_text(HudOptions()), _typed)


def row(case: Case, *names: str) -> Picture:
    """Names side by side on a dark row."""
    picture = np.full((40, 460, 3), PANEL, np.uint8)
    for i, name in enumerate(names):
        part = case.write(name)
        picture[4 : 4 + part.shape[0], 10 + 220 * i : 10 + 220 * i + part.shape[1]] = part
    return picture


def test_there_is_one_list_a_crop_in_their_order(case: Case) -> None:
    read = case.reader.read([row(case, name) for name in NAMES])
    assert [[line.text.lower() for line in lines] for lines in read] == [[name.lower()] for name in NAMES]


def test_lines_have_places_and_scores(case: Case) -> None:
    [lines] = case.reader.read([row(case, "Conan", "Clipper")])
    assert [line.text.lower() for line in sorted(lines, key=lambda line: line.x)] == ["conan", "clipper"]
    assert all(0 <= line.x <= 460 and 0 <= line.y <= 40 and 0 < line.score <= 1 for line in lines)


def test_where_nothing_is_written_nothing_is_read(case: Case) -> None:
    assert case.reader.read([np.full((40, 300, 3), PANEL, np.uint8)]) == [[]]
    assert case.reader.read([]) == []


@pytest.mark.parametrize("size", [(2, 2), (2, 400), (400, 2), (1, 1), (40, 3000)])
def test_no_crop_makes_it_raise(case: Case, size: tuple[int, int]) -> None:
    crop = np.resize(scenery(1, 400), (*size, 3)).astype(np.uint8)
    assert len(case.reader.read([crop, crop])) == 2


def test_what_is_read_is_bounded_and_has_no_control_characters(case: Case) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (60, 400, 3)).astype(np.uint8)
    for lines in case.reader.read([noise, row(case, *NAMES[:2])]):
        assert len(lines) <= 64
        assert all(line.text.isprintable() and len(line.text) <= 120 for line in lines)
