"""Sounds made in code: crowds, shouts, laughter, applause, music, slams, adverts. Pure, seeded, numpy only.

Every maker returns float32 mono at `RATE`, at no particular level: mix.py scales it by `active_rms`. A `Palette` holds
the ranges a family of streams draws from, so that the streams of the tests (`TEST`) have other spectra, pitches, tempi
and decays than the demo (`DEMO`), and a detector tuned on one cannot have learnt the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 24_000  # the bundled speech's own rate; render.py resamples the finished mix to 48 kHz
Audio = NDArray[np.float32]
Wave = NDArray[np.float64]
_TABLE: Final = 2048
_FRAME: Final = RATE // 20  # 50 ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The ranges a family draws its sounds from. Frequencies in Hz, times in s; a formant is (centre, width, gain)."""

    formants: tuple[tuple[float, float, float], ...]
    voices: tuple[int, int]
    pitch: tuple[float, float]
    attack_s: tuple[float, float]
    decay_s: tuple[float, float]
    syllables_hz: tuple[float, float]
    clap_hz: tuple[float, float]
    tempo_bpm: tuple[float, float]
    root_hz: tuple[float, float]
    chords: tuple[tuple[int, ...], ...]  # semitones over the root
    noise_share: float  # of a crowd: 0 only voices, 1 only noise


DEMO: Final = Palette(
    formants=((520, 130, 1.0), (1050, 180, 0.8), (1600, 260, 0.45), (2700, 400, 0.3)),
    voices=(14, 22),
    pitch=(190, 430),
    attack_s=(0.18, 0.35),
    decay_s=(0.9, 1.4),
    syllables_hz=(4.6, 5.6),
    clap_hz=(900, 2600),
    tempo_bpm=(118, 132),
    root_hz=(98, 117),
    chords=((0, 3, 7, 12), (8, 12, 15, 20), (3, 7, 10, 15), (10, 14, 17, 22)),
    noise_share=0.45,
)
TEST: Final = Palette(
    formants=((680, 170, 1.0), (1320, 240, 0.65), (2350, 350, 0.5), (3600, 600, 0.25)),
    voices=(6, 12),
    pitch=(130, 360),
    attack_s=(0.3, 0.7),
    decay_s=(0.5, 0.9),
    syllables_hz=(3.6, 4.6),
    clap_hz=(1400, 3800),
    tempo_bpm=(92, 112),
    root_hz=(123, 147),
    chords=((0, 4, 7, 11), (5, 9, 12, 16), (7, 11, 14, 17), (0, 4, 7, 12)),
    noise_share=0.7,
)
PALETTES: Final[Mapping[str, Palette]] = {"demo": DEMO, "test": TEST}


def db(value: float) -> float:
    """The amplitude factor of a level in dB."""
    return float(10.0 ** (value / 20.0))


def active_rms(x: Audio) -> float:
    """RMS of the 50 ms frames within 15 dB of the loudest: the level of a sound without its pauses and tails."""
    count = max(1, len(x) // _FRAME)
    frames = np.resize(x, count * _FRAME) if len(x) < _FRAME else x[: count * _FRAME]
    power = np.mean(frames.reshape(count, _FRAME).astype(np.float64) ** 2, axis=1)
    loud = power[power >= power.max() * db(-15) ** 2]
    return float(np.sqrt(loud.mean())) if power.max() > 0 else 0.0


def soft_limit(x: Audio) -> Audio:
    """Linear up to 0.6, then bent so that nothing leaves -1..1; without memory, so blocks can be limited one by one."""
    size = np.abs(x)
    bent = 0.6 + 0.4 * np.tanh((size - 0.6) / 0.4)
    return np.where(size <= 0.6, x, np.sign(x) * bent).astype(np.float32)


def shaped_noise(rng: np.random.Generator, n: int, gain: Callable[[Wave], Wave]) -> Wave:
    """Noise with the spectrum `gain(frequencies)`. It wraps around without a seam, so it can be looped."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    noise = np.fft.irfft(spectrum * gain(np.fft.rfftfreq(n, 1 / RATE)), n)
    return np.asarray(noise / (noise.std() + 1e-12), dtype=np.float64)


def roar(rng: np.random.Generator, duration_s: float, palette: Palette) -> Audio:
    """A crowd that goes up at once: breath noise through vowels, and many voices whose pitch rises and sinks."""
    n = round(duration_s * RATE)
    noise = shaped_noise(rng, n, lambda f: _vowel(f, palette.formants) + 0.04) * _wobble(rng, n, 5.0, 0.35)
    voices = np.zeros(n)
    for _ in range(rng.integers(*palette.voices, endpoint=True)):
        start = int(rng.uniform(0, 0.16) * n)
        length = int((n - start) * rng.uniform(0.6, 1.0))
        base = rng.uniform(*palette.pitch)
        arc = np.sin(np.pi * np.linspace(0, 1, length) ** rng.uniform(0.5, 0.9))
        sung = _voice(rng, base * (1 + rng.uniform(0.1, 0.45) * arc), palette.formants, rough=0.02)
        voices[start : start + length] += sung * _fades(length, 0.12, 0.4) * rng.uniform(0.4, 1.0)
    return _crowd(rng, noise, voices, n, palette)


def shouts(rng: np.random.Generator, duration_s: float, palette: Palette) -> Audio:
    """A few people scream over one another: high rough voices of half a second to one and a half."""
    n = round(duration_s * RATE)
    out = np.zeros(n)
    bright = tuple((hz * 1.5, width * 1.4, gain) for hz, width, gain in palette.formants)
    for person in range(rng.integers(3, 5, endpoint=True)):
        at = int(rng.uniform(0, 0.25) * RATE) * (person > 0)
        while at < n - RATE // 3:
            length = min(int(rng.uniform(0.5, 1.5) * RATE), n - at)
            base = rng.uniform(1.5, 2.3) * palette.pitch[1] * 0.75
            glide = base * (1 + 0.25 * np.sin(np.pi * np.linspace(0, 1, length)))
            out[at : at + length] += _voice(rng, glide, bright, rough=0.05) * _fades(length, 0.04, 0.2)
            at += length + int(rng.uniform(0.03, 0.2) * RATE)
    return _finish(_room(rng, out, 0.25) * _arc(rng, n, palette))


def laughter(rng: np.random.Generator, duration_s: float, palette: Palette) -> Audio:
    """Several people laugh: trains of `ha`, each voice with its own pitch, rate and breaths."""
    n = round(duration_s * RATE)
    out = np.zeros(n)
    for person in range(rng.integers(4, 7, endpoint=True)):
        base = rng.uniform(*palette.pitch)
        rate = rng.uniform(*palette.syllables_hz)
        at = int(rng.uniform(0.0, 0.6) * RATE) * (person > 0)
        while at < n:
            at = _ha_train(rng, out, at, base, rate, palette) + int(rng.uniform(0.15, 0.45) * RATE)
    return _finish(_room(rng, out, 0.2) * _arc(rng, n, palette))


def applause(rng: np.random.Generator, duration_s: float, palette: Palette) -> Audio:
    """Many hands: claps of a few milliseconds through a band, dense in the middle, thinning out."""
    n = round(duration_s * RATE)
    grain = int(0.012 * RATE)
    fall = np.exp(-np.arange(grain) / (0.0025 * RATE))
    claps = np.zeros(n + grain)
    for at in rng.integers(0, n, int(duration_s * rng.uniform(90, 160))):
        claps[at : at + grain] += rng.standard_normal(grain) * fall * rng.uniform(0.3, 1.0)
    low, high = palette.clap_hz
    spectrum = np.fft.rfft(claps[:n])
    f = np.fft.rfftfreq(n, 1 / RATE)
    band = np.exp(-0.5 * (np.log(f / np.sqrt(low * high) + 1e-9) / np.log(high / low)) ** 2)
    return _finish(_room(rng, np.fft.irfft(spectrum * band, n), 0.3) * _arc(rng, n, palette))


def cheer(rng: np.random.Generator, duration_s: float, palette: Palette) -> Audio:
    """A roar over applause."""
    crowd, hands = roar(rng, duration_s, palette), applause(rng, duration_s, palette)
    return _finish(crowd / (active_rms(crowd) + 1e-9) + 0.7 * hands / (active_rms(hands) + 1e-9))


def music(rng: np.random.Generator, duration_s: float, palette: Palette, *, drop_s: float = 0.0) -> Audio:
    """Chords, bass and drums. Before `drop_s` only the chords, quiet, and a rising noise: then everything at once."""
    n, drop = round(duration_s * RATE), round(drop_s * RATE)
    beat = 60.0 / rng.uniform(*palette.tempo_bpm)
    root = rng.uniform(*palette.root_hz)
    out = np.zeros(n)
    bar = round(4 * beat * RATE)
    for index, at in enumerate(range(0, n, bar)):
        chord = palette.chords[index % len(palette.chords)]
        length = min(bar, n - at)
        for step in chord:
            out[at : at + length] += 0.22 * _string(rng, root * 2 ** (step / 12), length)
        out[at : at + length] += 0.5 * _string(rng, root / 2 * 2 ** (chord[0] / 12), length)
    if drop:
        rise = np.linspace(0, 1, drop) ** 2
        out[:drop] = out[:drop] * 0.3 + 0.12 * rise * rng.standard_normal(drop)
    _drums(rng, out, drop, beat)
    out *= _fades(n, 0.01, 0.25)
    return _finish(out)


def door_slam(rng: np.random.Generator, duration_s: float, palette: Palette) -> Audio:
    """One thump of the frame, the crack of the latch, a short rattle. `palette` moves the thump's pitch."""
    n = round(duration_s * RATE)
    t = np.arange(n) / RATE
    low = palette.root_hz[0] * rng.uniform(0.5, 0.8)
    thump = np.sin(2 * np.pi * low * t) * np.exp(-t / 0.07)
    crack = rng.standard_normal(n) * np.exp(-t / 0.012)
    rattle = 0.15 * rng.standard_normal(n) * np.exp(-t / 0.12) * (np.sin(2 * np.pi * 23 * t) > 0.4)
    return _finish(_room(rng, 1.2 * thump + crack + rattle, 0.4))


def keyboard(rng: np.random.Generator, duration_s: float, palette: Palette) -> Audio:
    """Typing: bursts of short clicks, press and release, with pauses of thinking. `palette` sets the click's band."""
    n = round(duration_s * RATE)
    grain = int(0.02 * RATE)
    fall = np.exp(-np.arange(grain) / (0.003 * RATE))
    out, at = np.zeros(n + 4 * grain), 0.0
    while at < duration_s:
        press = int(at * RATE)
        for offset, size in ((0, 1.0), (int(rng.uniform(0.05, 0.07) * RATE), 0.45)):
            where = slice(press + offset, min(press + offset + grain, len(out)))
            click = rng.standard_normal(grain) * fall * size * rng.uniform(0.5, 1.0)
            out[where] += click[: where.stop - where.start]
        at += rng.uniform(0.08, 0.2) if rng.random() < 0.85 else rng.uniform(0.4, 1.2)
    low, high = palette.clap_hz
    spectrum = np.fft.rfft(out[:n])
    f = np.fft.rfftfreq(n, 1 / RATE)
    return _finish(np.fft.irfft(spectrum * ((f > low) & (f < 2 * high)), n))


def advert(rng: np.random.Generator, duration_s: float, palette: Palette, speech: Audio) -> Audio:
    """A voice over a music bed, compressed, with abrupt edges: as loud as a reaction from its first sample."""
    bed = music(rng, duration_s, palette)
    out = 0.55 * bed / (active_rms(bed) + 1e-9)
    at = max(0, (len(out) - len(speech)) // 2)
    words = speech[: len(out) - at] / (active_rms(speech) + 1e-9)
    out[at : at + len(words)] += words
    return _finish(np.tanh(out * 0.8) * _fades(len(out), 0.004, 0.004))


def gain_step(n: int, start: int, end: int, factor: float) -> Audio:
    """The microphone's gain over `n` samples: 1, then `factor` between start and end, with ramps of 15 ms."""
    ramp = int(0.015 * RATE)
    points = [start - ramp, start, end, end + ramp]
    return np.interp(np.arange(n), points, [1.0, factor, factor, 1.0]).astype(np.float32)


def game_shot(rng: np.random.Generator, palette: Palette) -> Audio:
    """One weapon or explosion of the game's own sound, 0.3-0.8 s."""
    n = round(rng.uniform(0.3, 0.8) * RATE)
    t = np.arange(n) / RATE
    dull = rng.uniform(300, 1500) * palette.root_hz[0] / 100
    body = shaped_noise(rng, n, lambda f: 1 / (1 + (f / dull) ** 2))
    return _finish(body * np.exp(-t / rng.uniform(0.05, 0.16)) * np.minimum(1, t / 0.003))


def rumble(rng: np.random.Generator, n: int) -> Audio:
    """The hum of a game's world: low noise that swells, made to be looped."""
    swell = 1 + 0.3 * np.sin(2 * np.pi * 3 * np.arange(n) / n)
    return _finish(shaped_noise(rng, n, lambda f: 1 / (1 + (f / 180) ** 2) + 0.01) * swell)


REACTIONS: Final[Mapping[str, Callable[[np.random.Generator, float, Palette], Audio]]] = {
    "roar": roar,
    "shouts": shouts,
    "laughter": laughter,
    "cheer": cheer,
    "applause": applause,
}


def _finish(x: Wave | Audio) -> Audio:
    return np.asarray(x, dtype=np.float32)


def _vowel(f: Wave, formants: tuple[tuple[float, float, float], ...]) -> Wave:
    bands = [gain * np.exp(-0.5 * ((f - hz) / width) ** 2) for hz, width, gain in formants]
    return np.asarray(np.sum(bands, axis=0), dtype=np.float64)


def _fades(n: int, attack_s: float, decay_s: float) -> Wave:
    t = np.arange(n) / RATE
    return np.minimum(1.0, np.minimum(t / attack_s, (n / RATE - t) / decay_s))


def _arc(rng: np.random.Generator, n: int, palette: Palette) -> Wave:
    """Up within the attack, then down by half over the sound, and out over the decay."""
    down = np.linspace(1.0, rng.uniform(0.55, 0.8), n)
    return down * np.sqrt(_fades(n, rng.uniform(*palette.attack_s), rng.uniform(*palette.decay_s)))


def _wobble(rng: np.random.Generator, n: int, hz: float, depth: float) -> Wave:
    points = rng.uniform(1 - depth, 1 + depth, max(2, int(n / RATE * hz) + 2))
    return np.interp(np.linspace(0, len(points) - 1, n), np.arange(len(points)), points)


def _voice(
    rng: np.random.Generator, pitch: Wave, formants: tuple[tuple[float, float, float], ...], *, rough: float
) -> Wave:
    """Sing a pitch contour through vowel formants: one period is tabled at the mean pitch and read at any other."""
    base = float(pitch.mean())
    harmonics = np.arange(1, max(2, int(9000 / base)) + 1)
    gains = (_vowel(harmonics * base, formants) + 0.02) / (1 + harmonics * base / 3000)
    turn = 2 * np.pi * np.arange(_TABLE) / _TABLE
    table = (gains[:, None] * np.sin(harmonics[:, None] * turn + 0.3 * harmonics[:, None] ** 1.5)).sum(axis=0)
    jitter = _wobble(rng, len(pitch), 30.0, rough)
    phase = np.cumsum(pitch * jitter) / RATE
    return np.asarray(table[(phase * _TABLE).astype(np.int64) % _TABLE] / (table.std() + 1e-9), dtype=np.float64)


def _ha_train(rng: np.random.Generator, out: Wave, at: int, base: float, rate: float, palette: Palette) -> int:
    """Write one breath's worth of `ha ha ha` into `out`; returns where it ends."""
    for k in range(rng.integers(4, 9, endpoint=True)):
        length = int(RATE / rate * rng.uniform(0.5, 0.65))
        if at + length > len(out):
            return len(out)
        pitch = base * (1.25 - 0.05 * k) * np.linspace(1.08, 0.88, length)
        tone = _voice(rng, pitch, palette.formants, rough=0.02) * _fades(length, 0.02, 0.06)
        breath = 0.25 * rng.standard_normal(length) * _fades(length, 0.005, 0.08)
        out[at : at + length] += (tone + breath) * rng.uniform(0.7, 1.0) * (1 - 0.05 * k)
        at += int(RATE / rate)
    return at


def _crowd(rng: np.random.Generator, noise: Wave, voices: Wave, n: int, palette: Palette) -> Audio:
    share = palette.noise_share
    mixed = share * noise + (1 - share) * voices / (voices.std() + 1e-9)
    return _finish(_room(rng, mixed, 0.35) * _arc(rng, n, palette))


def _room(rng: np.random.Generator, x: Wave, wet: float) -> Wave:
    """A short echo of 0.3 s, so that voices stand in one room."""
    tail = int(0.3 * RATE)
    echo = rng.standard_normal(tail) * np.exp(-np.arange(tail) / (0.08 * RATE))
    size = 1 << (len(x) + tail - 1).bit_length()
    wide = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(echo / np.sqrt((echo**2).sum()), size), size)
    return np.asarray((1 - wet) * x + wet * wide[: len(x)], dtype=np.float64)


def _string(rng: np.random.Generator, hz: float, n: int) -> Wave:
    """A held synthesizer note: a soft saw, slightly detuned against itself."""
    turn = 2 * np.pi * np.arange(n) / RATE * hz
    drift = 1.004 + 0.002 * rng.random()
    partials = [np.sin(k * turn * d) / k**1.4 for k in range(1, 7) for d in (1.0, drift)]
    return np.asarray(np.sum(partials, axis=0), dtype=np.float64)


def _drums(rng: np.random.Generator, out: Wave, start: int, beat_s: float) -> None:
    """Kick on every beat, snare on the second and fourth, hats between, from `start` on."""
    length = int(0.22 * RATE)
    t = np.arange(length) / RATE
    kick = 1.6 * np.sin(2 * np.pi * (48 * t + 6 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.09)
    snare = 0.8 * rng.standard_normal(length) * np.exp(-t / 0.05)
    hat = 0.25 * np.diff(rng.standard_normal(length + 1)) * np.exp(-t / 0.015)
    half = beat_s / 2 * RATE
    for k, at in enumerate(np.arange(start, len(out), half).astype(int)):
        hit = hat.copy() if k % 2 else kick + hat
        if k % 4 == 2:
            hit = hit + snare
        room = min(length, len(out) - at)
        out[at : at + room] += hit[:room]
