"""People who talk over each other, as far as a mixed sound can tell. Pure.

One voice falls silent between syllables and words; two fill each other's gaps. So the level that talk keeps falling to
is compared with where this stream's talk usually falls to. That is a weak sign: rooms, games and compressors fill gaps
too. In studio sound it finds half of the sentences said over each other, in a room none; on recorded meetings its
measure reaches an AUROC of 0.71, partly by telling the rooms (benchmarks.speech_signals). It can only support.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.times import NS_PER_S, Ns, ns
from detectors.baseline import Tail
from detectors.features import STEP_NS
from detectors.options import BaselineOptions
from detectors.speech.options import OverlapOptions
from detectors.speech.rows import BLOCK_ROWS, DIP, FLAT, SPEECH, VOICING, Floats, Quantiles

_ROWS, _HOP = 15, 5  # 1.5 s, every 0.5 s: three words fit in
_RANK: Final = 3  # of the dips: the lowest fifth of the window
CONTEXT_ROWS: Final = _ROWS - _HOP  # of the block before
SPAN_ROWS: Final = CONTEXT_ROWS + BLOCK_ROWS
_WINDOWS: Final = np.arange(0, SPAN_ROWS - _ROWS + 1, _HOP)[:, None] + np.arange(_ROWS)
_WORDED: Final = 0.8  # share of a window under words
_VOICED: Final = 0.35  # two voices lower it; a crowd and a game are under it
_NOISE: Final = 0.5  # flatness from which it is no voices
_FLOORS: Final = (-60.0, 20.0, 0.5)  # dB over the level of talk
_USUALLY: Final = 0.75  # of the windows have a lower floor
_QUIET_DB: Final = 12.0  # under the level of talk: somebody far off
_MOST: Final = 40  # windows, 20 s: longer is how this stream sounds now


class Stretch(NamedTuple):
    """Gaps that stay filled: since when, until when, by how much (dB over the usual) and how often an hour."""

    start_ns: Ns
    end_ns: Ns
    excess_db: float
    per_hour: float


class Overlap:
    """Takes talk in blocks; tells a stretch once it is over."""

    def __init__(self, options: OverlapOptions, baseline: BaselineOptions) -> None:
        self._options = options
        blocks = round(baseline.window_s * NS_PER_S / (BLOCK_ROWS * STEP_NS))
        self._usual, self._windows = Quantiles(*_FLOORS, blocks), 0
        self._tail = Tail(baseline, prior_per_h=options.tail_per_h, prior_scale=options.tail_db)
        self._first_ns: Ns | None = None
        self._values: list[float] = []

    def block(
        self, first: int, values: Floats, talk: NDArray[np.bool_], level_db: float, spoken_ns: int
    ) -> list[Stretch]:
        """Rows from place `first` on: CONTEXT_ROWS and then a block; which are talk; the usual level of talk."""
        full = talk[_WINDOWS].sum(axis=1) >= _WORDED * _ROWS
        if self._first_ns is None and not full.any():
            return []
        floor = np.partition(values[:, DIP][_WINDOWS], _RANK, axis=1)[:, _RANK] - level_db
        excess = floor - (self._usual.quantile(_USUALLY) if self._windows else 0.0)
        self._usual.push(floor[full])
        self._windows += int(full.sum())
        over = full & (excess >= self._options.enter_db)
        if self._first_ns is None and not over.any():
            return []
        over &= _like_voices(values, level_db)
        found: list[Stretch] = []
        for at in range(len(over)):
            end_ns = Ns((first + at * _HOP + _ROWS) * STEP_NS)
            if over[at]:
                if self._first_ns is None:
                    self._first_ns, self._values = Ns(end_ns - _ROWS * STEP_NS), []
                self._values.append(float(excess[at]))
            if self._first_ns is not None and (not over[at] or len(self._values) == _MOST):
                found += self._close(Ns(end_ns - (0 if over[at] else _HOP * STEP_NS)), spoken_ns)
        return found

    def _close(self, end_ns: Ns, spoken_ns: int) -> list[Stretch]:
        first_ns, self._first_ns = self._first_ns, None
        if first_ns is None or end_ns - first_ns < ns(self._options.min_s):
            return []
        excess = float(np.median(self._values))
        per_hour = self._tail.per_hour(excess - self._options.enter_db, end_ns, spoken_ns)
        self._tail.push(excess - self._options.enter_db, end_ns)
        return [Stretch(first_ns, end_ns, excess, per_hour)]


def _like_voices(values: Floats, level_db: float) -> NDArray[np.bool_]:
    """Which windows are as loud as talk, have a pitch, and are no noise."""
    windows = np.median(values[_WINDOWS], axis=1)
    loud = windows[:, SPEECH] > level_db - _QUIET_DB
    return np.asarray(loud & (windows[:, VOICING] > _VOICED) & (windows[:, FLAT] < _NOISE))
