"""A local file's place on the room's clock, as a value. Pure.

`room_ms = offset_ms + file_ms * (1 + ppm / 1e6) + the edits before file_ms`, file time being the file's own timestamps.
Edits are of sound alone: a recorder lost samples there without saying so. Its pictures carry the times they were taken
at, so they keep to the line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from recorder.align.drift import Line, fit_line
from recorder.align.match import Lag, find_lags, find_step
from recorder.align.sound import TimedSound

LEAST_WINDOWS: Final = 2  # that agree; a single one may be chance where it is all that there is of speech
LEAST_AGREEING: Final = 0.5
SMEARS_PPM: Final = 20.0  # over a window of 4 s that is a third of a cycle at 4 kHz
CERTAIN_MS: Final = 1.0  # what the bound says at least beside the clocks'
START_BOUND_MS: Final = 150.0  # start events were up to 83 ms late and 16 ms early [rooms.md 0.4]
LEARNED_BOUND_MS: Final = 40.0

Method = Literal["content", "coarse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """From `at_ms` of the file on, all sound is heard `shift_ms` later: so much is missing there (less than 0: so much
    is there twice)."""

    at_ms: float
    shift_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedFile:
    """Where one local file lies. `confidence` is the share of the windows with sound that agree, 0 for `coarse`;
    `bound_ms` is how far off it may be, the clocks' own bound included. `why`: the reason of a coarse one."""

    seg: str
    pid: str
    track: str
    offset_ms: float
    ppm: float
    edits: tuple[Edit, ...] = ()
    method: Method
    confidence: float
    bound_ms: float
    why: str = ""

    def picture_ms(self, file_ms: float) -> float:
        """Room time of a picture of the file."""
        return self.offset_ms + file_ms * (1 + self.ppm * 1e-6)

    def picture_file_ms(self, room_ms: float) -> float:
        """The other way round."""
        return (room_ms - self.offset_ms) / (1 + self.ppm * 1e-6)

    def stretches(self, end_ms: float) -> tuple[tuple[float, float, float], ...]:
        """Sound without a step: (file_ms from, to, shift_ms)."""
        starts = [0.0, *(edit.at_ms for edit in self.edits)]
        shifts = np.cumsum([0.0, *(edit.shift_ms for edit in self.edits)])
        ends = [*starts[1:], end_ms]
        return tuple(
            (low, high, float(shift)) for low, high, shift in zip(starts, ends, shifts, strict=True) if high > low
        )


@dataclass(slots=True)
class StartBiases:
    """How much later than its file's zero a recorder's start event came, by browser and kind of file, in one room."""

    _known: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def learn(self, key: str, start_ms: float, aligned: AlignedFile) -> None:
        """From a file whose place its content has shown."""
        if aligned.method == "content":
            self._known[key].append(start_ms - aligned.offset_ms)

    def of(self, key: str) -> tuple[float, float]:
        """(bias, bound) in ms; of a key that nothing is known of, 0 and all that was ever seen."""
        known = self._known.get(key)
        if not known:
            return 0.0, START_BOUND_MS
        bias = float(np.median(known))
        return bias, max(LEARNED_BOUND_MS, 2 * float(np.max(np.abs(np.array(known) - bias))))


def align_file(
    local: TimedSound,
    backup: Sequence[TimedSound],
    *,
    seg: str,
    pid: str,
    track: str,
    start_ms: float,
    clock_bound_ms: float,
) -> AlignedFile | None:
    """By content; None where nothing matches. `backup` is on room time, a part for each connection; `start_ms` is about
    where the file's zero lies."""
    lags = find_lags(local, backup, start_ms)
    line = _line(lags)
    if line is not None and abs(line.ppm) > SMEARS_PPM:  # once more, with windows that the drift does not smear
        lags = find_lags(local, backup, line.pieces[0].level_ms, line.ppm)
        line = _line(lags)
    if line is None:
        return None
    sounding, used = len(lags), int(line.used.sum())
    if used < min(LEAST_WINDOWS, sounding) or used < LEAST_AGREEING * sum(lag.matched for lag in lags):
        return None
    return AlignedFile(
        seg=seg,
        pid=pid,
        track=track,
        offset_ms=round(line.pieces[0].level_ms, 3),
        ppm=round(line.ppm, 2),
        edits=_edits(local, backup, line),
        method="content",
        confidence=round(used / sounding, 3),
        bound_ms=round(clock_bound_ms + max(CERTAIN_MS, 3 * line.spread_ms) + _reach_ms(local, line), 2),
    )


def coarse_file(
    *, seg: str, pid: str, track: str, start_ms: float, biases: StartBiases, key: str, clock_bound_ms: float, why: str
) -> AlignedFile:
    """By its start event alone."""
    bias_ms, bound_ms = biases.of(key)
    return AlignedFile(
        seg=seg,
        pid=pid,
        track=track,
        offset_ms=round(start_ms - bias_ms, 3),
        ppm=0.0,
        method="coarse",
        confidence=0.0,
        bound_ms=round(clock_bound_ms + bound_ms, 2),
        why=why,
    )


def _edits(local: TimedSound, backup: Sequence[TimedSound], line: Line) -> tuple[Edit, ...]:
    edits = []
    for before, after in pairwise(line.pieces):
        slope = line.ppm * 1e-6
        at_ms = find_step(
            local,
            backup,
            (before.last_ms, after.first_ms),
            (before.level_ms + slope * before.last_ms, after.level_ms + slope * after.first_ms),
        )
        edits.append(Edit(at_ms=round(at_ms, 1), shift_ms=round(after.level_ms - before.level_ms, 3)))
    return tuple(edits)


def _reach_ms(local: TimedSound, line: Line) -> float:
    """What the drift may be wrong by at that end of the file which is further from where somebody spoke."""
    farthest_ms = max(abs(edge - line.middle_ms) for edge in local.span_ms)
    return 2 * line.unsure_ppm * 1e-6 * farthest_ms


def _line(lags: Sequence[Lag]) -> Line | None:
    found = sorted((lag for lag in lags if lag.matched), key=lambda lag: lag.file_ms)
    return fit_line(_column(found, "file_ms"), _column(found, "lag_ms")) if found else None


def _column(lags: Sequence[Lag], name: str) -> NDArray[np.float64]:
    return np.array([getattr(lag, name) for lag in lags], np.float64)
