"""The signal strip: curves over media time with clips, near misses, gaps and epochs, as numbers for an SVG. Pure.

Only numbers of ours and class names leave this module; texts of people are the template's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.times import NS_PER_S, Ns, clock_text
from daemon.report.data import Curve, ReportData

WIDTH: Final = 1200
LANE: Final = 64
TOP: Final = 22  # room for the clips' numbers
AXIS: Final = 22
BINS: Final = 600  # points drawn of a curve; each is the highest of its bin, so no peak is lost
_LOW, _HIGH = 0.02, 0.995  # share of values below the lane's floor and ceiling
_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_TICKS: Final = 10
_MIN_WIDTH: Final = 2.0  # of a mark, so that a second of a day can still be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One curve: `path` is an SVG path, `top` its upper edge."""

    name: str
    unit: str
    top: int
    path: str
    low: str
    high: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of the strip; `number` counts the clips or near misses from 1, in the order of ReportData."""

    x: float
    width: float
    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A time on the axis."""

    x: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The whole drawing."""

    width: int
    height: int
    bottom: int
    lanes: tuple[Lane, ...]
    clips: tuple[Span, ...]
    near_misses: tuple[Span, ...]
    gaps: tuple[Span, ...]
    epochs: tuple[Span, ...]
    game: tuple[Span, ...]  # own ones
    others: tuple[Span, ...]  # other players'
    ticks: tuple[Tick, ...]


def draw_strip(data: ReportData) -> Strip:
    """The strip of a session; without curves the marks still stand on an empty lane."""
    length_ns = max(1, data.media_ns)
    lanes = tuple(_lane(curve, TOP + index * LANE, length_ns) for index, curve in enumerate(data.curves))
    bottom = TOP + max(1, len(lanes)) * LANE
    return Strip(
        width=WIDTH,
        height=bottom + AXIS,
        bottom=bottom,
        lanes=lanes,
        clips=_spans([(clip.start_ns, clip.end_ns, clip.title) for clip in data.clips], length_ns),
        near_misses=_spans([(near.start_ns, near.end_ns, near.reason) for near in data.near_misses], length_ns),
        gaps=_spans([(gap.start_ns, gap.end_ns, gap.reason) for gap in data.gaps], length_ns),
        epochs=_spans([(mark.start_ns, mark.start_ns, mark.reason) for mark in data.epochs], length_ns),
        game=_spans([(mark.t_ns, mark.t_ns, mark.text) for mark in data.game if mark.own], length_ns),
        others=_spans([(mark.t_ns, mark.t_ns, mark.text) for mark in data.game if not mark.own], length_ns),
        ticks=_ticks(length_ns),
    )


def _lane(curve: Curve, top: int, length_ns: int) -> Lane:
    low, high = _range([value for _, value in curve.points])
    bins: dict[int, float] = {}
    for t_ns, value in curve.points:
        place = min(BINS - 1, max(0, t_ns * BINS // length_ns))
        bins[place] = max(value, bins.get(place, value))
    steps = [f"{(place + 0.5) * WIDTH / BINS:.1f} {_height(bins[place], low, high, top):.1f}" for place in sorted(bins)]
    return Lane(
        name=curve.name,
        unit=curve.unit,
        top=top,
        path="M" + "L".join(steps) if steps else "",
        low=f"{low:.3g}",
        high=f"{high:.3g}",
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    if not ordered:
        return 0.0, 1.0
    low, high = ordered[int(_LOW * (len(ordered) - 1))], ordered[round(_HIGH * (len(ordered) - 1))]
    return (low, high) if high > low else (low, low + 1.0)


def _height(value: float, low: float, high: float, top: int) -> float:
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    return top + LANE - 6 - share * (LANE - 16)


def _spans(stretches: Sequence[tuple[Ns, Ns, str]], length_ns: int) -> tuple[Span, ...]:
    return tuple(
        Span(
            x=round(start_ns / length_ns * WIDTH, 1),
            width=round(max(_MIN_WIDTH, (end_ns - start_ns) / length_ns * WIDTH), 1),
            number=number,
            text=text,
        )
        for number, (start_ns, end_ns, text) in enumerate(stretches, 1)
    )


def _ticks(length_ns: int) -> tuple[Tick, ...]:
    seconds = length_ns / NS_PER_S
    step_s = next((step for step in _STEPS_S if seconds / step <= _TICKS), _STEPS_S[-1])
    count = min(48, int(seconds // step_s) + 1)
    return tuple(
        Tick(x=round(index * step_s / seconds * WIDTH, 1), text=clock_text(index * step_s * NS_PER_S)[:-4])
        for index in range(count)
        if index * step_s / seconds < 0.97
    )
