"""Excursions of loudness and what kind of sound they are. All sounds are made in code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.media import Gap
from core.moments import Event
from core.signals import SignalChunk
from core.times import Ns, ns, to_s
from detectors import Profile
from detectors.audio.detector import AudioDetector
from tests.soaking import more
from tests.synthetic_streams import feature_level as fl
from tests.unit.detectors.runs import Sound, chunks_of, hear

AT_S = 40.0


def talk(seed: int, seconds: float = 60.0) -> Sound:
    """A speaker alone."""
    rng = np.random.default_rng(seed)
    return fl.talk(rng, seconds, pitch_hz=(110.0, 125.0, 195.0)[seed % 3])


def with_sound(seed: int, make: fl.Maker, seconds: float, over_db: float) -> Sound:
    """Talk with a sound at 40 s."""
    bed = talk(seed, AT_S + seconds + 20.0)
    fl.add(bed, make(np.random.default_rng([seed, 1]), seconds), AT_S, over_db)
    return bed


def classed(events: list[Event], at_s: float = AT_S) -> list[Event]:
    """Events that say what a sound is, from about a time on."""
    return [e for e in events if e.kind in {"crowd", "shout"} and to_s(e.start_ns) > at_s - 2]


def strongest(events: list[Event], at_s: float = AT_S) -> float:
    """Largest evidence for a crowd or a voice."""
    return max((e.llr for e in classed(events, at_s)), default=0.0)


@pytest.mark.parametrize("kind", sorted(fl.POSITIVES))
@pytest.mark.parametrize("seed", [11, *more(12)])
def test_a_reaction_eight_db_over_talk_is_found_where_it_is(kind: str, seed: int) -> None:
    """Crowds, applause and screams give strong evidence; start and end lie within a second and a half."""
    events = hear(with_sound(seed, fl.POSITIVES[kind], 4.0, 8.0))
    assert strongest(events) >= 1.5
    best = max(classed(events), key=lambda e: e.llr)
    assert to_s(best.start_ns) == pytest.approx(AT_S, abs=0.7)
    assert AT_S + 3.0 <= to_s(best.end_ns) <= AT_S + 6.0
    assert to_s(best.found_ns) - (AT_S + 4.0) <= 3.0


@pytest.mark.parametrize("kind", ["music", "slam", "keys", "rumble", "rain"])
@pytest.mark.parametrize("seed", [11, *more(12)])
def test_other_loud_sounds_are_no_reactions(kind: str, seed: int) -> None:
    """As loud as a crowd: a music drop, a door, typing, thunder and rain."""
    length = fl.LENGTHS_S.get(kind, 5.0)
    assert strongest(hear(with_sound(seed, fl.NEGATIVES[kind], length, 8.0))) < 0.7


@pytest.mark.parametrize("seed", [11, *more(12)])
def test_a_sound_at_the_level_of_talk_has_to_last(seed: int) -> None:
    """A laugh track in a video, for two seconds; a hall that cheers for eight."""
    track, hall = (strongest(hear(with_sound(seed, fl.roar, *made))) for made in ((2.0, -3.0), (8.0, 2.0)))
    assert track < 0.3
    assert hall > 1.0


@pytest.mark.parametrize("change_db", [8.0, -8.0])
def test_a_gain_knob_is_no_reaction(change_db: float) -> None:
    """The microphone is turned up or down for good; talk goes on."""
    bed = talk(13, 100.0)
    bed[round(AT_S * fl.RATE) :] *= 10 ** (change_db / 20)
    assert strongest(hear(bed)) < 0.7


@pytest.mark.parametrize("seed", [21, *more(22, 23)])
def test_quiet_talk_gives_no_strong_evidence(seed: int) -> None:
    """Two minutes of one speaker, of low and of high voice."""
    assert strongest(hear(talk(seed, 120.0)), 0.0) < 0.7


@pytest.mark.parametrize("gain_db", [12.0, -12.0])
def test_twelve_db_of_gain_change_nothing(gain_db: float) -> None:
    """The same events with the same evidence."""
    sound = with_sound(14, fl.roar, 4.0, 8.0)
    plain, scaled = hear(sound), hear(sound * 10 ** (gain_db / 20))
    assert [(e.kind, e.start_ns, e.end_ns) for e in plain] == [(e.kind, e.start_ns, e.end_ns) for e in scaled]
    assert [e.llr for e in plain] == pytest.approx([e.llr for e in scaled], abs=0.05)


def test_after_a_long_shower_reactions_are_heard_again() -> None:
    """Rain that stays becomes the reference while it lasts, and is forgotten when it stops."""
    bed = talk(15, 130.0)
    fl.add(bed, fl.rain(np.random.default_rng(1), 40.0), 30.0, 6.0)
    fl.add(bed, fl.roar(np.random.default_rng(2), 4.0), 110.0, 8.0)
    events = hear(bed)
    assert strongest([e for e in events if to_s(e.start_ns) < 100.0], 0.0) < 0.7
    assert strongest(events, 109.0) >= 1.5


def test_a_stadium_that_dies_down_slowly_is_heard() -> None:
    """Thirty seconds of roar, falling all the time: longer than an event may be, and yet no new level."""
    bed = talk(19, 90.0)
    roar = fl.roar(np.random.default_rng(4), 30.0) * 10 ** (-np.linspace(0, 14, 30 * fl.RATE) / 20)
    fl.add(bed, roar, AT_S, 12.0)
    assert strongest(hear(bed)) >= 1.5


def test_a_loud_minute_in_a_gap_is_no_sound() -> None:
    """Rows inside a gap count for nothing."""
    sound = with_sound(16, fl.roar, 4.0, 8.0)
    gap = Gap(start_ns=ns(AT_S - 1), end_ns=ns(AT_S + 6), reason="lost")
    assert strongest(hear(sound, gaps=[gap])) == 0.0


def test_a_gated_microphone_still_has_loud_talk_to_compare_with() -> None:
    """Digital silence between phrases neither hides a roar nor makes talk one."""
    bed = talk(17, 70.0)
    frames = bed[: len(bed) // 320 * 320].reshape(-1, 320)
    frames[np.abs(frames).max(axis=1) < 0.02 * np.abs(bed).max()] = 0.0
    gated = frames.reshape(-1)
    assert strongest(hear(gated), 0.0) < 0.7
    fl.add(gated, fl.roar(np.random.default_rng(3), 4.0), AT_S, 8.0)
    assert strongest(hear(gated)) >= 1.5


def test_the_why_is_a_phrase_with_its_numbers() -> None:
    """Length, decibels and how often."""
    events = hear(with_sound(18, fl.roar, 4.0, 8.0))
    best = max(classed(events), key=lambda e: e.llr)
    words = best.why.split()
    assert best.why.startswith("Crowd roar ")
    assert "dB over the loudest tenth of 15 min" in best.why
    assert "an hour)" in best.why
    assert float(words[2]) == pytest.approx(to_s(Ns(best.end_ns - best.start_ns)), abs=0.06)


def laid(seed: int, seconds: float, *sounds: tuple[fl.Wave, float, float]) -> list[Event]:
    """What is heard of talk with sounds in it: each with its second and its level over the talk."""
    bed = talk(seed, seconds)
    for sound, at_s, over_db in sounds:
        fl.add(bed, sound, at_s, over_db)
    return hear(bed)


@pytest.mark.parametrize(("seconds", "seed"), [(9.0, 31), (9.0, 32), (14.0, 33), (26.0, 31)])
def test_an_advert_is_no_reaction_however_long(seconds: float, seed: int) -> None:
    """A voice over music, 8 dB over the talk: no part of it is a crowd or a shout, its last three seconds neither.

    But for its first breath: what is over within seven seconds may have been a shout.
    """
    advert = fl.advert(np.random.default_rng(seed), seconds)
    events = [e for e in laid(seed, AT_S + seconds + 20.0, (advert, AT_S, 8.0)) if to_s(e.end_ns) > AT_S + 7.0]
    assert strongest(events) < 0.7
    assert all(e.llr < 0.7 for e in events if e.kind == "roar")


@pytest.mark.parametrize("seed", [31, 32])
def test_a_reaction_after_an_advert_is_one(seed: int) -> None:
    """Five seconds later; the two are no run."""
    rng = np.random.default_rng(seed)
    advert, roar = fl.advert(rng, 14.0), fl.roar(rng, 4.0)
    events = laid(seed, AT_S + 40.0, (advert, AT_S, 8.0), (roar, AT_S + 19.0, 8.0))
    assert strongest(events, AT_S + 17.0) >= 1.5


@pytest.mark.parametrize("seed", [31, 32])
def test_a_crowd_that_stands_out_of_an_advert_is_heard(seed: int) -> None:
    """Seven dB over it; it may be heard as one with the phrase before it."""
    rng = np.random.default_rng(seed)
    advert, roar = fl.advert(rng, 22.0), fl.roar(rng, 4.0)
    events = laid(seed, AT_S + 40.0, (advert, AT_S, 4.0), (roar, AT_S + 13.0, 11.0))
    assert strongest([e for e in events if to_s(e.peak_ns) > AT_S + 13.0], AT_S + 9.0) >= 1.0


@pytest.mark.parametrize("kind", ["roar", "applause", "screams"])
def test_twelve_seconds_of_applause_pulse_like_no_voice(kind: str) -> None:
    """However long and level a crowd is, it is no programme."""
    events = laid(34, AT_S + 32.0, (fl.POSITIVES[kind](np.random.default_rng(5), 12.0), AT_S, 8.0))
    found = [e for e in events if e.kind == "loud" and to_s(e.start_ns) > AT_S - 2]
    assert found
    assert max(e.values["programme"] for e in found) == 0.0


@pytest.mark.parametrize("rows", [1, 7, 64, 500])
def test_it_does_not_matter_how_the_rows_come(rows: int) -> None:
    """Chunks of a row, as from a slow decoder, to fifty seconds, as from a journal: the same events."""
    bed = talk(35, 100.0)
    fl.add(bed, fl.advert(np.random.default_rng(6), 14.0), 30.0, 6.0)
    fl.add(bed, fl.roar(np.random.default_rng(7), 4.0), 70.0, 8.0)
    [whole] = chunks_of(bed)
    pieces = [
        replace(whole, start_ns=Ns(whole.start_ns + at * whole.step_ns), values=whole.values[at : at + rows])
        for at in range(0, len(whole), rows)
    ]
    assert listen(pieces, 100.0) == listen([whole], 100.0)


def listen(chunks: list[SignalChunk], seconds: float) -> list[Event]:
    """Every event, found on the worker's grid; all rows are fed before."""
    detector = AudioDetector(Profile().detect)
    for chunk in chunks:
        detector.feed(chunk)
    return [event for step in range(int(seconds * 2)) for event in detector.advance(ns(step / 2))]


def test_a_silence_does_not_reach_across_a_gap() -> None:
    """Half a second of silence before it and after it are two."""
    bed = talk(36, 60.0)
    bed[round(39.5 * fl.RATE) : round(43.5 * fl.RATE)] = 0.0
    detector = AudioDetector(Profile().detect)
    for chunk in chunks_of(bed):
        detector.feed(chunk)
    detector.gap(Gap(start_ns=ns(40.5), end_ns=ns(41.5), reason="lost"))
    detector.advance(ns(60))
    assert all(s.end_ns <= ns(40.6) or s.start_ns >= ns(41.4) for s in detector.silences)
    assert any(s.start_ns >= ns(41.4) and s.end_ns <= ns(43.6) for s in detector.silences)
