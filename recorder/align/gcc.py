"""How far one piece of sound lies behind another: generalised cross-correlation with phase transform. Pure.

Knapp & Carter, "The Generalized Correlation Method for Estimation of Time Delay", IEEE TASSP 24 (1976): the spectrum is
whitened, so that a codec's loudness and a room's colour don't matter, only phase does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 48_000  # Hz
LOW_HZ: Final = 100.0
HIGH_HZ: Final = 4_000.0  # a voice's phase survives Opus at 32 kbit/s up to here
NEAR_MS: Final = 3.0  # of a peak: its own slopes, which are not noise
UNIQUE: Final = 0.8  # another peak this high beside the highest: the sound repeats itself, either may be meant


@dataclass(frozen=True, slots=True)
class Peak:
    """`lag`: samples, with a fraction, by which the piece lies behind the start of what was searched. `sharpness`: its
    height in standard deviations of the rest. `unique`: nothing else comes near it."""

    lag: float
    sharpness: float
    unique: bool


def best_lag(piece: NDArray[np.float32], searched: NDArray[np.float32]) -> Peak:
    """Where in `searched`, which is at least as long, `piece` is found; sharpness 0 in silence."""
    room = len(searched) - len(piece)
    size = 1 << (len(searched) + len(piece) - 1).bit_length()
    cross = np.fft.rfft(searched, size) * np.conj(np.fft.rfft(piece, size))
    heights = np.abs(cross)
    if not np.any(heights > 0):
        return Peak(0.0, 0.0, False)
    white = cross / (heights + 1e-3 * heights.mean())
    hz = np.fft.rfftfreq(size, 1 / RATE)
    white[(hz < LOW_HZ) | (hz > HIGH_HZ)] = 0
    found = np.fft.irfft(white, size)[: room + 1]
    at = int(np.argmax(found))
    near = round(NEAR_MS * RATE / 1000)
    rest = np.concatenate((found[: max(0, at - near)], found[at + near + 1 :]))
    if not len(rest):
        return Peak(float(at), 0.0, False)
    sigma = float(rest.std())
    sharpness = float(found[at]) / sigma if sigma > 0 else 0.0
    return Peak(at + _between(found, at), sharpness, bool(rest.max() < UNIQUE * found[at]))


def _between(found: NDArray[np.float64], at: int) -> float:
    """The top of the parabola through a peak and its neighbours, in samples from it."""
    if not 0 < at < len(found) - 1:
        return 0.0
    left, top, right = found[at - 1 : at + 2]
    bend = left - 2 * top + right
    return float(0.5 * (left - right) / bend) if bend < 0 else 0.0
