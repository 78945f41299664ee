"""Noise or programme: how flat the spectrum is within narrow bands. Pure.

The periodogram of noise is exponentially distributed around its smooth spectrum, whatever its colour, so in a narrow
band its geometric mean over its arithmetic mean is exp(-0.5772) = 0.561 (Gray and Markel 1974; Euler's constant).
Tones, speech and music concentrate in few bins and come out far below.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000  # Hz of the samples it wants
NOISE: Final = 0.5  # measured: rain, engines, applause and hiss 0.53-0.65; speech and music 0.02-0.48, games up to 0.57
_FRAME: Final = 1024  # 64 ms
_BAND: Final = 16  # bins: 250 Hz
_MOST_FRAMES: Final = 2000


def band_flatness(sound: NDArray[np.float32]) -> float:
    """0 to about 0.56 of a mono sound at 16 kHz: the median over its louder frames; 0 for silence."""
    frames = sound[: len(sound) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    power = np.mean(frames**2, axis=1) if len(frames) else np.zeros(0)
    loud = frames[power >= max(float(np.mean(power)), 1e-10)] if len(power) else frames
    if not len(loud):
        return 0.0
    loud = loud[:: max(1, len(loud) // _MOST_FRAMES)]
    spectrum = np.abs(np.fft.rfft(loud * np.hanning(_FRAME), axis=1)[:, _BAND : 28 * _BAND]) ** 2 + 1e-12
    bands = spectrum.reshape(len(loud), -1, _BAND)
    arithmetic = np.mean(bands, axis=2)
    flat = np.exp(np.mean(np.log(bands), axis=2)) / arithmetic
    weights = np.sqrt(arithmetic)  # bands that are heard count, not only the strongest
    return float(np.median(np.sum(flat * weights, axis=1) / np.sum(weights, axis=1)))
