"""A game's sounds are heard at any gain and under other sound, once each, when they begin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from core.game import GameEvent, GameKind
from core.media import AUDIO_RATE, AudioBlock
from core.times import Ns, ns, to_s
from detectors.hud.cues import CueListener
from detectors.hud.model import Cue, Sound
from tests.synthetic_streams import feature_level as fl

Samples = NDArray[np.float32]


def tones(*hz: float, seconds: float = 0.3) -> Samples:
    """Bells that follow each other."""
    t = np.arange(round(seconds * AUDIO_RATE)) / AUDIO_RATE
    return np.concatenate([np.sin(2 * np.pi * f * t) * np.exp(-t / 0.1) for f in hz]).astype(np.float32) * 0.3


def burst(seed: int, seconds: float = 0.25) -> Samples:
    """A hit: noise that decays."""
    n = round(seconds * AUDIO_RATE)
    noise = np.random.default_rng(seed).normal(size=n) * np.exp(-np.arange(n) / (0.06 * AUDIO_RATE))
    return (0.1 * noise).astype(np.float32)


def cue(samples: Samples, event: GameKind = GameKind.KILL, **values: object) -> Cue:
    """As a HUD folder has it."""
    return Cue(rule=Sound(file="cue.wav", event=event, **values), samples=samples)


CUES = {"hit": cue(burst(1)), "fanfare": cue(tones(523, 659, 784), GameKind.VICTORY)}


def heard(
    sound: Samples, *, block: int = 1600, cues: dict[str, Cue] | None = None, start_s: float = 0.0
) -> list[GameEvent]:
    """What a listener tells of a sound that comes in blocks, with silence after it."""
    listener = CueListener("arena", CUES if cues is None else cues)
    whole = np.concatenate([sound, np.zeros(3 * AUDIO_RATE, dtype=np.float32)])
    return [
        event
        for at in range(0, len(whole), block)
        for event in listener.push(AudioBlock(start_ns=Ns(ns(start_s) + at * 62_500), samples=whole[at : at + block]))
    ]


def mixed(bed: Samples, sound: Samples, times_s: Sequence[float], over_db: float) -> Samples:
    """`sound` at these times, so many dB over what is heard there."""
    mix = bed.astype(np.float32).copy()
    for t_s in times_s:
        at = round(t_s * AUDIO_RATE)
        under = float(np.sqrt(np.mean(bed[at : at + len(sound)] ** 2)))
        loud = float(np.sqrt(np.mean(sound**2)))
        mix[at : at + len(sound)] += sound * np.float32(10 ** (over_db / 20) * under / loud)
    return mix


@pytest.mark.parametrize("gain_db", [-12, 0, 12])
def test_a_cue_is_heard_at_any_gain_and_told_once(gain_db: float) -> None:
    """When it begins, within some milliseconds; known soon after."""
    sound = np.zeros(6 * AUDIO_RATE, dtype=np.float32)
    for t_s in (1.0, 1.7, 4.0):
        at = round(t_s * AUDIO_RATE)
        sound[at : at + len(burst(1))] += burst(1)
    found = heard(sound * np.float32(10 ** (gain_db / 20)))
    assert [to_s(e.t_ns) for e in found] == [pytest.approx(t, abs=0.01) for t in (1.0, 1.7, 4.0)]
    assert {(e.kind, e.source, e.game, e.own) for e in found} == {(GameKind.KILL, "sound", "arena", True)}
    assert all(0 <= to_s(e.known_ns - e.t_ns) <= 2.0 and e.score > 0.95 for e in found)


@pytest.mark.parametrize("name", ["hit", "fanfare"])
def test_a_cue_is_heard_under_talk(name: str) -> None:
    """Each of them, 3 dB over what else is heard, and nothing else."""
    bed = fl.talk(np.random.default_rng(3), 20.0).astype(np.float32)
    times = (3.0, 8.5, 14.0)
    found = heard(mixed(bed, CUES[name].samples, times, 3.0))
    assert [to_s(e.t_ns) for e in found] == [pytest.approx(t, abs=0.01) for t in times]
    assert {e.kind for e in found} == {CUES[name].rule.event}


def test_talk_music_and_noise_are_no_cue() -> None:
    """A quarter of a minute of each."""
    rng = np.random.default_rng(9)
    for bed in (fl.talk(rng, 15.0), fl.music(rng, 15.0), 0.1 * rng.normal(size=15 * AUDIO_RATE)):
        assert heard(bed.astype(np.float32)) == []


def test_of_two_that_sound_alike_the_better_one_is_told() -> None:
    """The second kill's sound is the first's with another note."""
    alike = {"one": cue(tones(600, 800)), "two": cue(tones(600, 900), GameKind.STREAK, count=2)}
    sound = np.zeros(3 * AUDIO_RATE, dtype=np.float32)
    sound[AUDIO_RATE : AUDIO_RATE + len(alike["two"].samples)] = alike["two"].samples
    [event] = heard(sound, cues=alike)
    assert (event.kind, event.count) == (GameKind.STREAK, 2)


@pytest.mark.parametrize("block", [160, 1601, 48_000, 1 << 20])
def test_blocks_decide_nothing(block: int) -> None:
    """Ten milliseconds at a time or all at once."""
    bed = fl.talk(np.random.default_rng(4), 8.0).astype(np.float32)
    sound = mixed(bed, burst(1), (2.0, 5.2), 3.0)
    assert heard(sound, block=block) == heard(sound)


def test_times_are_those_of_the_stream() -> None:
    """A run that begins late, and one that breaks off: what came before is not continued."""
    sound = np.zeros(2 * AUDIO_RATE, dtype=np.float32)
    sound[AUDIO_RATE : AUDIO_RATE + len(burst(1))] = burst(1)
    [event] = heard(sound, start_s=100.0)
    assert to_s(event.t_ns) == pytest.approx(101.0, abs=0.01)
    listener, half = CueListener("arena", CUES), len(burst(1)) // 2
    for start_s, part in ((0.0, sound[: AUDIO_RATE + half]), (9.0, sound[AUDIO_RATE + half :])):
        assert listener.push(AudioBlock(start_ns=ns(start_s), samples=part)) == []


def test_silence_and_no_cues_are_nothing() -> None:
    """Digital silence, an empty block, a HUD without sounds, a cue that is silent itself."""
    silence = np.zeros(2 * AUDIO_RATE, dtype=np.float32)
    assert heard(silence) == []
    assert heard(silence, cues={}) == []
    assert heard(np.zeros(0, dtype=np.float32)) == []
    assert heard(0.1 * burst(2, 2.0), cues={"none": cue(silence[:1600])}) == []
