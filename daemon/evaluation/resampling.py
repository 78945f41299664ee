"""Figures with intervals: every figure is a function of how often each stream counts. Pure, seeded, vectorised.

The first row of the weights counts every stream once: it gives the figure itself. The others draw the streams anew
with replacement: they give its 95 % interval. Two systems are compared on the same streams by swapping them at random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Metric = Callable[[Floats], Floats]  # weights (draws, streams) -> figures (draws,); nan where there is nothing to count

DRAWS: Final = 1000
_CHUNK: Final = 50  # draws at a time, so that a table of 20,000 candidates takes 8 MB


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval; None where nothing could be counted, no interval for a single stream."""

    value: float | None
    low: float | None = None
    high: float | None = None


def draws(streams: int, *, count: int = DRAWS, seed: int = 0) -> Floats:
    """Weights of shape (1 + count, streams); a single stream has nothing to be drawn from."""
    once = np.ones((1, streams))
    if streams < 2:
        return once
    rng = np.random.default_rng(seed)
    return np.concatenate((once, rng.multinomial(streams, np.full(streams, 1.0 / streams), size=count)))


def estimate(metric: Metric, weights: Floats) -> Estimate:
    """The figure on all streams, and the middle 95 % of the draws."""
    values = in_chunks(metric, weights)
    drawn = values[1:][~np.isnan(values[1:])]
    if np.isnan(values[0]):
        return Estimate(None)
    if not len(drawn):
        return Estimate(float(values[0]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(float(values[0]), float(low), float(high))


def in_chunks(metric: Metric, weights: Floats) -> Floats:
    """The metric over all draws, a few at a time."""
    return np.concatenate([metric(weights[at : at + _CHUNK]) for at in range(0, len(weights), _CHUNK)])


def ratio(numerators: Floats, denominators: Floats) -> Metric:
    """Sums over streams divided by sums over streams."""

    def metric(weights: Floats) -> Floats:
        below = weights @ denominators
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(below > 0, (weights @ numerators) / below, np.nan))

    return metric


def quantile(values: Floats, streams: Ints, share: float) -> Metric:
    """The smallest value that at least `share` of all values do not exceed."""
    order = np.argsort(values, kind="stable")
    ordered, owners = values[order], streams[order]

    def metric(weights: Floats) -> Floats:
        if not len(ordered):
            return np.full(len(weights), np.nan)
        total = np.cumsum(weights[:, owners], axis=1)
        place = np.argmax(total >= share * total[:, -1:] - 1e-9, axis=1)
        return np.asarray(np.where(total[:, -1] > 0, ordered[place], np.nan))

    return metric


def mean_of(metrics: list[Metric]) -> Metric:
    """The mean of several figures of the same draws."""
    return lambda weights: np.asarray(np.mean([metric(weights) for metric in metrics], axis=0))


@dataclass(frozen=True, slots=True)
class Ranking:
    """All candidates of all streams by falling score, ignored ones left out. `counted` marks those whose hits count.

    Candidates with the same score stand or fall together. `moments` is the number of true moments of each stream.
    """

    scores: Floats
    streams: Ints
    hits: Bools
    counted: Bools
    moments: Floats
    hours: Floats

    @classmethod
    def of(cls, rows: Sequence[tuple[float, int, bool, bool]], moments: Floats, hours: Floats) -> Ranking:
        """From rows (score, stream, hit, counted) in any order."""
        table = np.array(rows, dtype=np.float64).reshape(-1, 4)
        table = table[np.argsort(-table[:, 0], kind="stable")]
        scores, streams = table[:, 0], table[:, 1].astype(np.int64)
        return cls(scores, streams, table[:, 2] > 0, table[:, 3] > 0, moments, hours)

    def joined(self, other: Ranking) -> Ranking:
        """Two systems on the same streams as one table: the other's streams come after this one's."""
        rows = [
            *zip(self.scores, self.streams, self.hits, self.counted, strict=True),
            *zip(other.scores, other.streams + len(self.moments), other.hits, other.counted, strict=True),
        ]
        moments, hours = np.concatenate((self.moments, other.moments)), np.concatenate((self.hours, other.hours))
        return Ranking.of(rows, moments, hours)

    def _sums(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """After each group of equal scores: hits, false ones, hits that count."""
        ends = np.flatnonzero(np.diff(self.scores, append=-np.inf) < 0)
        each = weights[:, self.streams]
        all_, hits = np.cumsum(each, axis=1)[:, ends], np.cumsum(each * self.hits, axis=1)[:, ends]
        return hits, all_ - hits, np.cumsum(each * (self.hits & self.counted), axis=1)[:, ends]

    def average_precision(self, weights: Floats) -> Floats:
        """Precision at every step of recall, weighted by that step; no interpolation."""
        moments = weights @ self.moments
        if not len(self.scores):
            return np.asarray(np.where(moments > 0, 0.0, np.nan))
        hits, false, _ = self._sums(weights)
        steps = np.diff(hits, axis=1, prepend=0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(hits + false > 0, hits / (hits + false), 0.0)
            return np.asarray(np.where(moments > 0, (steps * precision).sum(axis=1) / moments, np.nan))

    def recall_at(self, false_per_h: float) -> Metric:
        """Recall at the lowest threshold with no more false candidates an hour; one threshold for all streams."""

        def metric(weights: Floats) -> Floats:
            moments, hours = weights @ self.moments, weights @ self.hours
            if not len(self.scores):
                return np.asarray(np.where(moments > 0, 0.0, np.nan))
            _, false, counted = self._sums(weights)
            allowed = np.sum(false <= false_per_h * hours[:, None] + 1e-9, axis=1)
            reached = np.take_along_axis(counted, np.maximum(allowed - 1, 0)[:, None], axis=1)[:, 0]
            with np.errstate(invalid="ignore", divide="ignore"):
                return np.asarray(np.where(moments > 0, np.where(allowed > 0, reached, 0.0) / moments, np.nan))

        return metric


def calibration_error(p: Floats, hits: Bools, streams: Ints, count: int, bins: int = 10) -> Metric:
    """ECE: mean distance between claimed and true share over bins that hold equally many candidates."""
    order = np.argsort(p, kind="stable")
    sums = np.zeros((count, max(min(bins, len(p)), 1)))
    for place, part in enumerate(np.array_split(order, sums.shape[1])):
        np.add.at(sums[:, place], streams[part], p[part] - hits[part])
    sizes = np.bincount(streams, minlength=count).astype(np.float64)

    def metric(weights: Floats) -> Floats:
        total = weights @ sizes
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(total > 0, np.abs(weights @ sums).sum(axis=1) / total, np.nan))

    return metric


@dataclass(frozen=True, slots=True)
class Difference:
    """One system minus another on the same streams, and how often chance alone is as far apart."""

    by: Estimate
    chance: float


def compare(metric: Metric, streams: int, *, count: int = DRAWS, seed: int = 0) -> Difference:
    """`metric` is of the joined table: the first system's streams, then the second's, in the same order."""
    weights, nothing = draws(streams, count=count, seed=seed), np.zeros(streams)
    first, second = (
        in_chunks(metric, np.concatenate(sides, axis=1))
        for sides in (
            (weights, np.broadcast_to(nothing, weights.shape)),
            (np.broadcast_to(nothing, weights.shape), weights),
        )
    )
    off = first - second
    swapped = np.random.default_rng([seed, 1]).integers(0, 2, (count, streams)).astype(np.float64)
    one = in_chunks(metric, np.concatenate((swapped, 1.0 - swapped), axis=1))
    other = in_chunks(metric, np.concatenate((1.0 - swapped, swapped), axis=1))
    by_chance = np.abs(one - other) >= abs(off[0]) - 1e-12
    drawn = off[1:][~np.isnan(off[1:])]
    low, high = (float(x) for x in np.percentile(drawn, [2.5, 97.5])) if len(drawn) else (None, None)
    value = None if np.isnan(off[0]) else float(off[0])
    return Difference(Estimate(value, low, high), (1 + int(by_chance.sum())) / (1 + count))
