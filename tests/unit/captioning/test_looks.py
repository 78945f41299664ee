"""How captions look, by the structure of frames: where ink is, how many lines, which colours, what contrast."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.captioning import FontBook, Stage, styles
from tests.unit.captioning.drawing import Picture, captioned, ink, lines_of, of_colour, pictures, said

SENTENCE: Final = "Nobody saw that extraordinary comeback, not even me"
AT_S: Final = 1.0  # while "that" is being said
SIZES: Final = {"9:16": (540, 960), "4:5": (576, 720), "1:1": (640, 640), "16:9": (960, 540)}
READABLE: Final = 4.5  # WCAG 2.2, 1.4.3


@pytest.fixture(scope="module")
def book() -> FontBook:
    return FontBook()


def _rows(seen: NDArray[np.bool_]) -> int:
    """Lines of text: runs of rows with ink that are higher than an accent."""
    rows = np.flatnonzero(np.diff(np.concatenate(([False], seen.any(axis=1), [False])).astype(int)))
    return sum(end - start > 8 for start, end in zip(rows[::2], rows[1::2], strict=True))


@pytest.mark.parametrize("size", SIZES)
def test_all_styles_stay_inside_the_safe_area_in_two_lines(size: str, book: FontBook, tmp_path: Path) -> None:
    """With margins as large as a platform's buttons; also with words that are too long for a line."""
    width, height = SIZES[size]
    stage = Stage(width=width, height=height, left=40, top=60, right=90, bottom=150)
    words = said(SENTENCE + " Donaudampfschifffahrtsgesellschaftskapitän supercalifragilistic", word_s=0.4)
    made = [captioned(words, stage, book, style=style) for style in styles()]
    drawn = pictures(tmp_path, stage, [(one, t_s) for one in made for t_s in (AT_S, 3.4, 3.8)])
    assert len(drawn) == 3 * len(made)
    for frame in drawn:
        seen = ink(frame)
        assert seen.any()
        rows, columns = np.nonzero(seen.any(axis=1))[0], np.nonzero(seen.any(axis=0))[0]
        assert rows[0] >= stage.top
        assert rows[-1] < stage.height - stage.bottom
        assert columns[0] >= stage.left
        assert columns[-1] < stage.width - stage.right
        assert _rows(seen) <= 2


@pytest.mark.parametrize("position", ["top", "middle", "bottom"])
def test_captions_stand_where_they_are_told_to(position: str, book: FontBook, tmp_path: Path) -> None:
    stage = Stage.plain(540, 960)
    made = captioned(said(SENTENCE), stage, book, style="plain", position=position)
    [frame] = pictures(tmp_path, stage, [(made, AT_S)])
    rows = np.nonzero(ink(frame).any(axis=1))[0]
    middle = (rows[0] + rows[-1]) / 2 / stage.height
    assert middle == pytest.approx({"top": 0.1, "middle": 0.5, "bottom": 0.9}[position], abs=0.05)


def test_each_style_has_its_own_looks(book: FontBook, tmp_path: Path) -> None:
    """Said so far: two words and a half. What differs is which words are seen, and in which colour."""
    stage = Stage.plain(540, 960)
    names = list(styles())
    drawn = pictures(tmp_path, stage, [(captioned(said(SENTENCE), stage, book, style=name), AT_S) for name in names])
    share = {name: _shares(name, frame) for name, frame in zip(names, drawn, strict=True)}
    assert share["plain"]["active"] == 0
    assert all(0 < share[name]["active"] < share[name]["base"] for name in ("highlight_word", "pop_in", "bounce"))
    assert share["karaoke"]["active"] > share["highlight_word"]["active"]  # all that was sung stays so
    assert share["karaoke"]["base"] > 0
    assert share["boxed_word"]["box"] > 0.002
    assert share["typewriter"]["box"] > 0.03
    assert share["typewriter"]["base"] < share["plain"]["base"]  # not all is typed yet


def _shares(name: str, frame: Picture) -> dict[str, float]:
    style = styles()[name]
    active = of_colour(frame, style.active.colour) if style.active and style.active.colour != style.colour else None
    box = np.zeros(1, bool)
    if style.box is not None:
        behind = [round(128 + (int(style.box.colour[at : at + 2], 16) - 128) * style.box.alpha) for at in (0, 2, 4)]
        box = of_colour(frame, "".join(f"{value:02X}" for value in behind), 12)
    return {
        "base": float(of_colour(frame, style.colour).mean()),
        "active": 0.0 if active is None else float(active.mean()),
        "box": float(box.mean()),
    }


@pytest.mark.parametrize("behind", ["color=0xFFFFFF", "color=0x000000", "testsrc2"])
def test_letters_can_be_read_on_bright_dark_and_busy_pictures(behind: str, book: FontBook, tmp_path: Path) -> None:
    """Measured on pixels: a letter's edge against what lies two and three pixels outside, by WCAG's contrast ratio."""
    stage = Stage.plain(720, 720)
    made = [captioned(said(SENTENCE), stage, book, style=style) for style in styles()]
    measured: set[str] = set()
    for (name, style), frame in zip(
        styles().items(), pictures(tmp_path, stage, [(one, AT_S) for one in made], behind), strict=True
    ):
        lettered = np.zeros(frame.shape[:2], bool)
        for line in lines_of(made[list(styles()).index(name)]):
            if line.start_s <= AT_S < line.end_s:  # the busy picture has letters' colours of its own elsewhere
                x, y = (round(value) for value in line.place)
                lettered[y - 12 : y + 16, x - 30 : x + 30] = True
        for colour in {style.colour, *([style.active.colour] if style.active else [])}:
            letters = of_colour(frame, colour, 6) & lettered
            if letters.any():
                measured.add(name)
                ratio = _contrast(frame, letters)
                assert ratio >= READABLE, f"{name}: {colour} has {ratio:.1f}:1 on {behind}"
    assert measured == set(styles())


def _contrast(frame: Picture, letters: NDArray[np.bool_]) -> float:
    """Median luminance of the letters against that of the ring around them."""
    rows = np.flatnonzero(letters.any(axis=1))
    near = slice(max(0, rows[0] - 8), rows[-1] + 8)  # the rest of the picture has nothing to say
    frame, letters = frame[near], letters[near]
    ring = _grown(letters, 3) & ~_grown(letters, 1)
    linear = np.where(frame <= 10, frame / 255 / 12.92, ((frame / 255 + 0.055) / 1.055) ** 2.4)
    luminance: NDArray[np.float64] = linear @ np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted((float(np.median(luminance[letters])), float(np.median(luminance[ring]))))
    return (high + 0.05) / (low + 0.05)


def _grown(seen: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    grown = seen.copy()
    for down in range(-by, by + 1):
        for across in range(-by, by + 1):
            grown |= np.roll(seen, (down, across), (0, 1))
    return grown


def test_words_of_a_line_do_not_touch(book: FontBook, tmp_path: Path) -> None:
    """Between any two words there is a column without letters, also beside the larger one that is being said."""
    stage = Stage.plain(960, 540)
    made = captioned(said("wow mum AVA won Tom"), stage, book, style="highlight_word")
    [frame] = pictures(tmp_path, stage, [(made, 0.5)])
    letters = np.any(of_colour(frame, "FFFFFF", 60) | of_colour(frame, "FFE600", 60), axis=0)
    at = sorted({line.x for line in lines_of(made) if line.start_s <= 0.5 < line.end_s})
    assert len(at) >= 2
    for left, right in pairwise(at):
        assert not np.all(letters[round(left) : round(right)])
