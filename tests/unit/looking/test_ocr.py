"""Text off crops: bounded, cleaned, and never an exception."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from configs.hud import HudOptions
from core.errors import UsageError
from daemon.looking import ocr
from daemon.looking.ocr import BoundedReader, open_text
from detectors.hud.frames import Picture, TextReader
from detectors.hud.phrases import LINE_LENGTH
from tests.needs import require_extra

CORNERS = np.array([[10, 4], [30, 4], [30, 12], [10, 12]], np.float32)


def reader_of(*texts: str, score: float = 0.9) -> BoundedReader:
    return BoundedReader(lambda: lambda _crop: [ocr._Read(CORNERS, text, score) for text in texts])


def written(*lines: str) -> Picture:
    """White letters of about 14 px on a dark ground, as a kill feed has them."""
    crop = np.full((30 * len(lines) + 10, 360, 3), 40, np.uint8)
    for n, line in enumerate(lines):
        cv2.putText(crop, line, (8, 28 + 30 * n), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (240, 240, 240), 1, cv2.LINE_AA)
    return crop


def read_well(reader: TextReader) -> None:
    """Two lines in two crops, each where it stands."""
    one, two = reader.read([written("Anderson"), written("Plissken", "Clipper77")])
    assert [line.text for line in one] == ["Anderson"]
    assert [line.text for line in sorted(two, key=lambda line: line.y)] == ["Plissken", "Clipper77"]
    low, high = sorted(line.y for line in two)
    assert abs(low - 22) <= 8
    assert abs(high - 52) <= 8


def test_rapidocr_reads() -> None:
    """With the models that lie in its wheel."""
    read_well(open_text(HudOptions()))


def test_easyocr_reads_where_it_is_installed() -> None:
    """With the models that the settings name."""
    require_extra("easyocr", "easyocr", "easyocr_en_models")
    import easyocr_en_models  # type: ignore[import-not-found]  # noqa: PLC0415 - no lock file has it

    folder = Path(easyocr_en_models.__file__).parent / "models"
    read_well(open_text(HudOptions(reader="easyocr", easyocr_models=str(folder))))


def test_easyocr_without_its_extra_or_its_models_says_so(tmp_path: Path) -> None:
    """Before a stream begins, with what to do."""
    with pytest.raises(UsageError, match=r"clipd\[easyocr\]|easyocr_models"):
        open_text(HudOptions(reader="easyocr", easyocr_models=str(tmp_path)))


def test_what_is_read_is_cleaned_and_bounded() -> None:
    """Control characters, line breaks and megabytes come off screens too."""
    [lines] = reader_of("a\x1b[31m b\n\u202ec", "x" * 10_000, " \t ").read([written("")])
    assert [line.text for line in lines] == ["a [31m b c", "x" * LINE_LENGTH]
    assert all(line.text.isprintable() for line in lines)


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_scores_that_are_none_are_no_lines(score: float) -> None:
    """A model may say anything."""
    assert reader_of("a", score=score).read([written("")]) == [[]]


def test_an_engine_that_fails_reads_nothing() -> None:
    """Nor does one that cannot be opened; it is counted."""

    def broken() -> ocr._Engine:
        raise RuntimeError("no model")

    reader = BoundedReader(broken)
    assert reader.read([written("a"), written("b")]) == [[], []]
    assert reader.errors > 0


@pytest.mark.parametrize("shape", [(0, 0, 3), (1, 400, 3), (40, 40), (40, 40, 4)])
def test_crops_that_are_none_are_not_read(shape: tuple[int, ...]) -> None:
    """A region at the picture's edge may be empty."""
    reader = reader_of("a")
    assert reader.read([np.zeros(shape, np.uint8)]) == [[]]
    assert reader.reads == 0


def test_a_large_crop_is_made_smaller_and_places_stay_the_crops_own() -> None:
    """A region of a whole 4K picture takes no longer than a small one."""
    seen: list[tuple[int, ...]] = []

    def engine(crop: Picture) -> list[ocr._Read]:
        seen.append(crop.shape)
        return [ocr._Read(np.array([[0, 0], crop.shape[1::-1]], np.float32), "whole", 0.9)]

    [[line]] = BoundedReader(lambda: engine).read([np.zeros((2160, 3840, 3), np.uint8)])
    assert seen[0][0] * seen[0][1] <= 1.01 * ocr.MAX_PIXELS
    assert abs(line.x - 1920) <= 20
    assert abs(line.y - 1080) <= 12


def test_a_call_reads_so_many_crops_and_no_more() -> None:
    """A HUD with too many rows costs a bounded time a look."""
    reader = reader_of("a")
    found = reader.read([written("")] * 100)
    assert len(found) == 100
    assert sum(bool(lines) for lines in found) == ocr.MAX_CROPS
