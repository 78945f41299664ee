"""Who stands where in the picture, and when: speaker, split, grid, screen+speaker. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from core.spec import RoomLayout
from daemon.rooms.cover import Span, clipped, missing

WIDTH: Final = 1280
HEIGHT: Final = 720
FPS: Final = 30
MOST: Final = 6  # in a grid
Fit = Literal["cover", "contain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Pixels of the canvas."""

    x: int
    y: int
    w: int
    h: int


FULL: Final = Box(x=0, y=0, w=WIDTH, h=HEIGHT)
SCREEN: Final = Box(x=0, y=0, w=960, h=HEIGHT)
BESIDE: Final = Box(x=968, y=240, w=304, h=240)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One picture of the layout, and when it is seen; times count from the span's begin. Of a `cam` that has no
    picture a card with its person's name is seen."""

    pid: str
    track: Literal["cam", "screen"]
    box: Box
    shown: tuple[Span, ...]
    fit: Fit = "cover"


def cells(
    layout: RoomLayout,
    length_ms: float,
    *,
    people: Sequence[str],
    turns: Sequence[tuple[str, Span]],
    spoken_ms: Mapping[str, float],
    screens: Mapping[str, Sequence[Span]],
) -> list[Cell]:
    """From the bottom to the top. `people`: all who are there in the span, in the order they joined; `turns`: whose
    picture is to be seen when; `screens`: where whose screen is shared."""
    whole = (0.0, length_ms)
    if not people:
        return []
    match layout:
        case "grid":
            return _grid(_loudest(people, spoken_ms, MOST), whole)
        case "split":
            return _grid(_loudest(people, spoken_ms, 2), whole)
        case "speaker":
            return _speakers(turns, FULL, [whole])
        case "screen+speaker":
            return _screen(turns, whole, screens)


def grid_boxes(count: int) -> list[Box]:
    """Of 1 to 6, row by row; a row that is not full stands in the middle."""
    columns = 1 if count == 1 else 2 if count <= 4 else 3
    rows = -(-count // columns)
    w, h = WIDTH // columns // 2 * 2, HEIGHT // rows // 2 * 2
    boxes = []
    for index in range(count):
        row, column = divmod(index, columns)
        in_row = min(columns, count - row * columns)
        left = (WIDTH - in_row * w) // 2 // 2 * 2
        boxes.append(Box(x=left + column * w, y=row * h, w=w, h=h))
    return boxes


def _grid(people: Sequence[str], whole: Span) -> list[Cell]:
    boxes = grid_boxes(len(people))
    return [Cell(pid=pid, track="cam", box=box, shown=(whole,)) for pid, box in zip(people, boxes, strict=True)]


def _loudest(people: Sequence[str], spoken_ms: Mapping[str, float], most: int) -> list[str]:
    """Those who speak most, in the order they joined, so that nobody changes places from clip to clip."""
    chosen = sorted(people, key=lambda pid: -spoken_ms.get(pid, 0.0))[:most]
    return [pid for pid in people if pid in chosen]


def _speakers(turns: Sequence[tuple[str, Span]], box: Box, within: Sequence[Span]) -> list[Cell]:
    """A cell for each who is ever seen there."""
    shown: dict[str, list[Span]] = {}
    for pid, span in turns:
        shown.setdefault(pid, []).extend(clipped(within, span))
    return [Cell(pid=pid, track="cam", box=box, shown=tuple(spans)) for pid, spans in shown.items() if spans]


def _screen(turns: Sequence[tuple[str, Span]], whole: Span, screens: Mapping[str, Sequence[Span]]) -> list[Cell]:
    """The screen with the speaker beside it while one is shared, else the speaker."""
    shared: list[Cell] = []
    taken: list[Span] = []
    for pid, spans in screens.items():
        free = [part for span in spans for part in missing(span, taken)]
        own = clipped(free, whole)
        if own:
            shared.append(Cell(pid=pid, track="screen", box=SCREEN, shown=tuple(own), fit="contain"))
            taken += own
    taken.sort()
    alone = missing(whole, taken)
    return [*_speakers(turns, FULL, alone), *shared, *_speakers(turns, BESIDE, taken)]
