"""The gate of a clip's sound as one function of the sample's number: fades, dips at joins, silenced spans. Pure.

ffmpeg's own volume and afade filters change by frames of 21 ms or hold for good; an envelope that is multiplied in is
exact to the sample and has no step in it, so nothing clicks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from core.times import NS_PER_S, Ns, ns
from daemon.ffmpeg import Expression
from daemon.sound.model import RATE, Span

RAMP_NS: Final = ns(0.008)  # beside a silenced span; under 10 ms a ramp is not heard as a fade
MAX_DIPS: Final = 200  # the expression has to fit into one argument (128 KiB)
_FIRST_GAP: Final = RATE // 50


class Dip(NamedTuple):
    """Silence from sample `start` up to `end`, with a ramp of `ramp` samples on either side of it."""

    start: int
    end: int
    ramp: int


class Point(NamedTuple):
    """The gain (0..1) at a sample; linear in between."""

    sample: int
    gain: float


def samples(time_ns: int) -> int:
    """The sample nearest to a time."""
    return (2 * time_ns * RATE + NS_PER_S) // (2 * NS_PER_S)


def gate(length_ns: Ns, *, fade_ns: Ns, joins_ns: Iterable[Ns], masks: Iterable[Span]) -> tuple[Point, ...]:
    """The envelope of a whole clip, from sample 0 to its length; ramps lie outside the masks, which are silent."""
    total, fade = samples(length_ns), samples(fade_ns)
    fade = min(fade, total // 4)
    dips = [Dip(-1, 0, fade), Dip(total, total + 1, fade)]
    dips += [Dip(samples(at), samples(at), fade) for at in joins_ns if 0 < at < length_ns]
    return _points(_joined([*dips, *_mask_dips(length_ns, masks)]), total)


def mask_gate(length_ns: Ns, masks: Iterable[Span]) -> tuple[Point, ...]:
    """1 inside the masks and 0 elsewhere: where a bleep sounds. Its ramps lie inside the masks."""
    total, ramp = samples(length_ns), samples(RAMP_NS)
    points = [Point(0, 0.0)]
    for dip in _joined(_mask_dips(length_ns, masks)):
        inner = min(ramp, (dip.end - dip.start) // 2)
        shape = ((dip.start, 0.0), (dip.start + inner, 1.0), (dip.end - inner, 1.0), (dip.end, 0.0))
        points += [Point(at, gain) for at, gain in shape if at > points[-1].sample]
    return (*points, Point(max(total, points[-1].sample + 1), 0.0))


def expression(points: Sequence[Point]) -> Expression:
    """A search tree over the points for `aevalsrc`, where `n` is the sample: each sample costs log2 of their number."""
    return Expression(_tree(points, 0, len(points) - 1))


def _mask_dips(length_ns: Ns, masks: Iterable[Span]) -> list[Dip]:
    """At most MAX_DIPS: where there are more, the nearest ones become one. More is silenced then, never less."""
    spans = sorted((max(0, m.start_ns), min(length_ns, m.end_ns)) for m in masks)
    dips = [Dip(samples(start), samples(end), samples(RAMP_NS)) for start, end in spans if end > start]
    gap = _FIRST_GAP
    while len(dips := _joined(dips, gap)) > MAX_DIPS:
        gap *= 2
    return dips


def _joined(dips: Iterable[Dip], gap: int = 0) -> list[Dip]:
    joined: list[Dip] = []
    for dip in sorted(dips):
        last = joined[-1] if joined else None
        if last is not None and dip.start - dip.ramp - last.end - last.ramp <= gap:
            joined[-1] = Dip(last.start, max(last.end, dip.end), max(last.ramp, dip.ramp))
        else:
            joined.append(dip)
    return joined


def _points(dips: Sequence[Dip], total: int) -> tuple[Point, ...]:
    points: list[Point] = []
    for dip in dips:
        ramps = (dip.start - dip.ramp, dip.end + dip.ramp)
        silent = [Point(min(max(at, 0), total), 0.0) for at in (dip.start, dip.end)]
        shape = [Point(ramps[0], 1.0), *silent, Point(ramps[1], 1.0)]
        for point in shape:
            if 0 <= point.sample <= total and (not points or point.sample > points[-1].sample):
                points.append(point)
    return tuple(points)


def _tree(points: Sequence[Point], first: int, last: int) -> str:
    if last - first <= 1:
        return "".join(_line(points[first], points[last]))
    middle = (first + last) // 2
    left, right = _tree(points, first, middle), _tree(points, middle, last)
    return f"if(lt(n,{points[middle].sample}),{left},{right})"


def _line(a: Point, b: Point) -> Iterator[str]:
    if a.gain == b.gain:
        yield f"{a.gain:g}"
    else:
        slope = "" if b.gain > a.gain else "1-"
        yield f"{slope}(n-{a.sample})/{b.sample - a.sample}"
