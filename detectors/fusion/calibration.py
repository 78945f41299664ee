"""From a raw logit to a probability that can be believed, fitted to labels. Pure.

How much is fitted follows how much is known (detection.md section 4, item 8): a temperature below 100 labels, Platt's
line from 100, isotonic steps from 500; with fewer than 10 nothing is. A probability is worth showing only with the
number of labels behind it; below 50 say "strong", "likely" or "weak" instead.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, Literal, Self

from pydantic import BaseModel, Field, model_validator

from core.errors import UsageError

Method = Literal["none", "temperature", "platt", "isotonic"]
Pair = tuple[float, bool]  # raw logit, whether it was a moment

LEAST_LABELS: Final = 10  # below this a temperature is the accident of a few clips
SHOW_P_FROM: Final = 50  # labels
PLATT_FROM: Final = 100
ISOTONIC_FROM: Final = 500
STRONG_P, LIKELY_P = 0.8, 0.6  # judgement: four in five, and better than even odds by a margin
SCALES: Final = (0.05, 20.0)
_STEPS: Final = 60  # of a bisection or a Newton iteration; both are done long before
_FARTHEST: Final = 30.0  # logits beyond this are certainty in float64


class Calibration(BaseModel, frozen=True, extra="forbid"):
    """A profile's `detect.calibration`: p = sigmoid(scale x logit + shift), or straight lines between `knots`."""

    method: Method = "none"
    labels: int = Field(default=0, ge=0, description="How many labelled candidates it was fitted to.")
    scale: float = Field(default=1.0, ge=0, le=SCALES[1], allow_inf_nan=False)
    shift: float = Field(default=0.0, ge=-_FARTHEST, le=_FARTHEST, allow_inf_nan=False)
    knots: tuple[tuple[float, float], ...] = Field(default=(), max_length=1000, description="(logit, p), both rising.")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if (self.method == "isotonic") != bool(self.knots):
            raise ValueError("isotonic, and only isotonic, has knots")
        if not all(math.isfinite(x) and 0.0 < p < 1.0 for x, p in self.knots):
            raise ValueError("knots are (logit, p) with p between 0 and 1")
        pairs = list(zip(self.knots, self.knots[1:], strict=False))
        if not all(a[0] < b[0] and a[1] <= b[1] for a, b in pairs):
            raise ValueError("knots must rise")
        return self

    def apply(self, logit: float) -> float:
        """The probability behind a raw logit; never falls when the logit rises."""
        if not self.knots:
            return _sigmoid(self.scale * logit + self.shift)
        place = bisect_right(self.knots, logit, key=lambda knot: knot[0])
        if place == 0 or place == len(self.knots):
            return self.knots[max(place - 1, 0)][1]
        (x0, p0), (x1, p1) = self.knots[place - 1], self.knots[place]
        return p0 + (p1 - p0) * (logit - x0) / (x1 - x0)

    def wording(self, p: float) -> str:
        """For people: the probability with its label count, or a word while there are too few."""
        if self.labels >= SHOW_P_FROM:
            return f"p {p:.2f} ({self.labels} labels)"
        return wording(p)


def wording(p: float) -> Literal["strong", "likely", "weak"]:
    """A probability that no labels stand behind, as a word."""
    return "strong" if p >= STRONG_P else "likely" if p >= LIKELY_P else "weak"


def fit(pairs: Sequence[Pair]) -> Calibration:
    """What so many labels allow. Raises UsageError when they are all of one kind: then nothing can be told apart."""
    kept = [(min(max(x, -_FARTHEST), _FARTHEST), bool(y)) for x, y in pairs if not math.isnan(x)]
    hits = sum(y for _, y in kept)
    if hits in (0, len(kept)):
        what = "moments" if hits else "false ones" if kept else "nothing"
        raise UsageError(
            f"Cannot calibrate: the {len(kept)} labelled candidates are {what} throughout",
            remedy="Add sessions whose truth file has moments that were found and candidates that were none.",
            code="one_class",
        )
    if len(kept) < LEAST_LABELS:
        return Calibration(labels=len(kept))
    if len(kept) < PLATT_FROM:
        return Calibration(method="temperature", labels=len(kept), scale=_temperature(kept))
    if len(kept) < ISOTONIC_FROM:
        scale, shift = _platt(kept)
        return Calibration(method="platt", labels=len(kept), scale=scale, shift=shift)
    return Calibration(method="isotonic", labels=len(kept), knots=_isotonic(kept))


def _targets(pairs: Sequence[Pair]) -> list[float]:
    """Platt's: a little short of 0 and 1, so that labels a threshold separates give no infinite slope."""
    hits = sum(y for _, y in pairs)
    high, low = (hits + 1) / (hits + 2), 1 / (len(pairs) - hits + 2)
    return [high if y else low for _, y in pairs]


def _temperature(pairs: Sequence[Pair]) -> float:
    """The scale of the logits at which the likelihood is largest; its slope falls in the scale, so halving finds it."""
    targets, (low, high) = _targets(pairs), SCALES

    def slope(scale: float) -> float:
        return sum((t - _sigmoid(scale * x)) * x for (x, _), t in zip(pairs, targets, strict=True))

    for _ in range(_STEPS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return math.sqrt(low * high)


def _platt(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Newton's method on two numbers, damped until the likelihood rises; a falling line becomes a level one."""
    targets = _targets(pairs)
    xs = [x for x, _ in pairs]
    hits = sum(y for _, y in pairs)
    level = math.log((hits + 1) / (len(pairs) - hits + 1))
    scale, shift = 0.0, level
    loss = _loss(xs, targets, scale, shift)
    for _ in range(_STEPS):
        d_scale, d_shift = _newton(xs, targets, scale, shift)
        step = 1.0
        while step > 1e-6 and _loss(xs, targets, scale + step * d_scale, shift + step * d_shift) > loss - 1e-12:
            step /= 2
        if step <= 1e-6:
            break
        scale, shift = scale + step * d_scale, shift + step * d_shift
        loss = _loss(xs, targets, scale, shift)
    if not 0.0 < scale <= SCALES[1] or abs(shift) > _FARTHEST:
        return (0.0, level) if scale <= 0 else (min(scale, SCALES[1]), min(max(shift, -_FARTHEST), _FARTHEST))
    return scale, shift


def _newton(xs: list[float], targets: list[float], scale: float, shift: float) -> tuple[float, float]:
    a = b = c = g = h = 0.0
    for x, t in zip(xs, targets, strict=True):
        p = _sigmoid(scale * x + shift)
        w = p * (1.0 - p)
        a, b, c = a + w * x * x, b + w * x, c + w
        g, h = g + (t - p) * x, h + (t - p)
    a, c = a + 1e-9, c + 1e-9  # all logits alike leave the slope free
    det = a * c - b * b
    if det <= 1e-12 * max(a * c, 1e-12):
        return 0.0, h / c
    return (c * g - b * h) / det, (a * h - b * g) / det


def _loss(xs: list[float], targets: list[float], scale: float, shift: float) -> float:
    total = 0.0
    for x, t in zip(xs, targets, strict=True):
        z = scale * x + shift
        total += max(z, 0.0) - t * z + math.log1p(math.exp(-abs(z)))
    return total


def _isotonic(pairs: Sequence[Pair]) -> tuple[tuple[float, float], ...]:
    """Pool adjacent violators; each block is a knot at its mean logit. No number of hits in a row makes a p of 1."""
    blocks: list[list[float]] = []  # sum of logits, hits, count
    same: dict[float, list[int]] = {}
    for x, y in pairs:
        one = same.setdefault(x, [0, 0])
        one[0], one[1] = one[0] + y, one[1] + 1
    for x, (hits, count) in sorted(same.items()):
        blocks.append([x * count, float(hits), float(count)])
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][2] >= blocks[-1][1] * blocks[-2][2]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    shares = [hits / count for _, hits, count in blocks]
    if shares[0] == 0.0:
        shares[0] = min([1 / (blocks[0][2] + 2), *shares[1:2]])
    if shares[-1] == 1.0:
        shares[-1] = max([1 - 1 / (blocks[-1][2] + 2), *shares[-2:-1]])
    return tuple((x / count, share) for (x, _, count), share in zip(blocks, shares, strict=True))


def _sigmoid(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-z)) if z >= 0 else math.exp(z) / (1.0 + math.exp(z))
