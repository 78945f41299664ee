"""Sounds with known properties, by family and seed, as WAV files: what a microphone, a game or a broken mixer gives."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]  # -1..1, shape (samples,) or (samples, channels)


def write_wav(path: Path, sound: Sound, rate: int = 48_000) -> Path:
    """16 bits; what is over full scale is clipped, as a sound card does."""
    shaped = sound.reshape(len(sound), -1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(shaped.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(shaped, -1, 1) * 32767).round().astype("<i2").tobytes())
    return path


def noise(seconds: float, seed: int, rate: int = 48_000, colour: float = 0.0) -> Sound:
    """Gaussian with a power of 1/f**colour: 0 white, 1 pink, 2 brown. RMS 1."""
    length = round(seconds * rate)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (colour / 2)
    spectrum[0] = 0
    made = np.fft.irfft(spectrum, length)
    return np.asarray(made / np.sqrt(np.mean(made**2)))


def voice(seconds: float, seed: int, rate: int = 48_000) -> Sound:
    """Like speech: a gliding pitch with formants, four syllables a second, pauses. Peaks near 1."""
    random, t = np.random.default_rng(seed), np.arange(round(seconds * rate)) / rate
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * t + random.uniform(0, 6)) + 10 * np.sin(2 * np.pi * 2.3 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    tone = sum(np.sin(k * phase) * np.exp(-(((k * 120 - 600) / 900) ** 2)) for k in range(1, 30))
    syllables = np.clip(np.sin(2 * np.pi * 4 * t + random.uniform(0, 6)), 0, 1) ** 0.7
    phrases = np.clip(4 * np.sin(2 * np.pi * t / 3.1 + random.uniform(0, 1)) + 2, 0, 1)
    made = tone * syllables * phrases + 0.02 * noise(seconds, seed, rate) * syllables
    return np.asarray(made / np.max(np.abs(made)))


def bangs(seconds: float, seed: int, rate: int = 48_000) -> Sound:
    """Single bangs of 60 ms, some a second, over almost nothing: typing, claps, gunshots far away."""
    random, made = np.random.default_rng(seed), 0.001 * noise(seconds, seed, rate)
    for at in random.uniform(0, seconds - 0.1, max(1, round(3 * seconds))):
        start, length = round(at * rate), round(0.06 * rate)
        made[start : start + length] += random.standard_normal(length) * np.exp(-np.arange(length) / (0.008 * rate))
    return np.asarray(0.9 * made / np.max(np.abs(made)))


def scream(seconds: float, seed: int, rate: int = 48_000) -> Sound:
    """One scream of half a second in near silence."""
    made = 0.0003 * noise(seconds, seed, rate)
    start, length = round(seconds * rate / 2), round(0.5 * rate)
    made[start : start + length] += (
        0.95 * np.sin(2 * np.pi * 1300 * np.arange(length) / rate) * np.hanning(length) ** 0.3
    )
    return made


def game(seconds: float, seed: int, rate: int = 48_000) -> Sound:
    """Voice over pink noise and bangs, in stereo."""
    back = 0.1 * noise(seconds, seed, rate, 1) + 0.4 * bangs(seconds, seed + 1, rate)
    said = 0.5 * voice(seconds, seed + 2, rate)
    return np.stack([said + back, said + np.roll(back, rate // 50)], axis=1)


def surround(seconds: float, seed: int, rate: int = 48_000) -> Sound:
    """5.1: voice in the centre, noise around it."""
    sides = [0.05 * noise(seconds, seed + n, rate, 1) for n in range(5)]
    return np.stack([sides[0], sides[1], 0.6 * voice(seconds, seed, rate), *sides[2:]], axis=1)


Make = Callable[[float, int, int], Sound]
FAMILIES: Final[dict[str, Make]] = {
    "voice": lambda s, n, r: 0.5 * voice(s, n, r),
    "quiet voice": lambda s, n, r: 0.1 * voice(s, n, r) + 0.0001 * noise(s, n, r, 1),
    "clipped voice": lambda s, n, r: np.clip(8 * voice(s, n, r), -1, 1),
    "scream in silence": scream,
    "bangs": bangs,
    "game": game,
    "square wave": lambda s, n, r: 0.9 * np.sign(np.sin(2 * np.pi * (200 + 10 * n) * np.arange(round(s * r)) / r)),
    "low tone": lambda s, n, r: 0.3 * np.sin(2 * np.pi * (45 + n) * np.arange(round(s * r)) / r),
    "loud noise": lambda s, n, r: 0.25 * noise(s, n, r, 1),
    "hiss": lambda s, n, r: 0.0015 * noise(s, n, r),
    "silence": lambda s, n, r: np.zeros(round(s * r) + 0 * n),
    "5.1": surround,
}
CAPPED: Final = frozenset({"bangs", "hiss", "silence"})  # these are not brought to the target, by design
