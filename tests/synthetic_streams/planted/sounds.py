"""The families' sounds at 16 kHz: reactions, hard negatives and a game's world. Raw: the library sets levels.

Tune's come from feature_level.py and the makers here, test's and dev's from the demo's synthesizer with its test
palette and its own, which have other voices in their crowds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np

from daemon.demo import synth
from daemon.demo.speech import crowd
from tests.synthetic_streams import feature_level as fl
from tests.synthetic_streams.planted.stream import FAMILIES, Family, Floats
from tests.synthetic_streams.planted.traits import TRAITS
from tests.synthetic_streams.planted.voices import RATE, resampled

_TAKES: Final = 5  # of each kind of sound
_LOW_HZ: Final = 80.0
_PALETTE: Final[Mapping[Family, synth.Palette]] = {"test": synth.TEST, "dev": synth.DEMO}
REACTIONS: Final[Mapping[Family, tuple[str, ...]]] = {
    "tune": ("roar", "applause", "screams", "laughs"),
    "test": ("roar", "shouts", "laughter", "cheer"),
    "dev": ("roar", "shouts", "laughter", "cheer"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sounds:
    """Several takes of everything a family hears but talk. `drop_s` of a take: when the music drops."""

    reactions: Mapping[str, Sequence[Floats]] = field(repr=False)
    music: Sequence[Floats] = field(repr=False)
    drops: Sequence[Floats] = field(repr=False)
    slams: Sequence[Floats] = field(repr=False)
    keys: Sequence[Floats] = field(repr=False)
    coughs: Sequence[Floats] = field(repr=False)
    giggles: Sequence[Floats] = field(repr=False)  # of a laugh track: short, dull


def levelled(x: Floats, dbfs: float) -> Floats:
    """The same sound at another level. What lies under 80 Hz does not count: no detector and few viewers hear it."""
    f = np.fft.rfftfreq(len(x), 1 / RATE)
    heard = np.fft.irfft(np.fft.rfft(x) * (f >= _LOW_HZ), len(x))
    return np.asarray(x * (10 ** (dbfs / 20) / (fl.level(heard) + 1e-12)))


@cache
def sounds(family: Family) -> Sounds:
    """Made once per process."""
    rng = np.random.default_rng([77, FAMILIES.index(family)])
    low, high = TRAITS[family].reaction_s
    lengths = rng.uniform(low, high, (len(REACTIONS[family]), _TAKES))
    return _tune(rng, lengths) if family == "tune" else _synthesized(rng, lengths, family)


def world(rng: np.random.Generator, family: Family, seconds: float) -> Floats:
    """A game: a hum and volleys of shots, 12 dB under the talk."""
    if family == "tune":
        return fl.game(rng, seconds) * 10 ** ((TRAITS["tune"].talk_dbfs - fl.TALK_DBFS) / 20)
    hum = resampled(synth.rumble(rng, 20 * synth.RATE))
    n = round(seconds * RATE)
    out = fl.at_level(np.resize(hum, n), -19.0)
    pool, t = _shots(family), rng.uniform(0.5, 2.0)
    while t < seconds - 4:
        for _ in range(rng.integers(1, 5)):
            shot, at = pool[rng.integers(len(pool))], round(t * RATE)
            out[at : at + len(shot)] += 10 ** (rng.uniform(-14, -6) / 20) * shot[: n - at] * 0.9
            t += float(rng.uniform(0.25, 0.7))
        t += float(rng.exponential(6.0))
    return np.asarray(out * 10 ** (TRAITS[family].talk_dbfs / 20))


@cache
def _shots(family: Family) -> list[Floats]:
    rng = np.random.default_rng(78)
    return [fl.at_level(resampled(synth.game_shot(rng, _PALETTE[family])), 0.0) for _ in range(24)]


def _tune(rng: np.random.Generator, lengths: Floats) -> Sounds:
    makers = (fl.roar, fl.applause, fl.screams, laughs)
    takes = [[make(rng, s) for s in row] for make, row in zip(makers, lengths, strict=True)]
    return Sounds(
        reactions=dict(zip(REACTIONS["tune"], takes, strict=True)),
        music=[fl.music(rng, 15.0) for _ in range(2)],
        drops=[_drop(rng, fl.music(rng, s)) for s in rng.uniform(7, 14, 3)],
        slams=[fl.slam(rng, 0.8) for _ in range(_TAKES)],
        keys=[fl.keys(rng, s) for s in rng.uniform(6, 14, 3)],
        coughs=[_cough(rng, 0.35, 900.0) for _ in range(_TAKES)],
        giggles=[_dull(laughs(rng, s)) for s in rng.uniform(1.2, 2.5, _TAKES)],
    )


def _synthesized(rng: np.random.Generator, lengths: Floats, family: Family) -> Sounds:
    talk, palette = crowd(family), _PALETTE[family]
    takes = [
        [resampled(synth.REACTIONS[name](rng, s, palette, talk)) for s in row]
        for name, row in zip(REACTIONS[family], lengths, strict=True)
    ]
    return Sounds(
        reactions=dict(zip(REACTIONS[family], takes, strict=True)),
        music=[resampled(synth.music(rng, 15.0, palette)) for _ in range(2)],
        drops=[resampled(synth.music(rng, s, palette, drop_s=0.35 * s)) for s in rng.uniform(6, 16, 3)],
        slams=[resampled(synth.door_slam(rng, 1.0, palette)) for _ in range(_TAKES)],
        keys=[resampled(synth.keyboard(rng, s, palette)) for s in rng.uniform(5, 15, 3)],
        coughs=[_cough(rng, 0.5, 600.0) for _ in range(_TAKES)],
        giggles=[_dull(resampled(synth.laughter(rng, s, palette, talk))) for s in rng.uniform(1.4, 3.0, _TAKES)],
    )


def laughs(rng: np.random.Generator, seconds: float) -> Floats:
    """Two to four people laugh: trains of `ha` that fall in pitch, breath between."""
    n = round(seconds * RATE)
    out = 1e-6 * rng.standard_normal(n)
    for _ in range(rng.integers(2, 5)):
        at, base, pace = rng.uniform(0, 0.4), rng.uniform(190, 420), rng.uniform(4.6, 6.0)
        while at < seconds - 0.3:
            for k in range(rng.integers(4, 9)):
                size, first = round(0.45 / pace * RATE), round(at * RATE)
                pitch = base * (1.25 - 0.04 * k) * np.linspace(1.08, 0.94, size)
                ha = fl._voice(pitch, (800.0, 1350.0, 2700.0), 4.0) * fl.envelope(size, 0.015, 0.04)
                ha = ha / (ha.std() + 1e-9) + 0.5 * rng.standard_normal(size) * fl.envelope(size, 0.01, 0.05)
                out[first : first + size] += (1 - 0.07 * k) * ha[: max(0, n - first)]
                at += rng.uniform(0.92, 1.08) / pace
            at += rng.uniform(0.3, 0.7)
    return out * fl.envelope(n, 0.15, 0.5)


def _dull(x: Floats) -> Floats:
    """Through a small loudspeaker in the room: no lows, no highs."""
    f = np.fft.rfftfreq(len(x), 1 / RATE)
    return np.asarray(np.fft.irfft(np.fft.rfft(x) * (f > 350) / (1 + (f / 2200) ** 4), len(x)))


def _drop(rng: np.random.Generator, x: Floats) -> Floats:
    """Quiet and thin for a third, then everything at once."""
    at = round(rng.uniform(0.25, 0.4) * len(x))
    x[:at] = _dull(x)[:at] * 0.3
    return x


def _cough(rng: np.random.Generator, seconds: float, centre_hz: float) -> Floats:
    """A burst of noise through the throat, two strokes."""
    n = round(seconds * RATE)
    noise = fl.shaped(rng, n, lambda f: np.exp(-(((f - centre_hz) / 600) ** 2)) + 0.15 * (f < 4000))
    since = np.mod(np.arange(n) / RATE, seconds * 0.55)
    return np.asarray(noise * np.minimum(1, since / 0.01) * np.exp(-since / 0.07))
