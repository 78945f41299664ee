"""What is normal for one signal of one stream: running quantiles over 15 minutes, and how rare an excess is. Pure.

No clock: time comes with each sample. Memory is bounded by the windows.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from typing import Final

from core.times import NS_PER_S, Ns, ns
from detectors.options import BaselineOptions

_FULL: Final = 10  # integer weight of an ordinary sample, so that adding and removing leaves no rounding behind
_MAD_TO_SD: Final = 1.4826  # of a normal distribution
_LARGEST: Final = 3.0  # prior scales that one peak may count: one great moment may not make good ones look common
_NEAR: Final = 0.8  # of an excess: as strong, give or take
_NS_PER_H: Final = 3600 * NS_PER_S


class Baseline:
    """Weighted quantiles of the last `window_s`, kept as a histogram of `step` wide bins over [low, high].

    One sample moves a quantile by little, so each that is asked for is remembered as a place among the bins with the
    weight below it, and moves on from there.
    """

    def __init__(
        self, options: BaselineOptions, *, low: float, high: float, step: float, window_s: float | None = None
    ) -> None:
        self._low, self._step = low, step
        self._highest = math.ceil((high - low) / step)
        self._bins = [0] * (self._highest + 1)
        self._samples: deque[tuple[Ns, int, int]] = deque()
        self._total = 0
        self._ranks: dict[float, _Rank] = {}
        self._reach: _Reach | None = None
        self._window_ns = ns(options.window_s if window_s is None else window_s)
        self._alarm_weight = max(1, round(_FULL * options.alarm_influence))
        self._prior_samples = options.prior_samples

    def push(self, value: float, t_ns: Ns, *, alarm: bool) -> None:
        """Take a sample in; while an alarm is open it counts little, or a long roar teaches that roaring is normal."""
        place = round((value - self._low) / self._step)
        if place < 0:
            place = 0
        elif place > self._highest:
            place = self._highest
        weight, samples = self._alarm_weight if alarm else _FULL, self._samples
        samples.append((t_ns, place, weight))
        self._weigh(place, weight)
        oldest_ns = t_ns - self._window_ns
        while samples[0][0] <= oldest_ns:
            _, place, weight = samples.popleft()
            self._weigh(place, -weight)

    def _weigh(self, place: int, weight: int) -> None:
        self._bins[place] += weight
        self._total += weight
        for rank in self._ranks.values():
            if place < rank.place:
                rank.below += weight
        reach = self._reach
        if reach is not None and -reach.width <= place - reach.centre <= reach.width:
            reach.inside += weight

    @property
    def count(self) -> int:
        """Samples in the window."""
        return len(self._samples)

    def quantile(self, share: float) -> float:
        """The value below which `share` of the weight lies; the low end while empty."""
        return self._low + self._step * self._place(share)

    def _place(self, share: float) -> int:
        rank = self._ranks.get(share)
        if rank is None:
            rank = self._ranks[share] = _Rank()
        return rank.find(self._bins, share * self._total)

    def spread(self, prior: float, floor: float) -> float:
        """Standard deviation by MAD, blended with a prior that counts as so many samples, never below the floor."""
        if self._reach is None:
            self._reach = _Reach(self._bins[0])
        width, count = self._reach.find(self._bins, self._place(0.5), 0.5 * self._total), len(self._samples)
        measured = _MAD_TO_SD * self._step * width
        blended = (measured * count + prior * self._prior_samples) / max(count + self._prior_samples, 1)
        return max(blended, floor)


class _Rank:
    """The first bin up to which a share of the weight lies, and the weight before it."""

    __slots__ = ("below", "place")

    def __init__(self) -> None:
        self.place = self.below = 0

    def find(self, bins: Sequence[int], target: float) -> int:
        """Go on from the last place to the one at which the weight reaches `target`."""
        place, below = self.place, self.below
        while place > 0 and below >= target:
            place -= 1
            below -= bins[place]
        while place < len(bins) - 1 and below + bins[place] < target:
            below += bins[place]
            place += 1
        self.place, self.below = place, below
        return place


class _Reach:
    """How far from a centre half of the weight lies, in bins, and the weight inside."""

    __slots__ = ("centre", "inside", "width")

    def __init__(self, inside: int) -> None:
        self.centre = self.width = 0
        self.inside = inside

    def find(self, bins: Sequence[int], centre: int, target: float) -> int:
        """Move to the centre, and widen or narrow until `target` lies inside, just."""
        self._move(bins, centre)
        width, inside = self.width, self.inside
        while inside < target:
            width += 1
            inside += _ring(bins, centre, width)
        while width > 0 and inside - (ring := _ring(bins, centre, width)) >= target:
            inside -= ring
            width -= 1
        self.width, self.inside = width, inside
        return width

    def _move(self, bins: Sequence[int], centre: int) -> None:
        while self.centre != centre:
            step = 1 if self.centre < centre else -1
            self.inside -= _at(bins, self.centre - step * self.width)
            self.centre += step
            self.inside += _at(bins, self.centre + step * self.width)


def _at(bins: Sequence[int], place: int) -> int:
    return bins[place] if 0 <= place < len(bins) else 0


def _ring(bins: Sequence[int], centre: int, width: int) -> int:
    """The two bins this far from the centre, for a width of 1 and more."""
    return _at(bins, centre - width) + _at(bins, centre + width)


class Tail:
    """How often per hour a peak about this strong comes: what was counted in two hours, added to a prior.

    The prior is an exponential tail above the alarm threshold whose scale follows the peaks seen, so that even the
    first peak of a stream has a believable figure.
    """

    def __init__(self, options: BaselineOptions, *, prior_per_h: float, prior_scale: float) -> None:
        self._peaks: deque[tuple[Ns, float]] = deque()
        self._window_ns = ns(options.tail_window_s)
        self._prior_h = options.tail_prior_s / 3600
        self._prior_peaks = options.tail_prior_peaks
        self._prior_per_h, self._prior_scale = prior_per_h, prior_scale

    def push(self, excess: float, t_ns: Ns) -> None:
        """Remember the peak of one alarm."""
        self._peaks.append((t_ns, max(excess, 0.0)))

    def per_hour(self, excess: float, t_ns: Ns, observed_ns: int) -> float:
        """Expected peaks an hour that come near this excess; `observed_ns` is how long the signal has been watched."""
        while self._peaks and self._peaks[0][0] <= t_ns - self._window_ns:
            self._peaks.popleft()
        hours = min(observed_ns, self._window_ns) / _NS_PER_H
        bounded = [min(peak, _LARGEST * self._prior_scale) for _, peak in self._peaks]
        scale = (self._prior_scale * self._prior_peaks + sum(bounded)) / (self._prior_peaks + len(bounded))
        expected = self._prior_per_h * math.exp(-max(excess, 0.0) / scale) * self._prior_h
        as_strong = sum(peak >= _NEAR * excess for _, peak in self._peaks)
        return (expected + as_strong) / (self._prior_h + hours)


def readiness(observed_ns: int, options: BaselineOptions) -> float:
    """0 before `ready_from_s` of signal, then `ready_start`, rising evenly to 1 at `ready_full_s`."""
    seconds = observed_ns / NS_PER_S
    if seconds < options.ready_from_s:
        return 0.0
    done = (seconds - options.ready_from_s) / max(options.ready_full_s - options.ready_from_s, 1e-9)
    return options.ready_start + (1.0 - options.ready_start) * min(done, 1.0)


def evidence(strength: float, none: float, full: float, per_hour: float, options: BaselineOptions, cap: float) -> float:
    """Log-likelihood ratio of a peak: it has to be big in itself and rare for this stream, so the smaller counts."""
    size = cap * ramp(strength, none, full)
    rarity = math.log(options.neutral_per_h / max(per_hour, 1e-9))
    return max(0.0, min(size, rarity, cap))


def ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, straight in between; falls instead when `high` is the smaller."""
    if low > high:
        return 1.0 - ramp(value, high, low)
    return min(max((value - low) / (high - low), 0.0), 1.0)


_RATES: Final = ((0.75, "less than once an hour"), (1.5, "about once an hour"), (2.5, "about twice an hour"))


def rate_text(per_hour: float) -> str:
    """How often, for people."""
    place = bisect_right([limit for limit, _ in _RATES], per_hour)
    return _RATES[place][1] if place < len(_RATES) else f"about {per_hour:.0f} times an hour"
