"""Hook phrases, punchlines, fast talk and overlaps: what is said and how."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.media import Gap
from core.moments import Event
from core.signals import SignalChunk
from core.times import Ns, ns, to_s
from core.words import Word
from detectors import Profile
from detectors.features import AUDIO_COLUMNS, AUDIO_KIND, STEP_NS
from detectors.speech.detector import SpeechDetector
from detectors.speech.phrases import PHRASES
from detectors.speech.words import token
from tests.unit.detectors.speech_runs import (
    by_sentence,
    commit,
    listen,
    say,
    small_talk,
    sound,
    voice,
)

AT_S = 300.0


def phrases(events: Sequence[Event]) -> list[Event]:
    """Hook phrases that say something."""
    return [event for event in events if event.kind == "phrase"]


def one_phrase(text: str, *, raised: bool, sounds: Sequence[Event] = ()) -> list[Event]:
    """Five minutes of talk, then a text at 300 s."""
    hook = say(text, AT_S)
    words = [*small_talk(AT_S - 2), *hook]
    stretch = (AT_S, to_s(hook[-1].end_ns) + 0.2) if raised else None
    rows = [voice(AT_S + 20, words, raised=stretch)]
    return phrases(listen(by_sentence(words), AT_S + 60, rows=rows, sounds=sounds))


# hook phrases


def test_a_phrase_with_a_raised_voice_counts() -> None:
    """An octave up and 10 dB louder; `why` has the figures."""
    [event] = one_phrase("No way!", raised=True)
    assert event.llr * event.quality > 1.0
    assert event.start_ns == ns(AT_S)
    assert "'no way' with the voice" in event.why
    assert event.values["pitch"] > 4
    assert event.values["level_db"] > 6


@pytest.mark.parametrize("text", ["No way.", "He said no way.", "Oh my God.", "Let's go to the shop."])
def test_a_flat_phrase_gives_nothing(text: str) -> None:
    """Read, quoted or said in passing."""
    assert one_phrase(text, raised=False) == []


def test_a_reported_phrase_gives_nothing_even_when_acted_out() -> None:
    """`He said no way` is somebody else's surprise."""
    assert one_phrase("Then he said no way!", raised=True) == []


def test_a_phrase_next_to_a_reaction_counts() -> None:
    """A crowd 1.2 s later, told only when it is over, raises a flat phrase."""
    end_s = to_s(say("No way.", AT_S)[-1].end_ns)
    [event] = one_phrase("No way.", raised=False, sounds=[sound("crowd", end_s + 1.2, end_s + 8.0)])
    assert event.why == "'no way' 1.2 s before the crowd"
    assert event.llr > 1.0


@pytest.mark.parametrize(("away_s", "counts"), [(3.5, True), (4.5, False)])
def test_a_reaction_reaches_four_seconds(away_s: float, counts: bool) -> None:
    """Further away it reacts to something else."""
    end_s = to_s(say("No way.", AT_S)[-1].end_ns)
    found = one_phrase("No way.", raised=False, sounds=[sound("shout", end_s + away_s, end_s + away_s + 2)])
    assert bool(found) is counts


def test_weak_sounds_and_music_raise_nothing() -> None:
    """A penalty is no reaction, and a sound that says nothing says nothing here."""
    sounds = [sound("music", AT_S + 1, AT_S + 5, llr=-2.0), sound("loud", AT_S + 1, AT_S + 3, llr=0.2)]
    assert one_phrase("No way.", raised=False, sounds=sounds) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("LET'S GOOOO!", "let's go"), ("Oh my GOD!", "oh my god"), ("¡No puede ser!", "no puede ser"),
        ("Não acredito!", "não acredito"), ("Oh mein Gott!", "oh mein gott"),
        ("C'est pas possible !", "c'est pas possible"),
        ("What the", "what the"), ("What the hell!", "what the hell"), ("I can’t believe it!", "I can't believe"),
    ],
)  # fmt: skip
def test_phrases_are_found_however_they_are_written(text: str, name: str) -> None:
    """Case, accents, apostrophes, held letters; several languages."""
    [event] = one_phrase(text, raised=True)
    assert f"'{name}'" in event.why


@pytest.mark.parametrize("text", ["What the weather does.", "no wayward children", "let us go", "Norway"])
def test_other_words_are_not_phrases(text: str) -> None:
    """Whole words only, and some phrases only where the sentence ends."""
    assert one_phrase(text, raised=True) == []


def test_a_phrase_that_is_said_all_the_time_counts_little() -> None:
    """Twenty an hour is this channel's hello; the same phrase for the first time is news."""
    words: list[Word] = []
    for minute in range(10):
        words += [w for w in small_talk(60 * minute + 50, from_s=60 * minute + 0.5, seed=minute)]
        words += [*say("Let's go!", 60 * minute + 52.0), *say("let's go!", 60 * minute + 55.0)]
    rare, often = say("No way!", 600.0), say("Let's go!", 640.0)
    words = [*words, *rare, *say("so that was that.", 610.0), *often]
    first = sound("shout", 602.0, 604.0)
    again = sound("shout", 642.0, 644.0)
    found = phrases(listen(by_sentence(words), 700.0, sounds=[first, again]))
    evidence = {to_s(event.start_ns): event.llr for event in found}
    assert evidence[600.0] > 1.0
    assert evidence.get(640.0, 0.0) < 0.3


def test_a_phrase_across_commits_is_found_once() -> None:
    """A word at a time, and the last one handed in twice."""
    words = [*small_talk(AT_S - 2), *say("oh my god", AT_S)]
    pieces = [commit([word]) for word in words]
    near = [sound("shout", AT_S + 1, AT_S + 3)]
    found = phrases(listen([*pieces, pieces[-1]], AT_S + 60, sounds=near))
    assert [event.why.split("'")[1] for event in found] == ["oh my god"]


def test_words_of_skipped_speech_come_late_and_still_count() -> None:
    """`no` is known a minute after `way`."""
    no, way = say("no way!", AT_S)
    late = commit([no])
    late = type(late)(seq=9, words=late.words, language="en", reason="catchup", known_ns=ns(AT_S + 60))
    [event] = phrases(listen([commit([way]), late], AT_S + 90, sounds=[sound("shout", AT_S + 1, AT_S + 3)]))
    assert event.start_ns == ns(AT_S)
    assert to_s(event.found_ns) == AT_S + 60


def test_a_guess_of_the_recogniser_is_no_phrase() -> None:
    """Words it is unsure of are not counted."""
    words = say("no way!", AT_S, prob=0.2)
    assert phrases(listen([commit(words)], AT_S + 60, sounds=[sound("shout", AT_S + 1, AT_S + 3)])) == []


def test_every_phrase_in_the_tables_can_be_found() -> None:
    """No entry is empty or hidden behind its own normalisation."""
    for entries in PHRASES.values():
        for text in entries:
            assert all(token(word) for word in text.split()), text


# punchlines


def told(pause_s: float, line: str = "so the penguin says I am not a waiter", talk_over: bool = False) -> list[Event]:
    """A line, a pause, a laugh."""
    words = [*small_talk(90.0), *say(f"{line}.", 100.0)]
    start_s = to_s(words[-1].end_ns) + pause_s
    if talk_over:
        words += say("anyway as I was saying there", start_s - 0.1)
    laugh = sound("laughter", start_s, start_s + 3)
    return [e for e in listen(by_sentence(words), 160.0, sounds=[laugh]) if e.kind == "punchline"]


def test_a_laugh_after_a_line_is_a_punchline_dated_at_the_line() -> None:
    """The set-up belongs into the clip."""
    [event] = told(0.6)
    assert event.start_ns == ns(100.0)
    assert event.why == "laughter 0.6 s after a line of 9 words"
    assert event.llr * event.quality > 1.0


@pytest.mark.parametrize("pause_s", [-0.5, 0.05, 3.0])
def test_a_laugh_needs_a_pause_before_it_and_not_a_long_one(pause_s: float) -> None:
    """Laughing into the line, or about something else."""
    assert told(pause_s) == []


def test_nobody_talks_over_the_start_of_the_laugh() -> None:
    """Else it is a background."""
    assert told(0.6, talk_over=True) == []


def test_one_word_is_no_set_up() -> None:
    """A line has four words."""
    assert told(0.6, line="well") == []


def test_a_laugh_that_the_recogniser_wrote_down_is_the_laugh() -> None:
    """`Ha ha ha` over the laugh is nobody talking over it."""
    words = [*small_talk(90.0), *say("so the penguin says I am not a waiter.", 100.0)]
    start_s = to_s(words[-1].end_ns) + 0.6
    words += say("Haha haha!", start_s + 0.1)
    events = listen(by_sentence(words), 160.0, sounds=[sound("crowd", start_s, start_s + 3)])
    assert [e.why for e in events if e.kind == "punchline"] == ["the crowd 0.6 s after a line of 9 words"]


def test_a_gap_before_the_laugh_hides_what_was_said() -> None:
    """A pause that nobody heard is no pause."""
    words = [*small_talk(90.0), *say("so the penguin says I am not a waiter.", 100.0)]
    end_ns = words[-1].end_ns
    detector = SpeechDetector(Profile().detect)
    detector.words(by_sentence(words))
    detector.gap(Gap(start_ns=Ns(end_ns + ns(0.1)), end_ns=Ns(end_ns + ns(0.5)), reason="test"))
    detector.heard(ns(120))
    detector.notice([sound("laughter", to_s(end_ns) + 0.6, 110.0)])
    assert [e for e in detector.advance(ns(120)) if e.kind == "punchline"] == []


# fast talk


def test_fast_talk_stands_out_against_the_usual_pace() -> None:
    """1.9 times as fast for twelve seconds after five minutes."""
    words = [
        *small_talk(AT_S),
        *small_talk(AT_S + 12, speed=1.9, from_s=AT_S + 1, seed=3),
        *small_talk(400, from_s=315),
    ]
    found = [e for e in listen(by_sentence(words), 420.0) if e.kind == "speech_rate"]
    assert found
    best = max(found, key=lambda e: e.llr)
    assert AT_S - 6 <= to_s(best.start_ns) <= AT_S + 8
    assert 0.2 < best.llr * best.quality <= 0.75
    assert "times as fast as usual" in best.why
    assert len({e.start_ns for e in found}) == 1


def test_an_even_pace_gives_nothing() -> None:
    """Twenty minutes of one speaker; sentences differ by 8 %, as a reader's do by 12 %."""
    events = listen(by_sentence(small_talk(1200.0)), 1200.0)
    assert sum(e.llr * e.quality for e in events if e.kind == "speech_rate") < 0.2


# contract


def test_sound_of_a_stream_nobody_listens_to_is_not_kept() -> None:
    """Without a recogniser no word asks for the sound around it; ten hours of rows take what ten minutes take."""
    detector = SpeechDetector(Profile().detect)
    values = np.zeros((5, len(AUDIO_COLUMNS)), dtype=np.float32)
    waiting = 0
    for step in range(1, 72_001):
        at_ns = Ns(step * ns(0.5))
        detector.feed(
            SignalChunk(
                kind=AUDIO_KIND, start_ns=Ns(at_ns - ns(0.5)), step_ns=STEP_NS, values=values, columns=AUDIO_COLUMNS
            )
        )
        assert detector.advance(at_ns) == []
        waiting = max(waiting, detector._rows.backlog)
    assert waiting < 300


def test_silence_is_not_a_missing_recogniser() -> None:
    """Announced and empty is available; unannounced is missing."""
    detector = SpeechDetector(Profile().detect)
    assert not detector.available()
    detector.set_available(True)
    assert detector.available()
    assert list(detector.advance(ns(5))) == []


def test_the_watermark_follows_what_has_been_heard() -> None:
    """Not the clock: speech behind is speech unknown; and a laugh that waits for words holds it."""
    detector = SpeechDetector(Profile().detect)
    detector.set_available(True)
    detector.heard(ns(40))
    detector.advance(ns(60))
    assert detector.watermark() == ns(37)
    detector.notice([sound("laughter", 41.0, 44.0)])
    detector.advance(ns(60.5))
    assert detector.watermark() < ns(30)


def _stream() -> tuple[list[Word], list[Event]]:
    hook = say("No way! Oh my god.", 120.0)
    joke = say("so the penguin says I am not a waiter.", 150.0)
    words = [*small_talk(110.0), *hook, *joke, *say("clip that!", 170.0)]
    laugh_s = to_s(joke[-1].end_ns) + 0.7
    return words, [sound("shout", 122.0, 124.0), sound("laughter", laugh_s, laugh_s + 3)]


def _key(event: Event) -> tuple[str, int, float, str]:
    return event.kind, event.start_ns, event.llr, event.why


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_pieces_do_not_matter(seed: int) -> None:
    """Words known at the same step give the same events however they are committed, in whatever order."""
    words, sounds = _stream()
    rng = np.random.default_rng(seed)
    whole = by_sentence(words)
    pieces = []
    for part in whole:
        cut = int(rng.integers(0, len(part.words)))
        for some in (part.words[cut:], part.words[:cut]):
            if some:
                pieces.append(type(part)(seq=0, words=some, language="en", reason="agreed", known_ns=part.known_ns))
    rows = voice(200.0, words)
    size = int(rng.integers(3, 200))
    chunks = [
        type(rows)(
            kind=rows.kind, start_ns=Ns(at * rows.step_ns), step_ns=rows.step_ns, values=rows.values[at : at + size],
            columns=rows.columns,
        )
        for at in range(0, len(rows), size)
    ]  # fmt: skip
    assert listen(pieces, 200.0, rows=chunks, sounds=sounds) == listen(whole, 200.0, rows=[rows], sounds=sounds)


@pytest.mark.parametrize("cut_s", [60.0, 122.0, 126.5, 153.0, 158.0, 172.0])
def test_cutting_the_input_changes_nothing_before_the_cut(cut_s: float) -> None:
    """Causality: what was found up to t uses nothing later."""
    words, sounds = _stream()
    commits, rows = by_sentence(words), voice(200.0, words)
    short = type(rows)(
        kind=rows.kind,
        start_ns=Ns(0),
        step_ns=rows.step_ns,
        values=rows.values[: round(cut_s * 10)],
        columns=rows.columns,
    )
    known = [c for c in commits if c.known_ns <= ns(cut_s)]
    noticed = [s for s in sounds if s.found_ns <= ns(cut_s)]
    full = [e for e in listen(commits, 200.0, rows=[rows], sounds=sounds, finish=False) if e.found_ns <= ns(cut_s)]
    assert full == listen(known, cut_s, rows=[short], sounds=noticed, finish=False)


def test_everything_in_the_stream_is_found() -> None:
    """The stream of the two tests above is not an empty one."""
    words, sounds = _stream()
    found = {e.kind for e in listen(by_sentence(words), 200.0, rows=[voice(200.0, words)], sounds=sounds)}
    assert found >= {"phrase", "punchline", "command"}


def test_hostile_words_cost_what_others_cost() -> None:
    """A megabyte of one letter is forty characters."""
    assert len(token("a" * 1_000_000)) <= 40
    assert token("́" * 1_000_000) == ""
