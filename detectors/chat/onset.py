"""When a burst of chat began, from the times of its lines. Pure.

A joke is answered at once, a goal over a minute: from the start of a moment to the crest of its chat 21-81 s pass, of
which 20-30 are the chat's lag; then it decays over 40 s (detection.md sections 0, 2 and 5). So starts and rises of all
lengths are weighed by how well they explain the lines, and the middle of the weight is taken: the first extra line of a
slow rise in a small chat comes seconds after its start, so the likeliest single start is a late one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_LEAST_PER_S: Final = 1 / 60  # a silent chat still writes a line a minute: log ratios stay finite
_LONGEST_S: Final = 120  # looked back; seconds are the bins
_DECAY_S: Final = 40.0  # detection.md section 5
_RISES_S: Final = (3.0, 10.0, 20.0, 35.0, 60.0)  # start to crest, and how common: a median of 23 s, nine in ten by 60
_COMMON: Final = (0.15, 0.25, 0.25, 0.2, 0.15)

Floats = NDArray[np.float64]


class Onset(NamedTuple):
    """On the lines' own clock, and how far off it may be (one standard deviation)."""

    at_s: float
    sd_s: float


def onset(times_s: Floats, now_s: float, usual_per_s: float, earliest_s: float) -> Onset | None:
    """When a rise over the usual rate began whose lines these are; None without lines since `earliest_s`."""
    ages = now_s - times_s
    longest = int(min(max(np.ceil(now_s - earliest_s), 1), _LONGEST_S))
    lines = np.bincount(ages[(ages >= 0) & (ages < longest)].astype(int), minlength=longest).astype(np.float64)
    if not lines.any():
        return None
    usual = max(usual_per_s, _LEAST_PER_S)
    shape = _shapes()[:, :longest, :longest]
    area = shape.sum(axis=2)
    before = np.cumsum(lines)  # lines younger than each start
    extra = np.maximum(before - usual * np.arange(1, longest + 1), 0.0) / area
    gain = np.log1p(extra[:, :, None] / usual * shape) @ lines - extra * area
    gain += np.log(_COMMON)[:, None]
    weight = np.exp(gain - gain.max()).sum(axis=0)
    weight /= weight.sum()
    starts = np.arange(longest) + 0.5
    mean = float(weight @ starts)
    middle = float(np.interp(0.5, weight.cumsum(), starts))
    return Onset(now_s - middle, float(np.sqrt(weight @ (starts - mean) ** 2 + 1 / 12)))


@lru_cache(maxsize=1)
def _shapes() -> Floats:
    """[rise, start, second]: the extra rate, of a crest of one, in each second before now for each second of start."""
    since = np.arange(_LONGEST_S)[:, None] - np.arange(_LONGEST_S)[None, :] + 0.5
    found = [
        np.where(since < rise, since / rise, np.exp(-np.maximum(since - rise, 0.0) / _DECAY_S)) for rise in _RISES_S
    ]
    return np.where(since > 0, np.stack(found), 0.0)
