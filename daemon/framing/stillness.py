"""Pictures in the picture, and where things move, from a series of small grey pictures: pure.

A facecam's frame is where the picture changes at the same straight lines all the time, whatever the game does, around a
face that keeps its place near an edge. Shapes that are no upright rectangle are not found: a channel's rule names them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.times import NS_PER_S, Ns
from daemon.framing.observations import COLUMNS, ROWS, Inset, Motion, Sample
from daemon.framing.tracks import Track, make_tracks
from daemon.framing.values import Box, Size

Greys = NDArray[np.uint8]  # (n, height, width)
Shares = NDArray[np.float64]

# Chosen on tests/synthetic_streams/faces.py: the tuning family, and the textures of the testing one's seed 0.
_STEP: Final = 10  # grey levels from one px to the next that make an edge
_LASTING: Final = 0.5  # share of the time that makes it a lasting one
_SIDE: Final = 0.7  # share of a side that has to be one
_WHOLE: Final = 0.8  # mean of the four
_AT_EDGE: Final = 0.8  # what a side along the picture's own edge counts
_ENDS: Final = 0.4  # how much less of its continuation is one: a frame ends at its corners, a shelf or a tiling goes on
_LARGEST: Final = 0.30  # of the picture's area; larger ones are no insets
_SMALLEST: Final = (0.12, 0.14)  # of its width and height: smaller ones are portraits of a game's own display
_FACE: Final = (0.16, 0.85)  # height of the face by that of its inset
_ASPECTS: Final = (0.55, 2.5)
_NEAR_EDGE: Final = 0.14  # an inset lies this close to an edge, by the picture's side
_ASIDE: Final = 0.12  # from the middle of the width: status bars with the hero's portrait (Doom's) lie in the middle
_LEAST_FACE: Final = 0.06  # of the picture's height
_PICKS: Final = 7  # candidates for each side
_LOOKS: Final = 60  # pictures that are compared
_MIN_NS: Final = 3 * NS_PER_S // 2
_GAP_NS: Final = 6 * NS_PER_S
_MOVED: Final = 14  # grey levels
_PAIR_NS: Final = 7 * NS_PER_S // 10


class _Edges(NamedTuple):
    """Running sums of lasting edges: `across[y, x]` for those between columns, `down[y, x]` for those between rows."""

    across: Shares
    down: Shares
    width: int
    height: int


def find_insets(greys: Greys, samples: Sequence[Sample], size: Size) -> list[Inset]:
    """One for each face that keeps its place in a frame. `greys[i]` belongs to `samples[i]`."""
    scale = size.width / greys.shape[2]
    found: list[Inset] = []
    for track in make_tracks(samples, gap_ns=_GAP_NS):
        start_ns, end_ns = track.sightings[0].t_ns, track.sightings[-1].t_ns
        if end_ns - start_ns < _MIN_NS or track.box.h > 0.4 * size.height:
            continue
        inside = [number for number, sample in enumerate(samples) if start_ns <= sample.t_ns <= end_ns]
        looks = greys[inside[:: max(1, len(inside) // _LOOKS)]]
        best = _frame_around(_edges(looks), track, scale)
        if best is not None and not any(best[0].iou(other.box) > 0.3 for other in found):
            found.append(Inset(start_ns, end_ns, best[0], best[1]))
    return found


def motion_of(greys: Greys, samples: Sequence[Sample], scenes: Sequence[tuple[Ns, Ns]]) -> list[Motion]:
    """How much of each scene moves, and where."""
    return [Motion(start, end, *_motion(greys, samples, start, end)) for start, end in scenes]


def _motion(greys: Greys, samples: Sequence[Sample], start_ns: int, end_ns: int) -> tuple[float, tuple[float, ...]]:
    total = np.zeros((ROWS, COLUMNS))
    pairs = 0
    for number in range(1, len(samples)):
        before, now = samples[number - 1].t_ns, samples[number].t_ns
        if start_ns <= before and now < end_ns and now - before <= _PAIR_NS:
            moved = np.abs(greys[number].astype(np.int16) - greys[number - 1]) > _MOVED
            total += _grid(moved)
            pairs += 1
    share = total / max(1, pairs)
    whole = float(share.sum())
    where = share / whole if whole > 0 else share
    return float(share.mean()), tuple(where.ravel().tolist())


def _grid(moved: NDArray[np.bool_]) -> Shares:
    rows = np.array_split(moved, ROWS, axis=0)
    return np.array([[cell.mean() for cell in np.array_split(row, COLUMNS, axis=1)] for row in rows])


def _edges(greys: Greys) -> _Edges:
    wide = greys.astype(np.int16)
    across = (np.abs(np.diff(wide, axis=2)) > _STEP).mean(axis=0) >= _LASTING
    down = (np.abs(np.diff(wide, axis=1)) > _STEP).mean(axis=0) >= _LASTING
    across[:, 1:-1] = across[:, 1:-1] | across[:, :-2] | across[:, 2:]  # a border is blurred, or two px wide
    down[1:-1] = down[1:-1] | down[:-2] | down[2:]
    _, height, width = greys.shape
    sums_across = np.vstack([np.zeros((1, width - 1)), np.cumsum(across, axis=0)])
    sums_down = np.hstack([np.zeros((height - 1, 1)), np.cumsum(down, axis=1)])
    return _Edges(sums_across, sums_down, width, height)


def _frame_around(edges: _Edges, track: Track, scale: float) -> tuple[Box, float] | None:
    """The best supported rectangle around where the face is, in source px, and its support."""
    reach, face = track.reach.scaled(1 / scale, 1 / scale), track.box.h / scale
    best: tuple[float, Box] | None = None
    for left, right, top, bottom in product(*_picks(edges, reach)):
        box = Box(left, top, right - left, bottom - top)
        if not _may_be(box, edges, face):
            continue
        sides, beyond = _sides(edges, left, right, top, bottom)
        support = sum(sides) / 4
        ends = support - beyond >= _ENDS
        if ends and min(sides) >= _SIDE and support >= _WHOLE and (best is None or support > best[0] + 1e-9):
            best = support, box
    if best is None:
        return None
    support, box = best
    inner = Box(box.x + 1, box.y + 1, box.w - 2, box.h - 2)  # the border itself stays outside
    return inner.scaled(scale, scale), support


def _picks(edges: _Edges, reach: Box) -> Iterator[list[int]]:
    """Candidates for left, right, top and bottom: the lines best supported beside the face itself, and the edges."""
    x0, x1 = (int(np.clip(x, 0, edges.width)) for x in (reach.x, reach.right + 1))
    y0, y1 = (int(np.clip(y, 0, edges.height)) for y in (reach.y, reach.bottom + 1))
    columns = (edges.across[y1] - edges.across[y0]) / max(1, y1 - y0)  # an edge at i lies between i and i + 1
    rows = (edges.down[:, x1] - edges.down[:, x0]) / max(1, x1 - x0)
    yield [0, *_best(columns[: max(0, x0)], 0)]
    yield [*_best(columns[x1:], x1), edges.width]
    yield [0, *_best(rows[: max(0, y0)], 0)]
    yield [*_best(rows[y1:], y1), edges.height]


def _best(support: Shares, first: int) -> list[int]:
    order = np.argsort(-support, kind="stable")
    return [first + int(number) + 1 for number in order[: 2 * _PICKS] if support[number] >= _SIDE]


def _may_be(box: Box, edges: _Edges, face: float) -> bool:
    width, height = edges.width, edges.height
    margins = (box.x / width, box.y / height, (width - box.right) / width, (height - box.bottom) / height)
    return (
        box.w >= _SMALLEST[0] * width
        and box.h >= _SMALLEST[1] * height
        and box.area <= _LARGEST * width * height
        and _ASPECTS[0] <= box.w / box.h <= _ASPECTS[1]
        and _FACE[0] <= face / box.h <= _FACE[1]
        and min(margins) <= _NEAR_EDGE
        and face >= _LEAST_FACE * height
        and abs(box.cx / width - 0.5) > _ASIDE
    )


def _sides(edges: _Edges, left: int, right: int, top: int, bottom: int) -> tuple[list[float], float]:
    """Support of the four sides, and the mean support of what would continue the inner ones beyond the corners."""
    sides: list[float] = []
    beyond: list[float] = []
    across, down = edges.across, edges.down.T
    spans = (
        (across, (left, 0), (right, edges.width), top, bottom),
        (down, (top, 0), (bottom, edges.height), left, right),
    )
    for sums, one, two, start, end in spans:
        for line, outer in (one, two):
            if line == outer:
                sides.append(_AT_EDGE)
                continue
            column = sums[:, min(max(line - 1, 0), sums.shape[1] - 1)]
            sides.append(float(column[end] - column[start]) / (end - start))
            reach = max(4, (end - start) // 2)
            before, after = max(0, start - reach), min(len(column) - 1, end + reach)
            outside = float(column[start] - column[before] + column[after] - column[end])
            length = (start - before) + (after - end)
            beyond += [outside / length] if length else []
    return sides, sum(beyond) / len(beyond) if beyond else 0.0
