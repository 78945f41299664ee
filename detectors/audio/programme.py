"""Whether a sound is somebody's programme: an advert, a trailer, a video that is watched. Pure.

One voice rises and falls by several dB from one tenth of a second to the next, four or five syllables a second; many
voices or hands at once average out (the more, the steadier: N sources vary by 1/sqrt(N)). Crowds, applause and laughter
of an audience, recorded and made, vary by 0.8-2.7 dB, a voice over music by 3.3-6 dB (the recordings in the shared
media, the made sounds of the tune family and of the demo, talk going on over some). What people shout by themselves
leaves pauses or swells and dies down; a programme has music in its pauses and is compressed, so that it holds its level
for ten seconds and more (loudness ranges of adverts are a few dB). A sound that pulses like one voice, without pauses,
at one level, for long, is programme.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from core.times import NS_PER_S
from detectors.audio.rows import DIP, SPEECH, Rows
from detectors.baseline import ramp
from detectors.features import STEP_NS

_ROWS_PER_S: Final = NS_PER_S // STEP_NS
_MEAN_TO_SD: Final = 1.2533  # of a normal distribution
_LEAST_S, _SURE_S = 7.0, 10.0  # judgement: one breath of a shout, and a length at which levels tell
_HELD_DB: Final = (4.0, 2.5)  # standard deviation of the levels of seconds: talk 5-7, compressed 1-3
_PULSE_DB: Final = (2.5, 3.5)  # standard deviation of a tenth's step: see above
_FILLED_DB: Final = (-9.0, -6.0)  # the quietest 20 ms of a tenth under its mean: music fills the pauses
_OVER_DB: Final = (6.0, 3.0)  # a reaction on top of it has at least its power, so together they are 3 dB up


def programme(run: Rows, rows: int) -> float:
    """0..1, from the sounds that followed each other up to now, of which the last `rows` are judged.

    Every sound of a programme is one, also the last three seconds; what rises far above it is not.
    """
    speech = run[:, SPEECH]
    if len(speech) <= _LEAST_S * _ROWS_PER_S:
        return 0.0
    alike = ramp(len(speech) / _ROWS_PER_S, _LEAST_S, _SURE_S)
    alike *= ramp(float(seconds_of(speech).std()), *_HELD_DB) * ramp(_pulse(speech), *_PULSE_DB)
    alike *= ramp(float(np.median(run[:, DIP] - speech)), *_FILLED_DB)
    earlier = speech[:-rows]
    if alike == 0.0 or len(earlier) < 3 * _ROWS_PER_S:
        return alike
    over = float(np.percentile(speech[-rows:], 90) - np.percentile(earlier, 90))
    return alike * ramp(over, *_OVER_DB)


def _pulse(level: Rows) -> float:
    """Standard deviation of the steps from row to row, dB, by their mean size: the one large step of an abrupt start
    and of an abrupt end would decide a root mean square.
    """
    return _MEAN_TO_SD * float(np.abs(np.diff(level)).mean())


def seconds_of(level: Rows) -> Rows:
    """The median of every whole second of a level."""
    count = len(level) // _ROWS_PER_S
    medians: Rows = np.median(level[: count * _ROWS_PER_S].reshape(count, _ROWS_PER_S), axis=1)
    return medians
