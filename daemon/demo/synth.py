"""Sounds made in code: crowds, shouts, laughter, applause, music, slams, adverts. Pure, seeded, numpy only.

Every maker returns float32 mono at `RATE`, at no particular level: mix.py scales it by `active_rms`. A `Palette` holds
the ranges a family of streams draws from, so that the streams of the tests (`TEST`) have other spectra, pitches, tempi
and decays than the demo (`DEMO`), and a detector tuned on one cannot have learnt the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 24_000  # the bundled speech's own rate; render.py resamples the finished mix to 48 kHz
Audio = NDArray[np.float32]
Wave = NDArray[np.float64]
Talk = Sequence[Audio]  # recordings of talk that crowds are built from
_TABLE: Final = 2048
_FRAME: Final = RATE // 20  # 50 ms


Formants = tuple[tuple[float, float, float], ...]  # (centre Hz, width Hz, gain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The ranges a family draws its sounds from: frequencies in Hz, times in s. `tract` scales every formant."""

    vowels: tuple[Formants, ...]
    tract: tuple[float, float]
    voices_per_s: tuple[int, int]
    low_pitch: tuple[float, float]
    high_pitch: tuple[float, float]
    attack_s: tuple[float, float]
    decay_s: tuple[float, float]
    syllables_hz: tuple[float, float]
    breath_hz: float  # centre of a crowd's noise
    clap_hz: tuple[float, float]
    claps_hz: tuple[float, float]  # of one pair of hands
    tempo_bpm: tuple[float, float]
    root_hz: tuple[float, float]
    chords: tuple[tuple[int, ...], ...]  # semitones over the root


DEMO: Final = Palette(
    vowels=(
        ((800, 100, 1.0), (1250, 130, 0.7), (2700, 200, 0.25), (3700, 280, 0.12)),
        ((620, 95, 1.0), (1800, 150, 0.5), (2600, 200, 0.3), (3700, 280, 0.12)),
        ((560, 95, 1.0), (950, 120, 0.6), (2500, 200, 0.15), (3500, 280, 0.1)),
    ),
    tract=(0.95, 1.2),
    voices_per_s=(10, 20),
    low_pitch=(150, 320),
    high_pitch=(320, 680),
    attack_s=(0.18, 0.35),
    decay_s=(0.9, 1.4),
    syllables_hz=(4.0, 5.0),
    breath_hz=1300,
    clap_hz=(900, 2400),
    claps_hz=(3.0, 5.5),
    tempo_bpm=(118, 132),
    root_hz=(98, 117),
    chords=((0, 3, 7, 12), (8, 12, 15, 20), (3, 7, 10, 15), (10, 14, 17, 22)),
)
TEST: Final = Palette(
    vowels=(
        ((720, 140, 1.0), (1150, 170, 0.8), (2450, 260, 0.35), (3300, 320, 0.2)),
        ((420, 90, 1.0), (1000, 140, 0.5), (2300, 240, 0.2), (3300, 320, 0.1)),
        ((480, 90, 1.0), (2000, 200, 0.6), (2800, 260, 0.3), (3600, 320, 0.15)),
    ),
    tract=(0.85, 1.0),
    voices_per_s=(5, 10),
    low_pitch=(110, 220),
    high_pitch=(260, 520),
    attack_s=(0.3, 0.7),
    decay_s=(0.5, 0.9),
    syllables_hz=(3.4, 4.2),
    breath_hz=850,
    clap_hz=(1500, 3600),
    claps_hz=(2.2, 3.6),
    tempo_bpm=(92, 112),
    root_hz=(123, 147),
    chords=((0, 4, 7, 11), (5, 9, 12, 16), (7, 11, 14, 17), (0, 4, 7, 12)),
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
    frequencies = np.fft.rfftfreq(n, 1 / RATE).astype(np.float64)
    noise = np.fft.irfft(spectrum * gain(frequencies), n)
    return np.asarray(noise / (noise.std() + 1e-12), dtype=np.float64)


def roar(rng: np.random.Generator, duration_s: float, palette: Palette, talk: Talk) -> Audio:
    """A crowd that goes up at once: many short cries, scraps of talk, and the breath of it all."""
    n = round(duration_s * RATE)
    cries = np.zeros(n)
    for _ in range(int(rng.integers(*palette.voices_per_s, endpoint=True) * duration_s)):
        length = int(rng.uniform(0.35, 2.0) * RATE)
        base = rng.uniform(*(palette.low_pitch if rng.random() < 0.5 else palette.high_pitch))
        arc = np.sin(np.pi * np.linspace(0, 1, length) ** rng.uniform(0.4, 0.9))
        cry = _voice(rng, base * (1 + rng.uniform(0.05, 0.4) * arc), _vowel_of(rng, palette), breath=0.4, rough=0.3)
        _add(cries, int(rng.integers(-length // 3, n - length // 2)), cry * _fades(length, 0.08, 0.25))
    breath = shaped_noise(rng, n, lambda f: np.exp(-0.5 * (np.log((f + 1) / palette.breath_hz) / 0.8) ** 2))
    mixed = _unit(cries) + 0.25 * breath * _wobble(rng, n, 4.0, 0.2) + 0.35 * _unit(_scraps(rng, n, 14, talk))
    return _finish(_room(rng, mixed, 0.45) * _arc(rng, n, palette))


def shouts(rng: np.random.Generator, duration_s: float, palette: Palette, talk: Talk) -> Audio:
    """A few people scream and shout over one another: high rough voices of half a second to one and a half."""
    n = round(duration_s * RATE)
    screams = np.zeros(n)
    for person in range(rng.integers(3, 5, endpoint=True)):
        at = int(rng.uniform(0, 0.25) * RATE) * (person > 0)
        while at < n - RATE // 3:
            length = min(int(rng.uniform(0.5, 1.4) * RATE), n - at)
            base = rng.uniform(palette.high_pitch[0] * 1.15, palette.high_pitch[1] * 1.15)
            glide = base * (1 + 0.25 * np.sin(np.pi * np.linspace(0, 1, length) ** 0.6))
            open_mouth = _scaled(palette.vowels[0], float(rng.uniform(1.1, 1.3)))
            scream = _voice(rng, glide, open_mouth, breath=0.3, rough=0.5)
            _add(screams, at, scream * _fades(length, 0.05, 0.2))
            at += length + int(rng.uniform(0.03, 0.25) * RATE)
    mixed = _unit(screams) + 0.6 * _unit(_scraps(rng, n, 6, talk))
    return _finish(_room(rng, mixed, 0.3) * _arc(rng, n, palette))


def laughter(rng: np.random.Generator, duration_s: float, palette: Palette, talk: Talk) -> Audio:
    """Several people laugh: trains of `ha`, each with its own pitch and rate, gasps between; a little talk under it."""
    n = round(duration_s * RATE)
    out = np.zeros(n)
    for person in range(rng.integers(4, 6, endpoint=True)):
        vowel, base = _vowel_of(rng, palette), rng.uniform(*palette.low_pitch)
        rate = rng.uniform(*palette.syllables_hz)
        at = int(rng.uniform(0.0, 0.5) * RATE) * (person > 0)
        while at < n:
            at = _ha_train(rng, out, at, base, rate, vowel)
            gasp = int(0.35 * RATE)
            _add(out, at, 0.25 * _whisper(rng, gasp, vowel) * _fades(gasp, 0.2, 0.1))
            at += gasp + int(rng.uniform(0.05, 0.3) * RATE)
    mixed = _unit(out) + 0.25 * _unit(_scraps(rng, n, 3, talk))
    return _finish(_room(rng, mixed, 0.2) * _arc(rng, n, palette))


def applause(rng: np.random.Generator, duration_s: float, palette: Palette) -> Audio:
    """Sixty pairs of hands, each with its own pitch, width and pace."""
    n, grain = round(duration_s * RATE), int(0.03 * RATE)
    out = np.zeros(n)
    f = np.fft.rfftfreq(grain, 1 / RATE)
    for _ in range(60):
        tone, width = rng.uniform(*palette.clap_hz), rng.uniform(0.3, 0.5)
        band = np.exp(-0.5 * (np.log((f + 1) / tone) / width) ** 2) + 0.05
        pace, loud = rng.uniform(*palette.claps_hz), rng.uniform(0.2, 1.0)
        fall = np.exp(-np.arange(grain) / (rng.uniform(0.002, 0.006) * RATE))
        t = rng.uniform(0, 0.3)
        while t < duration_s:
            clap = np.fft.irfft(np.fft.rfft(rng.standard_normal(grain) * fall) * band, grain)
            _add(out, int(t * RATE), loud * clap)
            t += rng.uniform(0.85, 1.15) / pace
    return _finish(_room(rng, out, 0.35) * _arc(rng, n, palette))


def cheer(rng: np.random.Generator, duration_s: float, palette: Palette, talk: Talk) -> Audio:
    """A roar with applause under it."""
    crowd, hands = roar(rng, duration_s, palette, talk), applause(rng, duration_s, palette)
    return _finish(_unit(crowd) + 0.35 * _unit(hands))


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


REACTIONS: Final[Mapping[str, Callable[[np.random.Generator, float, Palette, Talk], Audio]]] = {
    "roar": roar,
    "shouts": shouts,
    "laughter": laughter,
    "cheer": cheer,
}


def _finish(x: Wave | Audio) -> Audio:
    return np.asarray(x, dtype=np.float32)


def _unit(x: Wave | Audio) -> Wave:
    return np.asarray(x / (x.std() + 1e-9), dtype=np.float64)


def _add(out: Wave, at: int, sound: Wave) -> None:
    """Mix a sound in at a place, cut off at both ends of `out`."""
    low, high = max(0, at), min(len(out), at + len(sound))
    if low < high:
        out[low:high] += sound[low - at : high - at]


def _scaled(formants: Formants, tract: float) -> Formants:
    return tuple((hz * tract, width * tract, gain) for hz, width, gain in formants)


def _vowel_of(rng: np.random.Generator, palette: Palette) -> Formants:
    """A vowel in somebody's mouth; the open one most often."""
    index = 0 if rng.random() < 0.5 else int(rng.integers(len(palette.vowels)))
    return _scaled(palette.vowels[index], float(rng.uniform(*palette.tract)))


def _response(f: Wave, formants: Formants) -> Wave:
    bands = [gain * np.exp(-0.5 * ((f - hz) / width) ** 2) for hz, width, gain in formants]
    return np.asarray(np.sum(bands, axis=0) + 0.015, dtype=np.float64)


def _whisper(rng: np.random.Generator, n: int, formants: Formants) -> Wave:
    return shaped_noise(rng, n, lambda f: _response(f, formants))


def _scraps(rng: np.random.Generator, n: int, per_s: float, talk: Talk) -> Wave:
    """Scraps of recorded talk, raised in pitch and piled up: words nobody can make out."""
    out = np.zeros(n)
    for _ in range(int(per_s * n / RATE)):
        words, pitch = talk[int(rng.integers(len(talk)))], rng.uniform(1.1, 1.7)
        length = int(rng.uniform(0.25, 0.9) * RATE)
        start = rng.integers(0, max(1, len(words) - int(length * pitch) - 1))
        scrap = np.interp(start + np.arange(length) * pitch, np.arange(len(words)), words)
        _add(out, int(rng.integers(-length // 2, n - length // 3)), scrap * _fades(length, 0.04, 0.08))
    return out


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


def _voice(rng: np.random.Generator, pitch: Wave, formants: Formants, *, breath: float, rough: float = 0.0) -> Wave:
    """Sing a pitch contour through vowel formants: one period is tabled at the mean pitch and read at any other.

    `breath` is the share of noise; `rough` the depth of the 50-90 Hz flutter that makes a cry of a note.
    """
    n, base = len(pitch), float(pitch.mean())
    harmonics = np.arange(1, max(2, int(8000 / base)) + 1)
    gains = _response((harmonics * base).astype(np.float64), formants) / (1 + harmonics * base / 1200)
    turn = 2 * np.pi * np.arange(_TABLE) / _TABLE
    phases = 0.3 * rng.uniform(0, 2 * np.pi, len(harmonics))
    table = _unit((gains[:, None] * np.cos(harmonics[:, None] * turn + phases[:, None])).sum(axis=0))
    phase = np.cumsum(pitch * _wobble(rng, n, 6.0, 0.03) * _wobble(rng, n, 40.0, 0.03)) / RATE
    tone = table[(phase * _TABLE).astype(np.int64) % _TABLE] * _wobble(rng, n, 25.0, 0.25)
    if rough:
        flutter = np.cumsum(rng.uniform(50, 90) * _wobble(rng, n, 20.0, 0.3)) / RATE
        tone = tone * (1 + rough * np.sin(2 * np.pi * flutter))
    return np.asarray((tone + breath * _whisper(rng, n, formants)) * rng.uniform(0.2, 1.0), dtype=np.float64)


def _ha_train(rng: np.random.Generator, out: Wave, at: int, base: float, rate: float, vowel: Formants) -> int:
    """Mix one breath's worth of `ha ha ha` in; returns where it ends."""
    loud = rng.uniform(0.6, 1.0)
    for k in range(rng.integers(4, 8, endpoint=True)):
        period = RATE / rate * rng.uniform(0.9, 1.1)
        opening, sounding = int(0.6 * period), int(0.4 * period)
        _add(out, at, 0.4 * loud * _whisper(rng, opening, vowel) * _fades(opening, 0.04, 0.02))
        pitch = base * (1.3 if k < 2 else 1.15 - 0.03 * k) * np.linspace(1.12, 0.95, sounding)
        ha = _voice(rng, pitch, vowel, breath=0.5) * _fades(sounding, 0.02, 0.06)
        _add(out, at + opening, loud * (1 - 0.06 * k) * ha)
        at += int(period)
    return at


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
