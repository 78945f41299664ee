"""The packed planner: speech cut at silences, several windows a decode, and the same words however sound comes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.media import AUDIO_RATE
from core.times import Ns, ns, to_s
from core.words import LanguageChanged, SpeechEvent
from daemon.speech.engine import MIN_WINDOW, DecodeRequest, DecodeResult, HeardWord
from daemon.speech.glossary import Glossary
from daemon.speech.language import LanguageTracker
from daemon.speech.packed import AFTER, BATCH, HURRY, JOIN, KNOWN_AFTER, LONGEST, PackedPlanner
from daemon.speech.planner import SAMPLE_NS, Steps, Voice
from daemon.speech.vad import FRAME, PRE_ROLL
from tests.unit.speech.fake_engine import (
    WORDS,
    FakeEngine,
    Said,
    Sound,
    a_voice,
    as_said,
    blocks,
    commits,
    packed_ear,
    sound_of,
    talk,
    words,
)

FRAME_S = FRAME / AUDIO_RATE
MINUTE = [*talk(1, 9), *talk(11, 24, first=3), *talk(26, 58, pause_s=0.25)]


def hear(sound: Sound, engine: FakeEngine) -> list[SpeechEvent]:
    ear = packed_ear(engine)
    return ear.push(sound) + ear.finish()


def test_words_come_out_as_they_were_said_to_the_sample() -> None:
    """A minute of sentences with pauses: every word, once, in order, at its own place."""
    found = hear(sound_of(MINUTE, 60), FakeEngine())
    assert as_said(words(found)) == MINUTE
    assert {commit.reason for commit in commits(found)} == {"vod"}
    assert [commit.seq for commit in commits(found)] == list(range(1, len(commits(found)) + 1))


def test_a_sentence_that_the_model_skips_is_decoded_alone() -> None:
    """Speech of a second and a half without a word on it gets one more look; less is breath."""

    def skips(found: list[HeardWord], request: DecodeRequest) -> list[HeardWord]:
        return [word for place, word in enumerate(found) if not 4 <= place < 14] if len(found) > 20 else found

    engine = FakeEngine(twist=skips)
    said = talk(1, 11)
    assert as_said(words(hear(sound_of(said, 13), engine))) == said
    assert len(engine.batches) == 2


def test_windows_are_at_most_twelve_seconds_and_come_in_batches() -> None:
    """A speaker without pauses is cut between words; what is left at the end comes as it is."""
    engine = FakeEngine()
    said = talk(1, 118)
    assert as_said(words(hear(sound_of(said, 120), engine))) == said
    assert max(engine.windows_s) <= LONGEST / AUDIO_RATE + FRAME_S
    assert min(engine.windows_s[:-1]) >= LONGEST / AUDIO_RATE / 2
    *full, last = [len(batch) for batch in engine.batches]
    assert full == [BATCH] * len(full)
    assert 0 < last <= BATCH


def test_utterances_near_each_other_share_a_window() -> None:
    """Up to a second of silence apart, and twelve seconds in all; a longer silence is not sent."""
    engine = FakeEngine()
    near = [*talk(1, 3), *talk(3.7, 6), *talk(6.7, 9)]
    far = talk(9 + (AFTER + PRE_ROLL + JOIN) / AUDIO_RATE, 14)
    assert as_said(words(hear(sound_of([*near, *far], 18), engine))) == [*near, *far]
    around = AFTER + PRE_ROLL
    lengths = [part[-1].end - part[0].start + around for part in (near, far)]
    assert engine.windows_s == pytest.approx([length / AUDIO_RATE for length in lengths], abs=3 * FRAME_S)


def test_silence_is_never_decoded() -> None:
    """Nor kept."""
    engine = FakeEngine()
    assert hear(np.zeros(60 * AUDIO_RATE, np.float32), engine) == []
    assert engine.batches == []


def test_no_window_waits_longer_than_a_minute() -> None:
    """One sentence and then silence: it does not wait for three more."""
    engine = FakeEngine()
    ear = packed_ear(engine)
    sound = sound_of(talk(1, 4), 70)
    for at in range(0, len(sound), FRAME):
        if ear.push(sound[at : at + FRAME]):
            break
    begins_s = 1 - PRE_ROLL / AUDIO_RATE
    assert len(engine.batches) == 1
    assert to_s(ear.edge_ns) == pytest.approx(begins_s + HURRY / AUDIO_RATE, abs=2 * FRAME_S)


def test_everything_before_heard_is_committed() -> None:
    """At every frame: no word that is told later ends at or before it, so decisions may read that far."""
    ear, sound = packed_ear(FakeEngine()), sound_of(MINUTE, 60)
    marks: list[tuple[Ns, int]] = []
    found: list[SpeechEvent] = []
    for at in range(0, len(sound), FRAME):
        found += ear.push(sound[at : at + FRAME])
        marks.append((ear.heard_ns, len(words(found))))
    everything = words(found + ear.finish())
    for heard_ns, told in marks:
        assert all(word.end_ns > heard_ns for word in everything[told:])
    assert as_said(everything) == MINUTE
    assert ear.heard_ns == len(sound) // FRAME * FRAME * SAMPLE_NS


def test_words_are_known_two_seconds_after_their_second() -> None:
    """As late as live words are, and never before they were said; in order."""
    found = commits(hear(sound_of(MINUTE, 60), FakeEngine()))
    for commit in found:
        assert commit.known_ns == commit.words[-1].end_ns + KNOWN_AFTER
        assert commit.known_ns - commit.words[0].end_ns < ns(1) + KNOWN_AFTER
    assert all(one.known_ns <= two.known_ns for one, two in pairwise(found))


def test_a_cut_in_the_silence_behind_speech_leaves_no_window_without_sound() -> None:
    """Twelve seconds are full just after a word: the cut falls into the pause, and then the utterance is over."""
    for late in range(0, 16):
        planner = PackedPlanner(0, Ns(0), a_voice())
        engine = FakeEngine()
        spoken = (LONGEST // FRAME) - late  # frames of speech, then silence that falls from frame to frame
        probs = [0.9] * spoken + [0.3 - 0.01 * n for n in range(30)]
        for prob in [*probs, *[0.01] * 60]:
            drive(planner.frame(np.full(FRAME, 0.2, np.float32), prob), engine)
        drive(planner.finish(), engine)
        sizes = [len(request.pcm) for batch in engine.batches for request in batch]
        assert all(MIN_WINDOW <= size <= LONGEST + FRAME for size in sizes)
        assert sum(sizes) >= spoken * FRAME


def drive(steps: Steps, engine: FakeEngine) -> None:
    """Run a planner's generator to its end."""
    with suppress(StopIteration):
        batch = next(steps)
        while True:
            batch = steps.send(engine.decode(batch))


def test_a_refused_window_gets_one_careful_try_and_the_others_keep_their_place() -> None:
    """In a batch, only the refused rows are decoded again."""

    class Stubborn(FakeEngine):
        def decode(self, batch: Sequence[DecodeRequest]) -> list[DecodeResult]:
            return [
                result if "golf" in result.text or request.careful else replace(result, avg_logprob=-2.0)
                for request, result in zip(batch, super().decode(batch), strict=True)
            ]

    said = [word for n in range(BATCH) for word in talk(1 + 6 * n, 3 + 6 * n, first=5 * n)]
    engine = Stubborn()
    assert as_said(words(hear(sound_of(said, 6 * BATCH), engine))) == said
    assert [[request.careful for request in batch] for batch in engine.batches] == [
        [False] * BATCH,
        [True] * (BATCH - 1),
    ]


def test_a_window_refused_twice_is_dropped_and_counted() -> None:
    """Its words only."""
    engine = FakeEngine()
    engine.result = replace(engine.result, compression_ratio=3.0)
    voice = a_voice()
    ear = packed_ear(engine, voice=voice)
    assert words(ear.push(sound_of(talk(1, 3), 6)) + ear.finish()) == []
    assert voice.tally.dropped == {"repetition": 5}


def test_the_language_is_told_once_found() -> None:
    """With `auto` the first windows are asked for it; then it is given."""
    engine = FakeEngine()
    voice = Voice(language=LanguageTracker("auto"), glossary=Glossary(()))
    ear = packed_ear(engine, voice=voice)
    found = ear.push(sound_of(MINUTE, 60)) + ear.finish()
    [told] = [event for event in found if isinstance(event, LanguageChanged)]
    assert (told.language, told.before) == ("en", None)
    assert engine.batches[0][0].language is None
    assert engine.batches[-1][-1].language == "en"


def test_skipped_speech_is_decoded_one_window_at_a_time() -> None:
    """As `catchup`, so that live sound never waits for more than one."""
    engine = FakeEngine()
    ear = packed_ear(engine, batch=1)
    found = ear.push(sound_of(MINUTE, 60)) + ear.finish()
    assert as_said(words(found)) == MINUTE
    assert {commit.reason for commit in commits(found)} == {"catchup"}
    assert {len(batch) for batch in engine.batches} == {1}


def test_no_word_reaches_past_the_end_of_its_epoch() -> None:
    """Sound that breaks off in a word, anywhere in a frame: the next epoch may begin on the next sample."""

    def to_the_end(heard: list[HeardWord], request: DecodeRequest) -> list[HeardWord]:
        return [*heard[:-1], *(replace(word, end=len(request.pcm)) for word in heard[-1:])]

    for cut in range(2 * AUDIO_RATE, 2 * AUDIO_RATE + 3 * FRAME, 101):
        found = hear(sound_of([Said("alpha", AUDIO_RATE, cut)], 3)[:cut], FakeEngine(twist=to_the_end))
        assert words(found)
        assert max(word.end_ns for word in words(found)) <= cut * SAMPLE_NS


def test_a_word_on_both_sides_of_a_cut_is_told_once() -> None:
    """Two windows meet in a speaker without pauses: what the second one repeats of the first is taken out."""
    engine = FakeEngine()
    first: list[HeardWord] = []

    def twist(heard: list[HeardWord], request: DecodeRequest) -> list[HeardWord]:
        repeated = [replace(word, start=n * 400, end=n * 400 + 300) for n, word in enumerate(first[-2:])]
        first[:] = heard
        return [*repeated, *heard]

    engine.twist = twist
    said = talk(1, 30)
    found = as_said(words(hear(sound_of(said, 32), engine)))
    assert [word.text for word in found] == [word.text for word in said]


sounds = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 40)), min_size=1, max_size=30)


def made(spans: list[tuple[int, int]]) -> Sound:
    """Bursts and silences of random length, in 50 ms."""
    unit, at, said = AUDIO_RATE // 20, AUDIO_RATE, []
    for n, (loud, quiet) in enumerate(spans):
        said.append(Said(WORDS[n % len(WORDS)], at, at + loud * unit))
        at += (loud + quiet) * unit
    return sound_of(said, at / AUDIO_RATE + 1)


@settings(max_examples=20, deadline=None)
@given(sounds, st.lists(st.integers(1, 9000), min_size=1, max_size=12))
def test_how_sound_is_cut_into_blocks_changes_nothing(spans: list[tuple[int, int]], sizes: list[int]) -> None:
    """Random blocks give the very same events as one, and the same decodes."""
    sound, one, many = made(spans), FakeEngine(), FakeEngine()
    expected = hear(sound, one)
    ear, found, at, turn = packed_ear(many), [], 0, 0
    while at < len(sound):
        size = sizes[turn % len(sizes)]
        found += ear.push(sound[at : at + size])
        at, turn = at + size, turn + 1
    assert found + ear.finish() == expected
    assert [len(batch) for batch in many.batches] == [len(batch) for batch in one.batches]
    assert many.windows_s == one.windows_s


@settings(max_examples=40, deadline=None)
@given(st.data(), sounds, st.sampled_from([1, BATCH]))
def test_words_are_in_order_and_apart_whatever_the_engine_says(
    data: st.DataObject, spans: list[tuple[int, int]], batch: int
) -> None:
    """None on another, none outside its epoch, none before what was told; windows never overlap."""

    def twist(_: list[HeardWord], request: DecodeRequest) -> list[HeardWord]:
        times = sorted(data.draw(st.lists(st.integers(0, len(request.pcm)), max_size=12)))
        return [HeardWord(text="ja", start=a, end=b, prob=0.5) for a, b in pairwise(times[:4])]

    sound = made(spans)
    ear = packed_ear(FakeEngine(twist=twist), epoch=3, start_ns=ns(50), batch=batch)
    found = [event for block in blocks(sound) for event in ear.push(block.samples)] + ear.finish()
    last_ns = ns(50)
    for word in words(found):
        assert last_ns <= word.start_ns < word.end_ns
        assert word.epoch == 3
        last_ns = word.end_ns
    assert last_ns <= ns(50) + len(sound) * SAMPLE_NS
