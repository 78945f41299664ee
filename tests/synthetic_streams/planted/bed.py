"""Beds: talk of a setting's voices laid out in time over its game or room, with the times of every word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Final

import numpy as np

from tests.synthetic_streams import feature_level as fl
from tests.synthetic_streams.planted import sounds
from tests.synthetic_streams.planted.stream import FAMILIES, Family, Floats
from tests.synthetic_streams.planted.traits import TRAITS, Traits
from tests.synthetic_streams.planted.voices import RATE, Phrase, faster, first_words, louder, made, recorded

_BANK: Final = 45  # phrases of a setting
_EDGE_S: Final = 0.3  # without talk at both ends of a bed
_LONG_PAUSE: Final = 0.07  # share of pauses in which only the game is heard, 4-11 s
_TALK_JITTER_DB: Final = 1.5
_LOOP_S: Final = 120  # of a setting's background


class Role(IntEnum):
    """Who says a word."""

    HOST = 0
    HOOK = 1  # the host, with a raised voice
    ADVERT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Who talks over what. Levels in dB over the talk; None: there is none. `voices` are pitches or recordings."""

    name: str
    family: Family
    voices: tuple[float, ...] | tuple[str, ...]
    game_db: float | None
    music_db: float | None = None
    room_db: float = -42.0

    @property
    def traits(self) -> Traits:
        """The family's."""
        return TRAITS[self.family]


_SETTINGS: Final[dict[Family, tuple[Setting, ...]]] = {
    "tune": (
        Setting(name="low voice, game", family="tune", voices=(112.0,), game_db=-12.0),
        Setting(name="high voice, room", family="tune", voices=(208.0,), game_db=None),
        Setting(name="two voices, loud game", family="tune", voices=(128.0, 182.0), game_db=-9.0),
        Setting(name="middle voice, game, music", family="tune", voices=(150.0,), game_db=-16.0, music_db=-15.0),
    ),
    "test": (
        Setting(
            name="player", family="test", voices=(
                "u00_am_michael", "u01_am_michael", "u02_am_michael", "u05_am_michael"),
            game_db=-11.0,
        ),
        Setting(
            name="table", family="test", voices=("u10_af_bella", "u11_af_bella", "u15_bf_emma", "u16_bf_emma"),
            game_db=None, room_db=-38.0,
        ),
        Setting(
            name="commentators", family="test", game_db=-8.0,
            voices=("u12_bm_george", "u14_bm_george", "u17_am_adam", "u18_am_onyx"),
        ),
        Setting(
            name="kitchen", family="test", voices=("u07_af_heart", "u08_af_heart", "u09_af_heart"), game_db=None,
            music_db=-13.0, room_db=-45.0,
        ),
    ),
    "dev": (
        Setting(name="teacher", family="dev", voices=("u19_af_nicole",), game_db=None, music_db=-17.0, room_db=-40.0),
        Setting(name="arena", family="dev", voices=("u13_bm_george",), game_db=-10.0),
        Setting(name="deep voice, room", family="dev", voices=(96.0, 104.0), game_db=None, room_db=-36.0),
        Setting(name="bright voice, quiet game, music", family="dev", voices=(232.0,), game_db=-18.0, music_db=-12.0),
    ),
}  # fmt: skip
_ADVERT_VOICE: Final[dict[Family, float | str]] = {"tune": 240.0, "test": "u06_af_heart", "dev": 175.0}


@dataclass(slots=True)
class Bed:
    """A wave, its words' slots, phrases and roles, and the spans in which somebody talks (s)."""

    wave: Floats = field(repr=False)
    slots: Floats = field(repr=False)
    phrases: np.ndarray = field(repr=False)
    roles: np.ndarray = field(repr=False)
    spans: list[tuple[float, float]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """A phrase at a place."""

    at_s: float
    phrase: Phrase
    role: Role = Role.HOST


def settings(family: Family) -> tuple[Setting, ...]:
    """The family's."""
    return _SETTINGS[family]


@cache
def bank(setting: Setting) -> tuple[Phrase, ...]:
    """A setting's phrases at the talk's level, give or take."""
    rng = np.random.default_rng([80, FAMILIES.index(setting.family), settings(setting.family).index(setting)])
    whole = _spoken(rng, setting.voices, setting.traits, _BANK)
    return tuple(louder(phrase, rng.normal(0, _TALK_JITTER_DB)) for phrase in whole)


@cache
def adverts(family: Family) -> tuple[Phrase, ...]:
    """Phrases of the family's advertising voice."""
    voice, rng = _ADVERT_VOICE[family], np.random.default_rng([81, FAMILIES.index(family)])
    return tuple(_spoken(rng, (voice,), TRAITS[family], 6))


@cache
def strangers(family: Family) -> tuple[Phrase, ...]:
    """Phrases of all the family's voices, for people who talk at once."""
    voices = tuple(voice for setting in settings(family) for voice in setting.voices)
    rng = np.random.default_rng([83, FAMILIES.index(family)])
    return tuple(_spoken(rng, voices, TRAITS[family], 4 * len(voices)))


def _spoken(rng: np.random.Generator, voices: Sequence[float | str], traits: Traits, count: int) -> list[Phrase]:
    out: list[Phrase] = []
    deck: list[Phrase] = []
    while len(out) < count:
        voice = voices[len(out) % len(voices)]
        if isinstance(voice, str):
            names = [name for name in voices if isinstance(name, str)]
            deck = deck or [p for name in names for p in recorded(rng, name, talk_dbfs=traits.talk_dbfs)]
            out.append(faster(deck[int(rng.integers(len(deck)))], rng.uniform(0.93, 1.07)))
        else:
            out.append(made(rng, voice, int(rng.integers(4, 15)), talk_dbfs=traits.talk_dbfs))
    return out


def raised(rng: np.random.Generator, setting: Setting, over_db: float) -> Phrase:
    """A few words that the host shouts: louder and higher."""
    traits = setting.traits
    low, high = traits.raise_count
    count, factor = int(rng.integers(int(low), int(high) + 1)), rng.uniform(*traits.raised_pitch)
    voice = setting.voices[0]
    if isinstance(voice, str):
        phrases = bank(setting)
        picked = first_words(phrases[int(rng.integers(len(phrases)))], count)
        phrase = faster(picked, factor)
    else:
        phrase = made(rng, voice, count, talk_dbfs=traits.talk_dbfs, raised=factor)
    return Phrase(fl.at_level(phrase.wave, traits.talk_dbfs + over_db), phrase.words)


def lay(
    rng: np.random.Generator,
    setting: Setting,
    seconds: float,
    *,
    holes: Sequence[tuple[float, float]] = (),
    pinned: Sequence[Said] = (),
    talk_gain: Floats | None = None,
    world_gain: Floats | None = None,
) -> Bed:
    """Talk in phrases with pauses, around holes in which the host is silent, over the setting's world."""
    said = sorted([*_fill(rng, setting, seconds, holes), *pinned], key=lambda one: one.at_s)
    n = round(seconds * RATE)
    talk = np.zeros(n)
    for one in said:
        first = round(one.at_s * RATE)
        talk[first : first + len(one.phrase.wave)] += one.phrase.wave[: n - first]
    back = background(rng, setting, seconds)
    wave = (talk if talk_gain is None else talk * talk_gain) + (back if world_gain is None else back * world_gain)
    slots = [one.phrase.words + one.at_s for one in said]
    counts = [len(words) for words in slots]
    return Bed(
        wave,
        np.concatenate(slots) if slots else np.zeros((0, 2)),
        np.repeat(np.arange(len(said)), counts),
        np.repeat([int(one.role) for one in said], counts),
        [(float(words[0, 0]), float(words[-1, 1])) for words in slots],
    )


def _fill(
    rng: np.random.Generator, setting: Setting, seconds: float, holes: Sequence[tuple[float, float]]
) -> list[Said]:
    phrases, t, said = bank(setting), _EDGE_S, []
    edges = [*sorted(holes), (seconds - _EDGE_S, seconds)]
    for start, end in edges:
        while t < start:
            fitting = (phrases[i] for i in rng.integers(0, len(phrases), 8).tolist())
            phrase = next((p for p in fitting if t + p.seconds < start - 0.15), None)
            if phrase is None:
                break
            said.append(Said(t, phrase))
            long = rng.random() < _LONG_PAUSE
            t += phrase.seconds + float(rng.uniform(4, 11) if long else rng.uniform(*setting.traits.pause_s))
        t = end + float(rng.uniform(0.2, 0.6))
    return said


def background(rng: np.random.Generator, setting: Setting, seconds: float) -> Floats:
    """Room noise, the game, and quiet music if the setting has them: the setting's loop from a random place on."""
    loop, n = _loop(setting), round(seconds * RATE)
    return np.asarray(np.take(loop, np.arange(n) + int(rng.integers(len(loop))), mode="wrap"))


@cache
def _loop(setting: Setting) -> Floats:
    """Two minutes whose end joins their beginning."""
    traits, n = setting.traits, _LOOP_S * RATE
    rng = np.random.default_rng([82, FAMILIES.index(setting.family), settings(setting.family).index(setting)])
    room = traits.talk_dbfs + setting.room_db
    out = 10 ** (room / 20) * fl.shaped(rng, n, lambda f: 1 / (1 + (f / 1200) ** 2) + 0.02)
    if setting.game_db is not None:
        out = out + sounds.world(rng, setting.family, _LOOP_S) * 10 ** ((setting.game_db + 12) / 20)
    if setting.music_db is not None:
        takes = sounds.sounds(setting.family).music
        out = out + sounds.levelled(np.resize(np.concatenate(takes), n), traits.talk_dbfs + setting.music_db)
    return np.asarray(out)
