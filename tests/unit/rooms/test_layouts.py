"""Who is seen where and when, from who speaks: with hysteresis, without gaps, within the canvas."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.rooms.cover import Piece, arranged, missing
from daemon.rooms.layouts import HEIGHT, WIDTH, Box, Cell, cells, grid_boxes
from daemon.rooms.speaking import speakers, spoken_ms
from recorder.align import RATE

PEOPLE = ("p1", "p2", "p3")
TURNS = [("p1", (0.0, 4000.0)), ("p2", (4000.0, 10_000.0))]


def voice(*spoken_s: tuple[float, float], level: float = 0.2, length_s: float = 20) -> NDArray[np.float32]:
    """Noise as loud as speech, over the noise of a room."""
    random = np.random.default_rng(3)
    sound = random.normal(0, 0.001, round(length_s * RATE)).astype(np.float32)
    for low, high in spoken_s:
        sound[round(low * RATE) : round(high * RATE)] *= level / 0.001
    return sound


def placed(layout: str, screens: dict[str, list[tuple[float, float]]] | None = None) -> list[Cell]:
    return cells(
        layout,  # type: ignore[arg-type]
        10_000,
        people=PEOPLE,
        turns=TURNS,
        spoken_ms={"p1": 4000, "p2": 6000, "p3": 10},
        screens=screens or {},
    )


def test_the_picture_follows_the_speaker_and_not_a_cough() -> None:
    """It changes about when the other begins, stays at least 2 s, and not for half a second of noise."""
    heard = {"p1": voice((0.5, 8), (8.6, 9)), "p2": voice((9.5, 16)), "p3": voice((4, 4.3), level=0.5)}
    turns = speakers(heard)
    assert [pid for pid, _ in turns] == ["p1", "p2"]
    assert turns[1][1][0] == pytest.approx(9500, abs=400)
    assert (turns[0][1][0], turns[-1][1][1]) == (0, 20_000)


def test_nobody_speaks_and_the_first_is_seen() -> None:
    """A picture is always chosen; of nobody there is none."""
    assert speakers({"p1": voice(), "p2": voice()}) == [("p1", (0, 20_000))]
    assert speakers({}) == []
    assert spoken_ms({"p1": voice((1, 5)), "p2": voice()})["p1"] == pytest.approx(4000, abs=600)


def test_two_who_talk_at_once_do_not_make_the_picture_flicker() -> None:
    """Taking turns every 300 ms, the picture stays for 2 s at least."""
    words = [(0.6 * turn, 0.6 * turn + 0.3) for turn in range(33)]
    others = [(0.6 * turn + 0.3, 0.6 * turn + 0.6) for turn in range(33)]
    turns = speakers({"p1": voice(*words), "p2": voice(*others)})
    assert all(high - low >= 2000 for _, (low, high) in turns[:-1])


@pytest.mark.parametrize("count", range(1, 7))
def test_a_grid_fills_the_canvas_without_overlap(count: int) -> None:
    """Boxes are even, inside, and apart."""
    boxes = grid_boxes(count)
    assert len(boxes) == count
    for box in boxes:
        assert box.x >= 0 <= box.y
        assert box.x + box.w <= WIDTH
        assert box.y + box.h <= HEIGHT
        assert {box.x % 2, box.w % 2, box.h % 2} == {0}
    for one, other in combinations(boxes, 2):
        assert not _overlap(one, other)


def test_each_layout_shows_whom_it_says() -> None:
    """Grid everybody; split the two who speak most; speaker one after the other; screen+speaker both, side by side."""
    assert [cell.pid for cell in placed("grid")] == ["p1", "p2", "p3"]
    assert [cell.pid for cell in placed("split")] == ["p1", "p2"]
    assert [(cell.pid, cell.shown) for cell in placed("speaker")] == [(pid, (span,)) for pid, span in TURNS]
    shared = placed("screen+speaker", {"p3": [(3000.0, 6000.0)]})
    [screen] = [cell for cell in shared if cell.track == "screen"]
    assert (screen.pid, screen.fit, screen.shown) == ("p3", "contain", ((3000.0, 6000.0),))
    beside = [cell for cell in shared if cell.box.w < WIDTH and cell.track == "cam"]
    assert all(not _overlap(cell.box, screen.box) for cell in beside)
    seen = [span for cell in shared if cell.track == "cam" for span in cell.shown]
    assert not missing((0.0, 10_000.0), seen)


def test_a_local_file_goes_before_a_backup_and_fills_no_more_than_it_has() -> None:
    """What is left of the span is the backup's; a sliver is nobody's."""
    local = piece(2000, 5000, "local")
    found = arranged([local, piece(0, 5100, "backup")], (0, 8000))
    assert [(one.from_ms, one.to_ms, one.origin) for one in found] == [(0, 2000, "backup"), (2000, 5000, "local")]
    assert missing((0, 8000), [(one.from_ms, one.to_ms) for one in found]) == [(5000, 8000)]


def piece(from_ms: float, to_ms: float, origin: str) -> Piece:
    return Piece(from_ms=from_ms, to_ms=to_ms, path=None, demuxer="mov", origin=origin)  # type: ignore[arg-type]


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.w and other.x < one.x + one.w and one.y < other.y + other.h and other.y < one.y + one.h
    )
