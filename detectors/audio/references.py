"""What sound is compared with: what this stream does at its loudest over 15 minutes. Pure.

So a microphone's gain cancels out, and speech is no excursion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from core.times import Ns
from detectors.audio.rows import AT, DIP, SPEECH, Rows
from detectors.baseline import Baseline
from detectors.features import FLOOR_DB
from detectors.options import DetectOptions

_LEVEL, _VOICING, _PITCH = AT["level"], AT["voicing"], AT["pitch"]
_LOUDEST_DB: Final = 20.0
_HIGHEST: Final = 60.0  # semitones over 55 Hz
_ROAR_UNDER_DB: Final = 6.0  # sound that never pauses counts from 6 dB under the loudest speech: it carries more power
_LATELY_S, _LATELY_DB = 45.0, 3.0  # nothing stays the reference that was not reached, give or take, for this long
_QUIET_UNDER_DB: Final = 20.0  # a pause: this far under loud speech, or at the noise floor
_SAMPLES: Final = 40  # 20 s of floors: as many as readiness asks for
_NEVER_DB: Final = 100.0  # nothing is loud before there is anything to compare with


class References:
    """Running quantiles of the floor, of the voice level and of the pitch, and the levels that follow from them."""

    def __init__(self, options: DetectOptions) -> None:
        self._options = options.audio
        self._floor = Baseline(options.baseline, low=FLOOR_DB, high=_LOUDEST_DB, step=0.25)
        self._loud = Baseline(options.baseline, low=FLOOR_DB, high=_LOUDEST_DB, step=0.25)
        self._lately = Baseline(options.baseline, low=FLOOR_DB, high=_LOUDEST_DB, step=0.25, window_s=_LATELY_S)
        self._pitches = Baseline(options.baseline, low=0.0, high=_HIGHEST, step=0.25)
        self._voiced = Baseline(options.baseline, low=FLOOR_DB, high=_LOUDEST_DB, step=0.25)
        self._accepted: _Accepted | None = None
        self._floor_high, self._floor_spread = _NEVER_DB, self._options.prior_spread_db
        self.voice_db = self.roar_db = _NEVER_DB
        self.quiet_db = self.breath_db = FLOOR_DB

    def learn(self, row: Sequence[float], floor: float, voice: float, t_ns: Ns, *, alarm: bool, even: bool) -> None:
        """Take one row and its levels, twice a second; every `even` time the references are brought up to date."""
        self._floor.push(floor, t_ns, alarm=alarm)
        if voice > FLOOR_DB + 1.0:  # a gate's digital silence says nothing about how loud talk is
            self._loud.push(voice, t_ns, alarm=alarm)
            self._lately.push(voice, t_ns, alarm=False)
        if row[_VOICING] > 0.5 and row[SPEECH] > self.quiet_db:
            self._pitches.push(row[_PITCH], t_ns, alarm=alarm)
            self._voiced.push(row[_LEVEL], t_ns, alarm=alarm)
        if self._loud.count and (even or self._loud.count < _SAMPLES):
            self._refer(voice)

    def _refer(self, voice: float) -> None:
        spread = self._floor_spread = self._floor.spread(self._options.prior_spread_db, self._options.floor_db)
        self._floor_high = self._floor.quantile(0.9)
        self.voice_db = min(self._loud.quantile(0.9), self._lately.quantile(0.9) + _LATELY_DB)
        usual = self._floor.quantile(0.5)
        self.roar_db = max(self.voice_db - _ROAR_UNDER_DB, min(usual + 2.0 * spread, self.voice_db))
        if self._accepted is not None and self._accepted.over(voice):
            self._accepted = None
        if self._accepted is not None:
            self.voice_db = max(self.voice_db, self._accepted.voice_db)
            self.roar_db = max(self.roar_db, self._accepted.floor_db)
        self.quiet_db = max(self.voice_db - _QUIET_UNDER_DB, self._floor.quantile(0.2) + 3.0)
        self.breath_db = max(self.voice_db - self._options.breath_db, self.quiet_db)

    def accept(self, rows: Rows) -> None:
        """Too long to be an event: this is how loud the stream is now."""
        voice_db, floor_db = float(np.percentile(rows[:, SPEECH], 90)), float(np.median(rows[:, DIP])) + 1.0
        self._accepted = _Accepted(voice_db, floor_db, before_db=self.voice_db)
        self.voice_db, self.roar_db = voice_db, floor_db

    @property
    def accepted(self) -> bool:
        """Whether something long goes on that the stream is not back from."""
        return self._accepted is not None

    @property
    def settled(self) -> bool:
        """Whether enough floors are known to say what is unusual."""
        return self._floor.count > _SAMPLES

    def unusual(self, floor: float) -> float:
        """How far a floor lies over what it exceeds a tenth of the time, in standard deviations."""
        return (floor - self._floor_high) / self._floor_spread

    @property
    def talk_db(self) -> float:
        """What the level of all of the sound rarely exceeds in talk, dB; what carries talk is low and counts here."""
        return self._voiced.quantile(0.9) if self._voiced.count else FLOOR_DB

    @property
    def usual_pitch(self) -> float:
        """The pitch that is rarely exceeded, in semitones over 55 Hz."""
        return self._pitches.quantile(0.9) if self._pitches.count else _HIGHEST


class _Accepted:
    """A level that lasted too long to be an event. It is the reference until the stream has been back for 5 s."""

    def __init__(self, voice_db: float, floor_db: float, *, before_db: float) -> None:
        self.voice_db, self.floor_db = voice_db, floor_db
        self._back_db = 0.5 * (voice_db + before_db)
        self._quiet = 0

    def over(self, voice: float) -> bool:
        """Take a second's level; whether the stream has come back from it."""
        self._quiet = self._quiet + 1 if voice < self._back_db else 0
        return self._quiet > 5
