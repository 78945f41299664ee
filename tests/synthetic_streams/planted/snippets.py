"""Every kind of sound event mixed into a bed of its setting, with talk on both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.synthetic_streams import feature_level as fl
from tests.synthetic_streams.planted.bed import Bed, Role, Said, Setting, adverts, lay, raised, strangers
from tests.synthetic_streams.planted.sounds import levelled, sounds
from tests.synthetic_streams.planted.stream import Floats
from tests.synthetic_streams.planted.traits import LEVELS, OVER_TALK_DB
from tests.synthetic_streams.planted.voices import RATE, Phrase, louder

TAKES: Final = {"audio": 6, "speech": 4, "audio+speech": 5}
NEGATIVE_TAKES: Final = 3
_MARGIN_S: Final = (7.0, 10.0)  # bed on each side; more follows from the pieces around


@dataclass(frozen=True, slots=True)
class Mixed:
    """A bed with an event in it, from `start_s` to `end_s`."""

    bed: Bed
    start_s: float
    end_s: float


def every(rng: np.random.Generator, setting: Setting) -> Iterator[tuple[str, str, Mixed]]:
    """(kind, level, sound) of everything planted into a setting's sound; negatives have no level."""
    for level in LEVELS:
        for _ in range(TAKES["audio"]):
            yield "audio", level, _reaction(rng, setting, level, shout=False)
        for _ in range(TAKES["audio+speech"]):
            yield "audio+speech", level, _reaction(rng, setting, level, shout=True)
        for _ in range(TAKES["speech"]):
            yield "speech", level, _shout(rng, setting, level)
    for kind, make in NEGATIVES.items():
        for _ in range(NEGATIVE_TAKES):
            yield kind, "", make(rng, setting)


def _over(rng: np.random.Generator, setting: Setting, level: str) -> float:
    jitter = setting.traits.level_jitter_db
    return OVER_TALK_DB[level] + float(rng.uniform(-jitter, jitter))


def _pick(rng: np.random.Generator, takes: object) -> Floats:
    return np.asarray(takes[int(rng.integers(len(takes)))])  # type: ignore[index,arg-type]


def _around(rng: np.random.Generator, length_s: float) -> tuple[float, float, float]:
    """(start, end, whole length) of an event with margins."""
    start = round(float(rng.uniform(*_MARGIN_S)), 1)
    return start, start + length_s, round(start + length_s + float(rng.uniform(*_MARGIN_S)), 1)


def _mix(bed: Bed, sound: Floats, at_s: float, dbfs: float) -> None:
    first = round(at_s * RATE)
    bed.wave[first : first + len(sound)] += levelled(sound, dbfs)[: len(bed.wave) - first]


def _reaction(rng: np.random.Generator, setting: Setting, level: str, *, shout: bool) -> Mixed:
    """A crowd, a scream, laughter, applause over the talk; the host may shout into its beginning."""
    kinds = sounds(setting.family).reactions
    sound = _pick(rng, kinds[str(rng.choice(sorted(kinds)))])
    start, end, whole = _around(rng, len(sound) / RATE)
    said: list[Said] = []
    if shout:
        phrase = raised(rng, setting, _over(rng, setting, level))
        said = [Said(start + float(rng.uniform(-0.8, 0.8)), phrase, Role.HOOK)]
    bed = lay(rng, setting, whole, holes=[_span(one) for one in said], pinned=said)
    _mix(bed, sound, start, setting.traits.talk_dbfs + _over(rng, setting, level))
    edges = [_span(one) for one in said]
    return Mixed(bed, min([start, *(a for a, _ in edges)]), max([end, *(b for _, b in edges)]))


def _shout(rng: np.random.Generator, setting: Setting, level: str) -> Mixed:
    """The host alone, with a raised voice."""
    phrase = raised(rng, setting, _over(rng, setting, level))
    start, end, whole = _around(rng, phrase.seconds)
    said = Said(start, phrase, Role.HOOK)
    return Mixed(lay(rng, setting, whole, holes=[_span(said)], pinned=[said]), start, end)


def _span(said: Said) -> tuple[float, float]:
    return said.at_s, said.at_s + said.phrase.seconds


def _sound(takes: str, over_db: tuple[float, float]) -> Callable[[np.random.Generator, Setting], Mixed]:
    """A sound over the talk that goes on."""

    def make(rng: np.random.Generator, setting: Setting) -> Mixed:
        sound = _pick(rng, getattr(sounds(setting.family), takes))
        start, end, whole = _around(rng, len(sound) / RATE)
        bed = lay(rng, setting, whole)
        _mix(bed, sound, start, setting.traits.talk_dbfs + rng.uniform(*over_db))
        return Mixed(bed, start, end)

    return make


def _typing(rng: np.random.Generator, setting: Setting) -> Mixed:
    """Typing, and two to four coughs in it."""
    mixed = _sound("keys", (-3.0, 4.0))(rng, setting)
    for at in rng.uniform(mixed.start_s, mixed.end_s - 0.6, int(rng.integers(2, 5))):
        cough = _pick(rng, sounds(setting.family).coughs)
        _mix(mixed.bed, cough, at, setting.traits.talk_dbfs + rng.uniform(2, 8))
    return mixed


def _gain_step(rng: np.random.Generator, setting: Setting) -> Mixed:
    """The microphone is turned up by 6-12 dB for 10-40 s; the game stays as it is."""
    start, end, whole = _around(rng, float(rng.uniform(10, 40)))
    at = [start, start + 0.02, end, end + 0.02]
    gain = np.interp(np.arange(round(whole * RATE)) / RATE, at, [0, 1, 1, 0]) * rng.uniform(6, 12)
    return Mixed(lay(rng, setting, whole, talk_gain=10 ** (gain / 20)), start, end)


def _babble(rng: np.random.Generator, setting: Setting) -> Mixed:
    """Two or three more people talk into it at a normal level; nobody makes out their words."""
    start, end, whole = _around(rng, float(rng.uniform(6, 16)))
    bed = lay(rng, setting, whole)
    phrases = strangers(setting.family)
    for _ in range(int(rng.integers(2, 4))):
        t = start + float(rng.uniform(0, 0.8))
        while t < end - 0.5:
            phrase = phrases[int(rng.integers(len(phrases)))]
            wave = louder(phrase, float(rng.uniform(-3, 0.5))).wave
            first, last = round(t * RATE), round(end * RATE)
            part = wave[: last - first]
            bed.wave[first : first + len(part)] += part * fl.envelope(len(part), 0.01, 0.05)
            t += phrase.seconds + float(rng.uniform(0.1, 0.5))
    return Mixed(bed, start, end)


def _break(rng: np.random.Generator, setting: Setting, length_s: float) -> tuple[Bed, float, float, list[Said]]:
    """A stretch in which neither the host nor the game is heard, and an advertising voice in it."""
    start, end, whole = _around(rng, length_s)
    n = round(whole * RATE)
    gain = np.ones(n)
    gain[round(start * RATE) : round(end * RATE)] = 0.0
    said, t = [], start + 0.3
    lines = adverts(setting.family)
    while t < end - 1.0:
        phrase: Phrase = lines[int(rng.integers(len(lines)))]
        if t + phrase.seconds < end:
            said.append(Said(t, phrase, Role.ADVERT))
        t += phrase.seconds + float(rng.uniform(0.2, 0.6))
    bed = lay(rng, setting, whole, holes=[(start, end)], pinned=said, world_gain=gain)
    return bed, start, end, said


def _advert(rng: np.random.Generator, setting: Setting) -> Mixed:
    """Another voice over music, compressed, 4-9 dB over the talk, cut in and out."""
    bed, start, end, _ = _break(rng, setting, float(rng.uniform(12, 28)))
    first, last = round(start * RATE), round(end * RATE)
    talk = bed.wave[first:last] / 10 ** (setting.traits.talk_dbfs / 20)
    music = _pick(rng, sounds(setting.family).music)
    both = np.tanh(1.6 * (talk + 0.6 * levelled(np.resize(music, last - first), 0.0)))
    bed.wave[first:last] = levelled(both, setting.traits.talk_dbfs + rng.uniform(4, 9))
    return Mixed(bed, start, end)


def _montage(rng: np.random.Generator, setting: Setting) -> Mixed:
    """Loud music alone under quick pictures; the host keeps silent."""
    start, end, whole = _around(rng, float(rng.uniform(8, 20)))
    bed = lay(rng, setting, whole, holes=[(start, end)])
    music = np.resize(_pick(rng, sounds(setting.family).music), round((end - start) * RATE))
    music = music * fl.envelope(len(music), 0.01, 0.05)
    _mix(bed, music, start, setting.traits.talk_dbfs + rng.uniform(2, 7))
    return Mixed(bed, start, end)


def _laugh_track(rng: np.random.Generator, setting: Setting) -> Mixed:
    """Short canned laughter from a watched video, low in the mix, every 6-14 s over its music."""
    start, end, whole = _around(rng, float(rng.uniform(25, 55)))
    bed, level = lay(rng, setting, whole), setting.traits.talk_dbfs
    music = np.resize(_pick(rng, sounds(setting.family).music), round((end - start) * RATE))
    _mix(bed, music * fl.envelope(len(music), 0.3, 0.3), start, level + rng.uniform(-14, -9))
    t = start + float(rng.uniform(0, 2))
    while t < end - 3.0:
        _mix(bed, _pick(rng, sounds(setting.family).giggles), t, level + rng.uniform(-6, 0))
        t += float(rng.uniform(6, 14))
    return Mixed(bed, start, end)


def _silence(rng: np.random.Generator, setting: Setting) -> Mixed:
    """The sound is cut, but for the last bits' noise; then everything goes on."""
    start, end, whole = _around(rng, float(rng.uniform(10, 40)))
    bed = lay(rng, setting, whole, holes=[(start, end)])
    first, last = round(start * RATE), round(end * RATE)
    bed.wave[first:last] = 2e-5 * rng.standard_normal(last - first)  # -94 dBFS
    return Mixed(bed, start, end)


NEGATIVES: Final[Mapping[str, Callable[[np.random.Generator, Setting], Mixed]]] = {
    "music_drop": _sound("drops", (2.0, 8.0)),
    "advert": _advert,
    "babble": _babble,
    "keyboard_coughs": _typing,
    "door_slam": _sound("slams", (6.0, 14.0)),
    "gain_step": _gain_step,
    "cut_montage": _montage,
    "laugh_track": _laugh_track,
    "silence": _silence,
}
