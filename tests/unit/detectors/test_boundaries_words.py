"""Clips and words: a clip starts where a sentence does, ends where one does, and never cuts a word in two."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ids import SessionId
from core.media import Epoch
from core.moments import Family, Moment, MomentState
from core.times import NS_PER_S, Ns, ns, to_s
from core.words import Word
from detectors.audio.detector import Silence
from detectors.fusion.boundaries import Snapper
from detectors.fusion.breaths import MARGIN_NS
from detectors.fusion.fuser import Fuser
from detectors.options import ClipLengths, Profile
from tests.unit.detectors.runs import event

SNAP_S = 3.0
ROOM_S, LEAD_S = 0.35, 0.1  # beside a sentence, and of a pause


def say(text: str, start_s: float, *, word_s: float = 0.3, pause_s: float = 0.1) -> list[Word]:
    """Words one after the other."""
    found = []
    for part in text.split():
        found.append(Word(text=part, start_ns=ns(start_s), end_ns=ns(start_s + word_s), prob=0.9, vad=0.9, epoch=0))
        start_s += word_s + pause_s
    return found


def snapper(*sentences: Sequence[Word]) -> Snapper:
    made = Snapper(SNAP_S)
    for sentence in sentences:
        made.words(sentence)
    return made


def test_a_start_moves_to_the_sentence_that_is_being_said() -> None:
    """A third of a second before its first word, or in the middle of a shorter breath."""
    words = [*say("That was close.", 17.6), *say("Now watch what happens here!", 19)]
    room_s = (19 - to_s(words[2].end_ns)) / 2
    assert 0.08 < room_s < ROOM_S
    assert snapper(words).start(ns(20), ns(40), []) == ns(19 - room_s)


def test_the_latest_sentence_before_is_taken_and_only_then_one_behind() -> None:
    """Rather earlier than later, within three seconds, and not behind what caused the moment."""
    one, two, three = say("One.", 17.5), say("Two.", 19), say("Three.", 21)
    assert snapper(one, two, three).start(ns(20), ns(40), []) == ns(19 - ROOM_S)
    assert snapper(three).start(ns(20), ns(40), []) == ns(21 - ROOM_S)
    assert snapper(three).start(ns(20), ns(20.5), []) == ns(20)
    assert snapper(say("Far.", 10)).start(ns(20), ns(40), []) == ns(20)


def test_a_sentence_goes_before_a_pause_and_a_pause_before_a_cut() -> None:
    """Whatever is nearer."""
    made = snapper(say("Now watch.", 18))
    made.cut(ns(19.9))
    pauses = [Silence(ns(19), ns(19.5))]
    assert made.start(ns(20), ns(40), pauses) == ns(18 - ROOM_S)
    assert snapper().start(ns(20), ns(40), pauses) == ns(19.5 - LEAD_S)


def test_a_pause_parts_sentences_without_a_full_stop() -> None:
    """Whisper leaves punctuation out; 0.7 s of silence is as good."""
    words = [*say("and then he", 16), *say("look at that", 19)]
    assert snapper(words).start(ns(20), ns(40), []) == ns(19 - ROOM_S)


def test_a_start_goes_to_a_breath_when_the_sentence_before_ends_at_once() -> None:
    """The lead must not bring in the last word of the one before, and nobody knows where that ends to the letter."""
    words = [*say("Well", 16.5), *say("So that was it. Now watch.", 18, word_s=0.4, pause_s=0.0)]
    assert snapper(words).start(ns(20), ns(40), []) == words[1].start_ns - ns(0.08)


def test_a_start_keeps_the_words_that_were_not_recognised() -> None:
    """A pause ends shortly before the sentence: it begins there."""
    words = [*say("Well.", 16), *say("watch this", 19.5)]
    assert snapper(words).start(ns(20), ns(40), [Silence(ns(18.2), ns(19))]) == ns(19 - LEAD_S)


def test_an_end_moves_to_the_end_of_the_sentence_that_is_being_said() -> None:
    """And a little further, for its last consonant, once the next word is known to leave room for that."""
    words = [*say("You will not believe this one!", 19), *say("Next", 22)]
    assert snapper(words).end(ns(20), ns(25), []) == words[5].end_ns + ns(ROOM_S)
    assert snapper(words[:6]).end(ns(20), ns(25), []) == words[5].end_ns
    assert snapper(words).end(ns(30), ns(40), []) == ns(30)


def test_an_end_keeps_clear_of_the_next_word() -> None:
    """The next sentence begins soon: not one letter of it is heard."""
    words = say("This is it. Next one.", 19, word_s=0.4, pause_s=0.2)
    end_ns = snapper(words).end(ns(19.5), ns(25), [])
    assert words[2].end_ns <= end_ns <= words[3].start_ns - ns(0.08)


def test_an_end_goes_to_a_breath_when_the_next_sentence_begins_at_once() -> None:
    """No recogniser knows a word's edge well enough to cut between two that touch."""
    words = [*say("This is it. Next one.", 19, word_s=0.4, pause_s=0.05), *say("Then", 22)]
    assert snapper(words).end(ns(19.5), ns(25), []) >= words[4].end_ns + ns(0.08)


def test_an_end_waits_for_a_pause_that_begins_soon() -> None:
    """What was not recognised was said all the same."""
    words = [*say("You will not believe this", 19), *say("Next", 24)]
    pauses = [Silence(ns(21.3), ns(21.9))]
    assert snapper(words).end(ns(20), ns(25), pauses) == ns(21.3)


def test_a_shown_end_inside_a_word_moves_behind_it() -> None:
    """The word became known after the clip was shown."""
    words = say("and so it goes on", 19)
    made = snapper(words)
    inside_ns = Ns(words[1].start_ns + ns(0.1))
    assert made.clear(inside_ns) >= words[1].end_ns
    assert made.clear(ns(18)) == ns(18)


def test_a_sentence_that_goes_on_too_long_is_left_at_a_pause_or_behind_a_word() -> None:
    """Within three seconds; no word is cut."""
    words = say("on and on and on and on and on and on and on and on", 19)
    made = snapper(words)
    assert made.end(ns(20.05), ns(30), [Silence(ns(21.35), ns(21.4))]) == ns(21.35)
    assert words[3].end_ns < made.end(Ns(words[3].start_ns + ns(0.1)), ns(20), []) < words[4].start_ns


def test_words_that_come_late_extend_the_end() -> None:
    """First nothing is known of the sentence, then half of it, then all."""
    words = say("You will not believe this.", 19.5)
    made = snapper()
    assert made.end(ns(20), ns(20), []) == ns(20)
    made.words(words[:2])
    half_ns = made.end(ns(20), ns(20.5), [])
    assert half_ns >= words[1].end_ns
    made.words(words[2:])
    assert made.end(ns(20), ns(22), []) == words[-1].end_ns > half_ns


def test_words_of_skipped_speech_take_their_place() -> None:
    """They become final after those that were said later."""
    early, late = say("Now watch.", 18), say("What a shot!", 22)
    assert snapper(late, early).start(ns(20), ns(40), []) == ns(18 - ROOM_S)


def test_sentences_far_ahead_change_nothing() -> None:
    """Nor those long gone."""
    assert snapper(say("Later on.", 60)).end(ns(20), ns(30), []) == ns(20)
    assert snapper(say("Later on", 60)).start(ns(20), ns(40), []) == ns(20)
    assert snapper(say("Long ago", 2)).end(ns(20), ns(30), []) == ns(20)


@st.composite
def speech(draw: st.DrawFn) -> list[Word]:
    """Words in order and apart, with full stops and pauses here and there."""
    at_ms, found = draw(st.integers(0, 5000)), []
    for _ in range(draw(st.integers(1, 40))):
        length_ms = draw(st.integers(20, 2000))
        text = draw(st.sampled_from(["so", "well.", "go!"]))
        found.append(
            Word(
                text=text, start_ns=ns(at_ms / 1000), end_ns=ns((at_ms + length_ms) / 1000), prob=0.9, vad=0.9, epoch=0
            )
        )
        at_ms += length_ms + draw(st.sampled_from([0, 0, 30, 150, 400, 900]))
    return found


pauses_strategy = st.lists(st.tuples(st.integers(0, 90_000), st.integers(200, 3000)), max_size=6)


def inside(t_ns: int, words: Sequence[Word]) -> list[str]:
    return [f"{word.start_ns}..{word.end_ns}" for word in words if word.start_ns < t_ns < word.end_ns]


@settings(max_examples=150, deadline=None)
@given(speech(), pauses_strategy, st.integers(0, 60_000), st.integers(0, 6000), st.data())
def test_neither_start_nor_end_lies_inside_a_word(
    words: list[Word], pauses: list[tuple[int, int]], wanted_ms: int, known_ms: int, data: st.DataObject
) -> None:
    """Whatever is known: words, in any order of coming, pauses and cuts."""
    made = Snapper(SNAP_S)
    for word in data.draw(st.permutations(words)):
        made.words([word])
    made.cut(ns(data.draw(st.integers(0, 60_000)) / 1000))
    silences = [Silence(ns(a / 1000), ns((a + b) / 1000)) for a, b in sorted(pauses)]
    wanted_ns = ns(wanted_ms / 1000)
    start_ns = made.start(wanted_ns, Ns(wanted_ns + ns(4)), silences)
    end_ns = made.end(wanted_ns, Ns(wanted_ns + ns(known_ms / 1000)), silences)
    assert inside(start_ns, words) == []
    assert inside(end_ns, words) == []
    assert wanted_ns - ns(SNAP_S) - ns(2) <= start_ns <= wanted_ns + ns(SNAP_S)
    assert wanted_ns - ns(0.1) <= end_ns <= wanted_ns + ns(SNAP_S) + ns(2) + MARGIN_NS


LENGTHS = [ClipLengths(), ClipLengths(pre_s=6, post_s=3, min_s=8, max_s=15), ClipLengths(min_s=30)]


@settings(max_examples=60, deadline=None)
@given(speech(), st.sampled_from(LENGTHS), st.integers(3, 30), st.lists(st.integers(1, 9), max_size=6))
def test_no_clip_of_a_moment_begins_or_ends_inside_a_word(
    words: list[Word], lengths: ClipLengths, at_s: int, after_s: list[int]
) -> None:
    """Through the lengths of the profile too: whatever of its words is known when a moment is told."""
    fuser = Fuser(Profile(clip=lengths), SessionId("s1"))
    fuser.epoch(Epoch(number=0, start_ns=Ns(0), reason="start", by="start"))
    fuser.snapper.words(words)
    for start_s in accumulate([at_s, *after_s]):
        fuser.take(event("roar", Family.AUDIO, 9.0, start_s=start_s))
    told = [moment for now_s in range(1, 100, 3) for moment in step(fuser, now_s)]
    shown = [moment for moment in told if moment.state in (MomentState.PROVISIONAL, MomentState.FINAL)]
    assert shown
    for moment in shown:
        assert inside(moment.start_ns, words) == []
        assert inside(moment.end_ns, words) == []


@pytest.mark.parametrize("late", [False, True])
def test_a_clip_ends_with_its_sentence_even_when_that_is_known_late(late: bool) -> None:
    """A shown clip grows when the words come."""
    fuser, plain = Fuser(Profile(), SessionId("s1")), Fuser(Profile(), SessionId("s1"))
    for each in (fuser, plain):
        each.take(event("roar", Family.AUDIO, 9.0, start_s=30))
    end_ns = [moment.end_ns for now_s in range(1, 70) for moment in step(plain, now_s)][-1]
    words = say("And that is how you win!", end_ns / NS_PER_S - 1)
    ends: list[Ns] = []
    for now_s in range(1, 70):
        if now_s == (end_ns // NS_PER_S + 4 if late else 1):
            fuser.snapper.words(words)
        ends += [moment.end_ns for moment in step(fuser, now_s)]
    assert ends[-1] == words[-1].end_ns > end_ns


def step(fuser: Fuser, now_s: int) -> list[Moment]:
    return fuser.step(ns(now_s), {Family.AUDIO: ns(now_s)})
