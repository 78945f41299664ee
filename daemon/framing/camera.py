"""The path of the camera over one scene: pure. The clip is finished, so the path looks ahead.

Along each axis the target may move within a dead zone; the fewest positions that hold it there are found greedily (a
position is kept as long as the target's whole range since its start fits the zone, which no other choice betters). Long
holds stay holds; where holds are short the target travels, and the path becomes the shortest one that keeps it in the
zone (the taut string), which turns no more often than the target forces it to. A positive kernel rounds the corners; it
cannot add a turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.times import NS_PER_S, Ns
from daemon.framing.values import Knot

STEP_NS: Final = NS_PER_S // 20  # of the grid that paths are computed on
CONFIRM_NS: Final = 4 * NS_PER_S // 10  # an excursion shorter than this moves nothing
HOLD_NS: Final = 12 * NS_PER_S // 10  # a shorter hold is part of a journey
MOVE_NS: Final = 6 * NS_PER_S // 10  # a move between two holds takes at least this
EASE_NS: Final = 5 * NS_PER_S // 10  # width of the kernel
MAX_SPEED: Final = 0.9  # crop widths a second
NEAR_PX: Final = 0.35  # a knot is left out when the path stays this close, in px of the source

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis: how far the target may lie from the camera's middle, the crop's length, and the picture's, px."""

    slack: float
    crop: float
    picture: float


def steady(times_ns: Sequence[int], targets: Sequence[float], start_ns: int, end_ns: int) -> Floats:
    """Targets on the grid, without excursions shorter than CONFIRM_NS; constant before the first and after the last."""
    grid = np.arange(start_ns, end_ns + STEP_NS, STEP_NS, dtype=np.float64)
    values = np.interp(grid, np.asarray(times_ns, np.float64), np.asarray(targets, np.float64))
    half = CONFIRM_NS // STEP_NS
    padded = np.pad(values, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    return np.asarray(np.median(windows, axis=1))


def path(targets: Floats, axis: Axis) -> Floats:
    """The crop's near edge for each step of the grid, within the picture, px."""
    room = axis.picture - axis.crop
    if room <= 0:
        return np.zeros(len(targets))
    middle = np.clip(targets, axis.crop / 2, axis.picture - axis.crop / 2)  # what the camera can reach
    holds = _holds(middle, axis.slack)
    rough = _joined(middle, holds, axis)
    return np.clip(_smooth(rough) - axis.crop / 2, 0, room)


def knots(xs: Floats, ys: Floats, start_ns: int, crop: tuple[int, int], near_px: float = NEAR_PX) -> tuple[Knot, ...]:
    """Knots on two paths of one grid that keep within `near_px` of them (Douglas and Peucker)."""
    keep = sorted({0, len(xs) - 1} | _needed(np.stack([xs, ys], axis=1), near_px))
    if len(keep) == 2 and max(abs(xs[0] - xs[-1]), abs(ys[0] - ys[-1])) < near_px:
        keep = [0]
    rounded = [(n, round(float(xs[n]), 2), round(float(ys[n]), 2)) for n in keep]
    return tuple(Knot(Ns(start_ns + n * STEP_NS), x, y, *crop) for n, x, y in rounded)


def reversals(positions: Sequence[float], still: float) -> int:
    """How often the direction turns; stretches in which it moves less than `still` px between turns don't count."""
    turns, direction, extreme = 0, 0, positions[0] if len(positions) else 0.0
    for value in positions:
        moved = value - extreme
        if direction * moved > 0:
            extreme = value
        elif abs(moved) > still:
            turns += direction != 0
            direction, extreme = (1 if moved > 0 else -1), value
    return turns


def _holds(targets: Floats, slack: float) -> list[tuple[int, int, float]]:
    """(first step, step after the last, position): the fewest positions that keep the target within `slack` of them."""
    found: list[tuple[int, int, float]] = []
    first, low, high = 0, float(targets[0]), float(targets[0])
    for number, value in enumerate(targets.tolist()):
        new_low, new_high = min(low, value), max(high, value)
        if new_high - new_low > 2 * slack:
            found.append((first, number, (low + high) / 2))
            first, new_low, new_high = number, value, value
        low, high = new_low, new_high
    return [*found, (first, len(targets), (low + high) / 2)]


def _joined(targets: Floats, holds: Sequence[tuple[int, int, float]], axis: Axis) -> Floats:
    """Positions step by step: holds, moves between two of them, and journeys through runs of short ones."""
    rough = np.empty(len(targets))
    for first, after, position in holds:
        rough[first:after] = position
    short = [after - first < HOLD_NS // STEP_NS for first, after, _ in holds]
    number = 0
    while number < len(holds):
        run = number
        while run < len(holds) and short[run]:
            run += 1
        if run - number >= 2 or (run > number and len(holds) > 1 and number > 0 and run < len(holds)):
            first, after = holds[number][0], holds[run - 1][1]
            rough[first:after] = _taut(targets[first:after], axis.slack, _ends(rough, first, after))
        number = max(run, number + 1)
    return _limited(rough, axis)


def _ends(rough: Floats, first: int, after: int) -> tuple[float | None, float | None]:
    before = float(rough[first - 1]) if first > 0 else None
    return before, float(rough[after]) if after < len(rough) else None


def _taut(targets: Floats, slack: float, ends: tuple[float | None, float | None]) -> Floats:
    """The shortest path within `slack` of the targets, from and to the neighbouring holds (funnel algorithm)."""
    low, high = targets - slack, targets + slack
    start = float(targets[0]) if ends[0] is None else float(np.clip(ends[0], low[0], high[0]))
    end = float(targets[-1]) if ends[1] is None else float(np.clip(ends[1], low[-1], high[-1]))
    low[0] = high[0] = start
    low[-1] = high[-1] = end
    result = np.empty(len(targets))
    at, value = 0, start
    result[0] = start
    while at < len(targets) - 1:
        steps = np.arange(1, len(targets) - at)
        rising = np.minimum.accumulate((high[at + 1 :] - value) / steps)
        falling = np.maximum.accumulate((low[at + 1 :] - value) / steps)
        blocked = np.flatnonzero(falling > rising + 1e-12)
        stop = int(blocked[0]) if len(blocked) else len(steps)  # steps that one straight line can make
        if not len(blocked):
            slope = (end - value) / len(steps)
        else:
            # the line bends at the wall that it met last before it was blocked
            hits_low = (low[at + 1 + stop] - value) / (stop + 1) > rising[stop - 1]
            slope = float(rising[stop - 1] if hits_low else falling[stop - 1])
            walls = (high if hits_low else low)[at + 1 : at + 1 + stop]
            on_wall = np.flatnonzero(np.abs((walls - value) / steps[:stop] - slope) < 1e-9)
            stop = int(on_wall[-1]) + 1
        result[at + 1 : at + 1 + stop] = value + slope * steps[:stop]
        at, value = at + stop, float(result[at + stop])
    return result


def _limited(rough: Floats, axis: Axis) -> Floats:
    """Jumps become straight moves around the moment, as long as their speed allows; slower stretches stay."""
    limited = rough.copy()
    step = MAX_SPEED * axis.crop * STEP_NS / NS_PER_S
    fast = np.flatnonzero(np.abs(np.diff(rough)) > step)
    for jump in np.split(fast, np.flatnonzero(np.diff(fast) > 2) + 1) if len(fast) else ():
        first, last = int(jump[0]), int(jump[-1]) + 1
        wanted = max(MOVE_NS // STEP_NS, math.ceil(abs(float(rough[last] - rough[first])) / step))
        more = max(0, wanted - (last - first))
        first, last = max(0, first - more // 2), min(len(rough) - 1, last + more - more // 2)
        limited[first : last + 1] = np.linspace(limited[first], rough[last], last - first + 1)
    return limited


def _smooth(values: Floats) -> Floats:
    half = EASE_NS // STEP_NS // 2
    kernel = np.hanning(2 * half + 3)[1:-1]
    padded = np.pad(values, half, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def _needed(points: Floats, near_px: float) -> set[int]:
    needed: set[int] = set()
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        parts = np.linspace(0, 1, last - first + 1)[:, None]
        off = np.abs(points[first : last + 1] - (points[first] * (1 - parts) + points[last] * parts)).max(axis=1)
        worst = int(off.argmax())
        if off[worst] > near_px:
            needed.add(first + worst)
            spans += [(first, first + worst), (first + worst, last)]
    return needed
