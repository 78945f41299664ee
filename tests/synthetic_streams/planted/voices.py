"""Phrases of talk with the times of their words: made in code or cut from recordings.

A phrase's slots say when something is said, not what: a stream puts its own words there, so a phrase that is heard
again says something else. Everything is 16 kHz mono at the family's talk level.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np

from daemon.demo import synth
from daemon.demo.speech import recording
from tests.synthetic_streams import feature_level as fl
from tests.synthetic_streams.planted.stream import Floats

RATE: Final = fl.RATE
_PAUSE_S: Final = 0.18  # of a recording: longer is a break between words, shorter may be the stop of a consonant
_UNDER_DB: Final = 32.0  # a recording's frames this far under its loudest are a pause
_SNAP: Final = 6  # frames of 10 ms that a word's edge may move to a dip of the recording
_WORDS_PER_S: Final = 3.1  # the bundled sentences: 15 words in 4.7 s with their pauses


@dataclass(frozen=True, slots=True)
class Phrase:
    """A wave and when each of its words begins and ends, in s from its start; shape (words, 2)."""

    wave: Floats = field(repr=False)
    words: Floats = field(repr=False)

    @property
    def seconds(self) -> float:
        """Length of the wave."""
        return len(self.wave) / RATE


def resampled(sound: synth.Audio) -> Floats:
    """From the demo's 24 kHz to 16 kHz, by cutting the spectrum."""
    n = len(sound) // 3 * 3
    spectrum = np.fft.rfft(sound[:n].astype(np.float64))
    return np.asarray(np.fft.irfft(spectrum[: n // 3 + 1], n // 3 * 2) * (2 / 3))


def made(rng: np.random.Generator, pitch_hz: float, words: int, *, talk_dbfs: float, raised: float = 1.0) -> Phrase:
    """Words of one to three syllables, four to five syllables a second; `raised` lifts and brightens the voice."""
    parts: list[tuple[float, Floats]] = []
    spans, t, tilt = [], 0.02, 6.0 if raised == 1.0 else 3.0
    for place in range(words):
        start = t
        for _ in range(1 + int(rng.binomial(2, 0.3))):
            syllable = _syllable(rng, pitch_hz * raised * (1.04 - 0.08 * place / words), tilt)
            parts.append((t, syllable))
            t += len(syllable) / RATE + rng.uniform(0.0, 0.02)
        spans.append((start, t))
        t += rng.uniform(0.03, 0.12)
    out = np.zeros(round((t + 0.05) * RATE))
    for at, part in parts:
        first = round(at * RATE)
        out[first : first + len(part)] += part[: len(out) - first]
    return Phrase(fl.at_level(out, talk_dbfs), np.array(spans))


def _syllable(rng: np.random.Generator, pitch_hz: float, tilt: float) -> Floats:
    n = round(rng.uniform(0.11, 0.22) * RATE)
    pitch = pitch_hz * 2 ** (rng.normal(0, 2) / 12) * np.linspace(1.05, 0.95, n)
    formants = (rng.uniform(300, 750), rng.uniform(900, 2200), rng.uniform(2300, 3000))
    vowel = fl._voice(pitch, formants, tilt) * fl.envelope(n, 0.03, 0.05)
    vowel *= rng.uniform(0.7, 1.1) / (vowel.std() + 1e-9)
    if rng.random() >= 0.6:
        return np.asarray(vowel)
    hiss = round(rng.uniform(0.03, 0.07) * RATE)
    noise = fl.shaped(rng, hiss, lambda f: (f > 2500) * 1.0) * fl.envelope(hiss, 0.01, 0.02)
    return np.concatenate((vowel, 0.25 * noise))


def recorded(rng: np.random.Generator, name: str, *, talk_dbfs: float) -> list[Phrase]:
    """A bundled sentence, and each stretch of it between two pauses."""
    wave = fl.at_level(resampled(recording(name)), talk_dbfs)
    frames = wave[: len(wave) // 160 * 160].reshape(-1, 160)
    loud = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    spans = _spoken(loud > loud.max() - _UNDER_DB)
    slots = [_slots(rng, loud, a, b) for a, b in spans]
    whole = Phrase(wave[: round((spans[-1][1] / 100 + 0.08) * RATE)], np.concatenate(slots))
    if len(spans) == 1:
        return [whole]
    parts = [_cut(wave, words) for words in slots if len(words) >= 3]
    return [whole, *parts]


def _spoken(on: np.ndarray) -> list[tuple[int, int]]:
    """Runs of sound in frames, joined over less than a pause."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], on.astype(int), [0]))))
    runs = [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
    out = [runs[0]]
    for a, b in runs[1:]:
        if a - out[-1][1] < _PAUSE_S * 100:
            out[-1] = (out[-1][0], b)
        else:
            out.append((a, b))
    return [(a, b) for a, b in out if b - a >= 15]


def _slots(rng: np.random.Generator, loud: Floats, a: int, b: int) -> Floats:
    """Words over one run: lengths vary, edges move to the quietest frame near by."""
    count = max(1, round((b - a) / 100 * _WORDS_PER_S))
    weight = np.cumsum(rng.uniform(0.6, 1.6, count))
    edges = [a, *(int(x) for x in a + (b - a) * weight[:-1] / weight[-1]), b]
    for i in range(1, count):
        low, high = max(edges[i] - _SNAP, edges[i - 1] + 8), min(edges[i] + _SNAP, b - 8)
        if low < high:
            edges[i] = low + int(np.argmin(loud[low:high]))
    return np.array([(x / 100 + 0.005, y / 100 - 0.005) for x, y in pairwise(edges)])


def _cut(wave: Floats, words: Floats) -> Phrase:
    """The stretch of some words, with 40 ms around it and short fades."""
    first = max(0, round((words[0, 0] - 0.04) * RATE))
    part = wave[first : round((words[-1, 1] + 0.06) * RATE)]
    part = part * fl.envelope(len(part), 0.02, 0.03)
    return Phrase(part, words - first / RATE)


def first_words(phrase: Phrase, count: int) -> Phrase:
    """The beginning of a phrase."""
    return _cut(phrase.wave, phrase.words[:count]) if len(phrase.words) > count else phrase


def faster(phrase: Phrase, factor: float) -> Phrase:
    """Played faster and higher, or slower and lower, at the same level."""
    at = np.arange(0, len(phrase.wave) - 1, factor)
    return Phrase(np.interp(at, np.arange(len(phrase.wave)), phrase.wave), phrase.words / factor)


def louder(phrase: Phrase, over_db: float) -> Phrase:
    """The same at another level."""
    return Phrase(phrase.wave * 10 ** (over_db / 20), phrase.words)
