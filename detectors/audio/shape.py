"""What kind of sound an excursion of loudness is: crowd, voice, or something that only is loud. Pure.

The discriminants are physical, not fitted: voices and hands put their power above 400 Hz, while thunder, engines,
explosions and a music's bass and kick put it below; a crowd is close to noise or to many voices at once, and a shout is
a voice well above the pitch of talk; talk changes its spectrum with every sound, a crowd lasts, and a laugh, which
stops for each `ha`, is told by its pitch; music holds its notes; sirens and jingles are purer than throats; rain and
engines stay where they are; a gain knob moves everything and changes no shape. Every ramp's ends are round figures
between the two kinds of sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.audio.programme import programme
from detectors.audio.rows import AT, DIP, SPEECH, Rows
from detectors.baseline import ramp
from detectors.features import BANDS

_BANDS: Final = slice(AT[BANDS[0]], AT[BANDS[-1]] + 1)
_SPOKEN_PITCH: Final = 30.0  # semitones over 55 Hz, 311 Hz: few adults talk higher, so a shout is measured from here
_MAD_TO_SD: Final = 1.4826  # of a normal distribution
_TOP_DB: Final = 6.0  # rows this close to the peak describe the sound
_BED_ROWS: Final = 100  # 10 s before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One excursion in numbers. Shares are 0..1; `crowd` and `voice` are how much it is like that, `music` and so on
    how much it is like something that only is loud."""

    crowd: float
    voice: float
    music: float
    plateau: float
    knob: float
    programme: float
    noisy: float
    tonal: float
    bass_db: float
    jump: float
    treble_db: float
    wander: float
    fill: float
    flux: float
    rows: int

    @property
    def alive(self) -> float:
        """How far it is no machine: no rain, no knob, no programme."""
        return (1.0 - self.plateau) * (1.0 - self.knob) * (1.0 - self.programme)

    @property
    def worth(self) -> float:
        """How far the sound is one that people make when something happens."""
        return (1.0 - (1.0 - self.crowd) * (1.0 - self.voice)) * self.alive


def describe(rows: Rows, before: Rows, after: Rows, run: Rows, *, usual_pitch: float) -> Shape:
    """From the excursion's rows, up to 10 s before it, what followed so far, and the pitch rarely exceeded before.

    `run` is the rows of all sounds that followed each other without a pause, of which this is the newest.
    """
    speech = rows[:, SPEECH]
    top = rows[speech >= speech.max() - _TOP_DB]
    noisy, tonal, voicing = (float(np.median(top[:, AT[name]])) for name in ("flat", "tonal", "voicing"))
    fill = float(np.median(top[:, DIP] - top[:, SPEECH]))
    bass_db, treble_db = _balance(top, before)
    pitch, wander = _pitch(top)
    jump = pitch - min(usual_pitch, _SPOKEN_PITCH)
    music = ramp(tonal, 0.5, 0.7)
    flux = float(np.median(top[:, AT["flux"]]))
    human = ramp(treble_db, 12, 8) * (1.0 - music) * ramp(len(rows), 10, 16)
    noise = ramp(noisy, 0.28, 0.42) * ramp(tonal, 0.55, 0.35) * ramp(bass_db, 1, -5)
    many = ramp(wander, 5, 10) * ramp(bass_db, -2, -7) * _throat(noisy)
    crowd = human * ramp(flux, 5, 3.5) * ramp(fill, -9, -4) * (1.0 - (1.0 - noise) * (1.0 - many))
    voice = human * ramp(flux, 10, 8) * ramp(voicing, 0.35, 0.5) * ramp(jump, 1, 4) * ramp(bass_db, -2, -7)
    voice *= _throat(noisy) * ramp(noisy, 0.6, 0.5)
    return Shape(
        crowd=crowd,
        voice=voice,
        music=music,
        plateau=_plateau(speech, rows[:, DIP]),
        knob=_knob(rows, before, after),
        programme=programme(run, len(rows)),
        noisy=noisy,
        tonal=tonal,
        bass_db=bass_db,
        jump=jump,
        treble_db=treble_db,
        wander=wander,
        fill=fill,
        flux=flux,
        rows=len(rows),
    )


def _balance(top: Rows, before: Rows) -> tuple[float, float]:
    """Power that came in below 400 Hz and above 1600 Hz over what came in between (bass: over 400-3200 Hz), dB.

    What was there before is taken off, so the bed's own spectrum does not count.
    """
    power = np.mean(10.0 ** (top[:, _BANDS] / 10.0), axis=0)
    if len(before):
        power = np.maximum(power - np.median(10.0 ** (before[:, _BANDS] / 10.0), axis=0), 1e-3 * power)
    bass = 10.0 * np.log10(power[:2].sum() / power[2:5].sum())
    treble = 10.0 * np.log10(power[4:].sum() / power[2:4].sum())
    return float(bass), float(treble)


def _pitch(top: Rows) -> tuple[float, float]:
    """Median pitch of the voiced rows, and how far it wanders over all rows (interquartile range), in semitones."""
    voiced = top[top[:, AT["voicing"]] > 0.4][:, AT["pitch"]]
    low, high = np.percentile(top[:, AT["pitch"]], [25, 75])
    return (float(np.median(voiced)) if len(voiced) else 0.0), float(high - low)


def _throat(noisy: float) -> float:
    """Sirens, whistles and jingles are purer than any throat: 0.08 of flatness and less, screams 0.15 and more."""
    return ramp(noisy, 0.09, 0.15)


def _plateau(speech: Rows, dip: Rows) -> float:
    """Like rain or an engine: on one floor for eight seconds after an abrupt start, or for ten, within 1 dB.

    The floor is judged, not the level: talk over the rain moves the level. Crowds swell and die down.
    """
    seconds = len(speech) // 10
    if seconds < 6:
        return 0.0
    floor = np.median(dip[: seconds * 10].reshape(seconds, 10), axis=1)[1:-1]
    edge = float(np.percentile(speech, 50) - speech[:5].max())
    spread = _MAD_TO_SD * float(np.median(np.abs(floor - np.median(floor))))  # blind to loud talk at either end
    return ramp(spread, 1.6, 0.8) * max(ramp(edge, 4.0, 2.0) * ramp(seconds, 6, 8), ramp(seconds, 7, 10))


def _knob(rows: Rows, before: Rows, after: Rows) -> float:
    """Like a gain knob: loud parts and the noise floor moved alike, every band by the same amount."""
    now = np.concatenate((rows, after)) if len(after) else rows
    if len(before) < 30 or len(now) < 10:
        return 0.0
    floor = np.percentile(now[:, _BANDS], 10, axis=0) - np.percentile(before[:, _BANDS], 10, axis=0)
    loud = np.percentile(now[:, _BANDS], 80, axis=0) - np.percentile(before[:, _BANDS], 80, axis=0)
    moved = float(floor.mean())
    alike = ramp(float(np.abs(np.concatenate((floor, loud)) - moved).mean()), 2.5, 1.5)
    return alike * ramp(moved, 3.0, 4.0)
