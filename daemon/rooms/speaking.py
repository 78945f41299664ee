"""Who speaks when, by level, with hysteresis: what a picture that follows the speaker is cut by. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.rooms.cover import Span
from recorder.align import RATE

FRAME_MS: Final = 100
SMOOTH: Final = 5  # frames: a word, not its vowels
QUIET_DB: Final = -50.0  # of full scale: below is nobody's speech
OVER_FLOOR_DB: Final = 12.0  # above one's own noise
LOUDER_DB: Final = 6.0  # than whom the picture shows, to take it over
SUSTAINED: Final = 5  # frames for which that has to hold: a cough and a "mhm" are shorter
HOLD: Final = 20  # frames for which a picture stays


def speakers(voices: Mapping[str, NDArray[np.float32]]) -> list[tuple[str, Span]]:
    """Whose picture is to be seen, in ms from the voices' first sample, one after the other without a gap.

    `voices`: sound of each person, shape (n,) or (n, channels), all as long. Begins with whoever speaks first; () of
    nobody.
    """
    if not voices:
        return []
    names = list(voices)
    levels = np.stack([_levels(sound) for sound in voices.values()])
    speaking = levels > np.maximum(QUIET_DB, np.percentile(levels, 10, axis=1) + OVER_FLOOR_DB)[:, None]
    heard = np.where(speaking, levels, -np.inf)
    shown = _shown(heard)
    edges = [0, *(np.flatnonzero(np.diff(shown)) + 1).tolist(), len(shown)]
    length_ms = max(len(sound) for sound in voices.values()) * 1000 / RATE
    return [
        (names[int(shown[low])], (low * FRAME_MS, length_ms if high == len(shown) else high * FRAME_MS))
        for low, high in pairwise(edges)
    ]


def spoken_ms(voices: Mapping[str, NDArray[np.float32]]) -> dict[str, float]:
    """How long each one speaks."""
    found = {}
    for name, sound in voices.items():
        levels = _levels(sound)
        floor = max(QUIET_DB, float(np.percentile(levels, 10)) + OVER_FLOOR_DB) if len(levels) else QUIET_DB
        found[name] = float(np.sum(levels > floor)) * FRAME_MS
    return found


def _levels(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """dB of full scale of each frame, smoothed."""
    flat = sound.mean(axis=1) if sound.ndim == 2 else sound
    size = RATE * FRAME_MS // 1000
    count = max(1, -(-len(flat) // size))
    padded = np.zeros(count * size, np.float64)
    padded[: len(flat)] = flat
    power = np.mean(padded.reshape(count, size) ** 2, axis=1)
    if count > SMOOTH:
        power = np.convolve(power, np.ones(SMOOTH) / SMOOTH, "same")
    levels: NDArray[np.float64] = 10 * np.log10(power + 1e-12)
    return levels


def _shown(heard: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whose number is shown at each frame."""
    anybody = np.flatnonzero(np.isfinite(heard).any(axis=0))
    current = int(np.argmax(heard[:, anybody[0]])) if len(anybody) else 0
    shown = np.full(heard.shape[1], current, np.int64)
    rival, since, held = -1, 0, 0
    for at in range(heard.shape[1]):
        loudest = int(np.argmax(heard[:, at]))
        takes_over = np.isfinite(heard[loudest, at]) and heard[loudest, at] > heard[current, at] + LOUDER_DB
        if not takes_over or loudest == current:
            rival = -1
        elif loudest != rival:
            rival, since = loudest, at
        held += 1
        if rival >= 0 and at - since + 1 >= SUSTAINED and held >= HOLD:
            current, held, rival = rival, 0, -1
            shown[since:at] = current  # the picture changes when they begin, which is known by now
        shown[at] = current
    return shown
