"""Excursions of loudness: from the row that is loud enough until it has not been for a while. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.times import ns
from detectors.audio.options import AudioOptions
from detectors.audio.programme import programme, seconds_of
from detectors.audio.references import References
from detectors.audio.rows import KEEP_ROWS, SPEECH, History
from detectors.features import STEP_NS

_DECAY_ROWS, _DECAYED_DB = 30, 3.0  # three seconds at half the power: on its way down
_RUN_ROWS: Final = 30  # a pause of three seconds: what comes after is another sound
_TELLING_ROWS, _LIKELY = 100, 0.5  # ten seconds tell a programme
_LONGEST_ROWS: Final = KEEP_ROWS - 100  # of a run, as far as it is looked at


@dataclass(slots=True)
class Excursion:
    """An alarm: since when, how high, and the last row that was high enough.

    `run` is the first row of the sounds that followed each other without a pause worth the name; `ended` the row at
    which it was known to be over.
    """

    first: int
    last: int
    peak: float
    peak_at: int
    run: int
    ended: int = -1


class Excursions:
    """Compares rows with the references; gives out what is over."""

    def __init__(self, options: AudioOptions, history: History, references: References) -> None:
        self._history, self._references = history, references
        self._hang_ns, self._max_ns = ns(options.hang_s), ns(options.max_s)
        self._enter_db, self._leave_db = options.enter_db, options.enter_db * options.exit_share
        self._open: Excursion | None = None
        self._run, self._over = 0, -KEEP_ROWS  # the first row of the run, and the last one that was loud

    @property
    def open_since(self) -> int | None:
        """The row at which the excursion that goes on began."""
        return None if self._open is None else self._open.first

    def push(self, index: int, floors: list[float], voices: list[float]) -> list[Excursion]:
        """Take the levels of rows from `index` on, at least of one; the excursions that end there."""
        if self._open is None and self._excess(max(floors), max(voices)) < self._enter_db:
            return []
        ended = (self._step(index + k, *levels) for k, levels in enumerate(zip(floors, voices, strict=True)))
        return [one for one in ended if one is not None]

    def close(self, index: int) -> Excursion | None:
        """End what is open: it died down, or the stream broke after this row."""
        ended, self._open = self._open, None
        if ended is not None:
            ended.ended, self._over = index, ended.last
            ended.run = max(self._run, ended.last + 1 - _LONGEST_ROWS)
        return ended

    def _excess(self, floor: float, voice: float) -> float:
        return max(floor - self._references.roar_db, voice - self._references.voice_db)

    def _step(self, index: int, floor: float, voice: float) -> Excursion | None:
        excess, alarm = self._excess(floor, voice), self._open
        if alarm is None:
            if excess >= self._enter_db:
                self._begin(index, excess)
            return None
        if excess > alarm.peak:
            alarm.peak, alarm.peak_at = excess, index
        if excess >= self._leave_db:
            alarm.last = index
        if (index - alarm.last) * STEP_NS >= self._hang_ns:
            return self.close(index)
        if (index - alarm.first) * STEP_NS >= self._max_ns:
            if self._dies_down(alarm, index):
                return self.close(index)  # what follows is another event of the same moment
            self._accept(alarm)
        elif index - alarm.first == _TELLING_ROWS and self._is_programme(alarm, index):
            self._accept(alarm)  # so that a reaction on top of it is heard
        return None

    def _dies_down(self, alarm: Excursion, index: int) -> bool:
        """Whether it is a crowd that dies down slowly."""
        speech = self._history.rows(alarm.first, index + 1)[:, SPEECH]
        high = float(np.percentile(seconds_of(speech), 90))
        return float(np.median(speech[-_DECAY_ROWS:])) <= high - _DECAYED_DB

    def _is_programme(self, alarm: Excursion, index: int) -> bool:
        rows = self._history.rows(alarm.first, index + 1)
        return programme(rows, len(rows)) >= _LIKELY

    def _accept(self, alarm: Excursion) -> None:
        """Too long to be an event: this is how the stream sounds now."""
        self._open, self._over = None, alarm.last
        self._references.accept(self._history.rows(alarm.first, alarm.last + 1))

    def _begin(self, index: int, excess: float) -> None:
        if index - self._over > _RUN_ROWS and not self._references.accepted:
            self._run = index
        self._open = Excursion(index, index, excess, index, self._run)
