"""Rows of sound on their way in and the last minute of them: floors, voice levels and times by a running index. Pure.

Two levels are taken from the rows. The *floor* is the level that sound does not fall below for 1.2 s: speech keeps
dropping between syllables, a crowd does not. The *voice* level is the median over 0.7 s. Both are worked out when a
chunk comes in, for all its rows at once: they depend on the rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from core.signals import SignalChunk
from core.times import Ns
from detectors.features import AUDIO_COLUMNS, STEP_NS

Rows = NDArray[np.float64]
AT: Final = {name: place for place, name in enumerate(AUDIO_COLUMNS)}
SPEECH, DIP, CREST = AT["speech"], AT["dip"], AT["crest"]
KEEP_ROWS: Final = 600  # a minute: the longest excursion, 10 s before it, and room
FLOOR_ROWS: Final = 12
_FLOOR_RANK: Final = 2  # third lowest of 1.2 s: one lost syllable may not decide
_VOICE_ROWS, _VOICE_RANK = 7, 3  # median of 0.7 s: a slam of 0.3 s cannot move it
_ONSET_ROWS: Final = 15
_MANY: Final = 64  # rows from which numpy is worth its overhead
_SHIFT_ROWS: Final = 16  # room for the rows of one call beyond two minutes


class Batch(NamedTuple):
    """A chunk's rows. `floors`, `voices` and `peaks` (the loudest 20 ms of each row) are in dB."""

    start_ns: Ns
    values: Rows
    floors: list[float]
    voices: list[float]
    peaks: list[float]

    def end_ns(self, row: int) -> Ns:
        """When a row ended."""
        return Ns(self.start_ns + STEP_NS * (row + 1))

    def known(self, t_ns: Ns) -> int:
        """How many rows have ended by then."""
        return min(max((t_ns - self.start_ns) // STEP_NS, 0), len(self.floors))


class Intake:
    """Makes batches of chunks; carries the newest rows over, so that it does not matter where a chunk ends.

    After a break a level mixes rows from both sides until FLOOR_ROWS rows have followed each other.
    """

    def __init__(self) -> None:
        self._dips = [0.0] * (FLOOR_ROWS - 1)
        self._speech = [0.0] * (_VOICE_ROWS - 1)

    def batch(self, chunk: SignalChunk) -> Batch:
        """A chunk's rows with their levels."""
        values = chunk.values.astype(np.float64)
        peaks: list[float] = (values[:, SPEECH] + values[:, CREST]).tolist()
        dips, speech = self._dips + values[:, DIP].tolist(), self._speech + values[:, SPEECH].tolist()
        self._dips, self._speech = dips[-(FLOOR_ROWS - 1) :], speech[-(_VOICE_ROWS - 1) :]
        floors, voices = _ranked(dips, FLOOR_ROWS, _FLOOR_RANK), _ranked(speech, _VOICE_ROWS, _VOICE_RANK)
        return Batch(chunk.start_ns, values, floors, voices, peaks)


def _ranked(values: Sequence[float], width: int, rank: int) -> list[float]:
    """The value of this rank, 0 the lowest, in each window of so many values."""
    if len(values) < _MANY:
        return [sorted(values[at : at + width])[rank] for at in range(len(values) - width + 1)]
    ranked: list[float] = np.sort(sliding_window_view(values, width), axis=1)[:, rank].tolist()
    return ranked


class History:
    """The last minute of rows by a running index, and how many of the newest followed each other."""

    def __init__(self) -> None:
        self._values = np.zeros((2 * KEEP_ROWS + _SHIFT_ROWS, len(AUDIO_COLUMNS)))
        self._times: list[int] = []
        self._base = 0
        self.run = 0

    @property
    def end(self) -> int:
        """The index that the next row gets."""
        return self._base + len(self._times)

    def breaks(self, end_ns: Ns) -> bool:
        """Whether a row ending then does not follow the newest one."""
        return bool(self._times) and abs(end_ns - self._times[-1] - STEP_NS) > STEP_NS // 2

    def push(self, batch: Batch, first: int, last: int, *, fresh: bool) -> None:
        """Keep rows `first` up to `last` of a batch, at most _SHIFT_ROWS of them."""
        count, at, times = last - first, len(self._times), self._times
        if at + count > 2 * KEEP_ROWS + _SHIFT_ROWS:
            self._values[: at - KEEP_ROWS] = self._values[KEEP_ROWS:at]
            del times[:KEEP_ROWS]
            self._base += KEEP_ROWS
            at -= KEEP_ROWS
        self._values[at : at + count] = batch.values[first:last]
        start_ns = batch.end_ns(first)
        times.extend(range(start_ns, start_ns + count * STEP_NS, STEP_NS))
        self.run = count if fresh else self.run + count

    def time(self, index: int) -> Ns:
        """When a row ended."""
        return Ns(self._times[max(index - self._base, 0)])

    def rows(self, first: int, end: int) -> Rows:
        """Rows `first` up to `end`, as far as they are kept."""
        return self._values[max(first - self._base, 0) : max(min(end - self._base, len(self._times)), 0)]

    def onset(self, entered: int, floor_db: float, voice_db: float) -> int:
        """Where the sound noticed at `entered` began: back while rows are above either level, at most 1.5 s."""
        first = entered
        while first > max(entered - _ONSET_ROWS, self._base):
            row: NDArray[Any] = self._values[first - 1 - self._base]
            if row[DIP] < floor_db and row[SPEECH] < voice_db:
                break
            first -= 1
        return first
