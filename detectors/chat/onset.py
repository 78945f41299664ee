"""When a burst of chat began, from the times of its lines. Pure.

A joke is answered at once, a goal over a minute: from the start of the rise to its crest bursts take 21-81 s
(detection.md section 5). So a step and an even rise are both tried, over every line that could have been the first.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_LEAST_PER_S: Final = 1 / 60  # a silent chat still writes a line a minute: log ratios stay finite
_MOST_LINES: Final = 600  # of which the newest are looked at; the work grows with the square of them
_SHORTEST_S: Final = 0.5

Floats = NDArray[np.float64]


def onset(times_s: Floats, now_s: float, usual_per_s: float) -> float | None:
    """The likeliest start of a rise that is still there at `now_s`; None without lines. `times_s` ascend."""
    times = times_s[-_MOST_LINES:]
    if not len(times):
        return None
    usual = max(usual_per_s, _LEAST_PER_S)
    lasted = np.maximum(now_s - times, _SHORTEST_S)  # if the burst began with this line
    lines = len(times) - np.arange(len(times))
    gain = np.maximum(_step(lines, lasted, usual), _rise(times, lines, lasted, usual))
    return float(times[int(np.argmax(gain))])


def _step(lines: NDArray[np.int64], lasted: Floats, usual: float) -> Floats:
    """Log-likelihood of a rate that jumped, over the usual one."""
    rate: Floats = np.maximum(lines / lasted, usual)
    gain: Floats = lines * np.log(rate / usual) - (rate - usual) * lasted
    return gain


def _rise(times: Floats, lines: NDArray[np.int64], lasted: Floats, usual: float) -> Floats:
    """The same of a rate that climbs evenly from the usual one."""
    slope = 2.0 * np.maximum(lines - usual * lasted, 0.0) / lasted**2
    since = np.maximum(times[np.newaxis, :] - times[:, np.newaxis], 0.0)
    gain: Floats = np.log1p(slope[:, np.newaxis] / usual * since).sum(axis=1) - 0.5 * slope * lasted**2
    return gain
