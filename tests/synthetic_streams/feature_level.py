"""Streams for tuning detectors: sound at 16 kHz and chat, made in code from a seed. Nothing is rendered.

A family of its own: other spectra, voices and rhythms than the demo's, so that what is tuned here is tried there.
Levels are over the talk's own level. Chat statistics are those of the detection design, section 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.media import ChatMessage
from core.times import ns

RATE: Final = 16_000
TALK_DBFS: Final = -27.0
Wave = NDArray[np.floating[Any]]
Maker = Callable[[np.random.Generator, float], Wave]


def level(x: Wave) -> float:
    """RMS of the 50 ms frames within 15 dB of the loudest: the level of a sound without its pauses."""
    frames = x[: len(x) // 800 * 800].reshape(-1, 800)
    power = np.mean(frames**2, axis=1)
    return float(np.sqrt(power[power >= power.max() * 10**-1.5].mean()))


def at_level(x: Wave, dbfs: float) -> Wave:
    """The same sound at another level."""
    return np.asarray(x * (10.0 ** (dbfs / 20.0) / (level(x) + 1e-12)))


def shaped(rng: np.random.Generator, n: int, gain: Callable[[Wave], Wave]) -> Wave:
    """Noise with a spectrum."""
    out = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * gain(np.fft.rfftfreq(n, 1 / RATE)), n)
    return np.asarray(out / (out.std() + 1e-12))


def envelope(n: int, attack_s: float, decay_s: float) -> Wave:
    """Up, and down again."""
    t = np.arange(n) / RATE
    return np.minimum(1.0, np.minimum(t / attack_s, np.maximum(n / RATE - t, 0) / decay_s))


def _drift(rng: np.random.Generator, n: int, every: int) -> Wave:
    """A slow random line through -1..1."""
    points = rng.uniform(-1, 1, n // every + 2)
    return np.asarray(np.interp(np.arange(n), np.arange(len(points)) * every, points))


def _voice(pitch_hz: Wave, formants: tuple[float, ...], tilt: float) -> Wave:
    """Harmonics of a pitch contour through formants; `tilt` in dB an octave, smaller for louder voices."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE
    out = np.zeros(len(pitch_hz))
    for k in range(1, int(4500 / pitch_hz.min()) + 1):
        f = k * pitch_hz.mean()
        gain = sum(1.0 / (1.0 + ((f - c) / (0.12 * c + 60)) ** 2) for c in formants) + 0.03
        out += gain * 10 ** (-tilt * math.log2(max(f / 200, 0.5)) / 20) * np.sin(k * phase + k * k)
    return out


def talk(rng: np.random.Generator, seconds: float, pitch_hz: float = 120.0) -> Wave:
    """One speaker: four to five syllables a second, vowels and hisses, phrases of 1.5-5 s with pauses between."""
    out = 1e-4 * rng.standard_normal(round(seconds * RATE))
    t = 0.2
    while t < seconds - 1.0:
        phrase_end, loud = t + rng.uniform(1.5, 5.0), 10 ** (rng.normal(0, 1.5) / 20)
        while t < min(phrase_end, seconds - 0.6):
            length = rng.uniform(0.12, 0.24)
            n, at = round(length * RATE), round(t * RATE)
            pitch = pitch_hz * 2 ** (rng.normal(0, 2) / 12) * np.linspace(1.05, 0.95, n)
            formants = (rng.uniform(300, 750), rng.uniform(900, 2200), rng.uniform(2300, 3000))
            part = _voice(pitch, formants, 6.0) * envelope(n, 0.03, 0.05)
            hiss = round(rng.uniform(0.03, 0.08) * RATE)
            out[at : at + n] += loud * part / (part.std() + 1e-9) * rng.uniform(0.7, 1.1)
            if rng.random() < 0.6:
                noise = shaped(rng, hiss, lambda f: (f > 2500) * 1.0) * envelope(hiss, 0.01, 0.02)
                out[at + n : at + n + hiss] += 0.25 * loud * noise[: len(out) - at - n]
            t += length + rng.uniform(0.03, 0.12)
        t += rng.uniform(0.4, 2.0)
    return at_level(out, TALK_DBFS)


def roar(rng: np.random.Generator, seconds: float) -> Wave:
    """A crowd: noise through two wide formants, swelling a little."""
    n = round(seconds * RATE)
    low, high = rng.uniform(600, 1000), rng.uniform(1500, 2400)
    noise = shaped(
        rng, n, lambda f: np.exp(-(((f - low) / 350) ** 2)) + 0.6 * np.exp(-(((f - high) / 700) ** 2)) + 0.02
    )
    wobble = 1 + 0.25 * _drift(rng, n, 3200)
    return noise * wobble * envelope(n, rng.uniform(0.2, 0.6), rng.uniform(0.6, 1.5))


def applause(rng: np.random.Generator, seconds: float) -> Wave:
    """A few hundred claps a second at most, each a few milliseconds of bright noise."""
    n, grain = round(seconds * RATE), 160
    hits = np.zeros(n + grain)
    for at in rng.integers(0, n, round(seconds * rng.uniform(120, 220))):
        hits[at : at + grain] += rng.standard_normal(grain) * np.exp(-np.arange(grain) / 35) * rng.uniform(0.4, 1)
    spectrum = np.fft.rfft(hits[:n]) * (np.fft.rfftfreq(n, 1 / RATE) > 500)
    return np.asarray(np.fft.irfft(spectrum, n) * envelope(n, 0.4, 1.0))


def screams(rng: np.random.Generator, seconds: float) -> Wave:
    """Three people shout over one another, an octave over talk and rough."""
    n = round(seconds * RATE)
    out = np.zeros(n)
    for _ in range(3):
        at = round(rng.uniform(0, 0.3) * RATE)
        size = n - at
        jitter = 1 + 0.04 * _drift(rng, size, 200)
        arc = 1 + 0.2 * np.sin(np.pi * np.linspace(0, 1, size))
        pitch = rng.uniform(380, 620) * arc * jitter
        out[at:] += _voice(pitch, (900.0, 1500.0, 2800.0), 2.0) * envelope(size, 0.08, 0.4)
    breath = shaped(rng, n, lambda f: (f > 700) / (1 + (f / 3000) ** 2)) * out.std() * 0.35
    return np.asarray(out + breath * envelope(n, 0.1, 0.4))


def music(rng: np.random.Generator, seconds: float) -> Wave:
    """Chords, a bass and drums in time."""
    n, beat = round(seconds * RATE), 60 / rng.uniform(85, 140)
    t = np.arange(n) / RATE
    root = rng.uniform(110, 165)
    out = np.zeros(n)
    for bar in range(int(seconds / (2 * beat)) + 1):
        inside = (t >= 2 * bar * beat) & (t < 2 * (bar + 1) * beat)
        for step in ((0, 4, 7), (9, 12, 16), (5, 9, 12))[bar % 3]:
            f = root * 2 ** (step / 12)
            out += inside * sum(np.sin(2 * np.pi * k * f * t) / k for k in range(1, 6)) * 0.25
        out += inside * np.sin(2 * np.pi * root / 2 * t) * 0.8
    since = np.mod(t, beat)
    out += 1.5 * np.sin(2 * np.pi * 55 * since) * np.exp(-since / 0.08)
    return out + 0.4 * rng.standard_normal(n) * np.exp(-np.mod(t + beat, 2 * beat) / 0.05)


def slam(rng: np.random.Generator, seconds: float) -> Wave:
    """A door: a thump and a crack, over in a quarter of a second."""
    t = np.arange(round(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * 70 * t) * np.exp(-t / 0.06) + rng.standard_normal(len(t)) * np.exp(-t / 0.02)


def keys(rng: np.random.Generator, seconds: float) -> Wave:
    """Typing, seven clicks a second."""
    n = round(seconds * RATE)
    out = np.zeros(n + 400)
    for at in np.cumsum(rng.exponential(RATE / 7, round(seconds * 7))).astype(int):
        if at < n:
            out[at : at + 400] += rng.standard_normal(400) * np.exp(-np.arange(400) / 60)
    return out[:n]


def rumble(rng: np.random.Generator, seconds: float) -> Wave:
    """Thunder, an engine, an explosion far off: power under 300 Hz."""
    n = round(seconds * RATE)
    return shaped(rng, n, lambda f: 1 / (1 + (f / 150) ** 2)) * envelope(n, 0.3, 1.5)


def rain(rng: np.random.Generator, seconds: float) -> Wave:
    """A shower that starts at once and stays at one level."""
    return shaped(rng, round(seconds * RATE), lambda f: 1.0 / (1 + (f / 4000) ** 2))


def advert(rng: np.random.Generator, seconds: float) -> Wave:
    """Another voice over music, compressed, cut in and out."""
    both = at_level(talk(rng, seconds, pitch_hz=200.0), -20) + at_level(music(rng, seconds), -22)
    return np.tanh(both * 12)


POSITIVES: Final[dict[str, Maker]] = {"roar": roar, "applause": applause, "screams": screams}
NEGATIVES: Final[dict[str, Maker]] = {
    "music": music, "slam": slam, "keys": keys, "rumble": rumble, "rain": rain, "advert": advert,
}  # fmt: skip
LENGTHS_S: Final = {"slam": 0.8, "rain": 24.0, "advert": 12.0, "music": 9.0}


def game(rng: np.random.Generator, seconds: float) -> Wave:
    """A game's world: a low bed and volleys of shots."""
    n = round(seconds * RATE)
    out = 0.2 * shaped(rng, n, lambda f: 1 / (1 + (f / 300) ** 2))
    t = 0.5
    while t < seconds - 2:
        for _ in range(rng.integers(1, 5)):
            size, at = round(rng.uniform(0.2, 0.5) * RATE), round(t * RATE)
            shot = shaped(rng, size, lambda f: 1 / (1 + (f / 900) ** 2)) * np.exp(-np.arange(size) / 1200)
            out[at : at + size] += shot[: n - at]
            t += rng.uniform(0.2, 0.6)
        t += rng.exponential(5.0)
    return at_level(out, TALK_DBFS - 12)


def add(bed: Wave, sound: Wave, at_s: float, over_talk_db: float) -> None:
    """Lay a sound over a bed, at a level over the talk's."""
    at = round(at_s * RATE)
    bed[at : at + len(sound)] += at_level(sound, TALK_DBFS + over_talk_db)[: len(bed) - at]


_CALM: Final = (
    "hello chat", "nice one", "what map is this", "how long is the stream", "same here", "back from work",
    "is this free", "check left", "good evening all", "hmm", "true", "lol", "which keyboard", "LUL", "monkaS",
)  # fmt: skip
_BURST: Final = ("LUL", "KEKW", "hahaha", "LMAO", "POG", "no way", "OMEGALUL", "jajaja", "NO WAY", "clip it", "wtf")


def chat(
    rng: np.random.Generator, seconds: float, per_min: float, bursts: tuple[tuple[float, float], ...] = ()
) -> list[ChatMessage]:
    """Negative binomial counts, AR(1) log-rate; a burst is (start, peak factor): 2 s up, 8 s held, decay of 15 s.

    Per 10 s variance/mean is 2 and lag-1 0.35 on small channels, 10 and 0.58 from 100 a minute on.
    """
    mean = per_min / 6
    ratio, lag1 = (2.0, 0.35) if per_min < 100 else (10.0, 0.58)
    variance = ratio * mean
    of_rate = min(lag1 * variance / 0.8, 0.95 * (variance - mean))
    sigma2 = math.log(1 + of_rate / mean**2)
    shape = (mean**2 + of_rate) / (variance - mean - of_rate)
    level_now, messages = rng.normal(0, math.sqrt(sigma2)), []
    for start in np.arange(0.0, seconds, 10.0):
        calm = mean * math.exp(level_now - sigma2 / 2) * rng.gamma(shape, 1 / shape)
        level_now = 0.8 * level_now + rng.normal(0, math.sqrt(sigma2 * 0.36))
        messages += [_line(rng, t, _CALM, spice=True) for t in rng.uniform(start, start + 10, rng.poisson(calm))]
    for at, factor in bursts:
        extra = (factor - 1) * per_min / 60
        for t in np.arange(0.0, 60.0, 0.25):
            rate = extra * min(1.0, t / 2.0) * math.exp(-max(0.0, t - 10.0) / 15.0)
            messages += [_line(rng, at + t, _BURST, spice=False) for _ in range(rng.poisson(rate * 0.25))]
    return sorted(messages, key=lambda message: message.t_ns)


def _line(rng: np.random.Generator, t_s: float, texts: tuple[str, ...], *, spice: bool) -> ChatMessage:
    text = texts[int(rng.integers(len(texts)))]
    if spice and rng.random() < 0.5:
        text += f" {rng.integers(1000)}"
    return ChatMessage(t_ns=ns(t_s), user=f"user{rng.integers(80)}", text=text)
