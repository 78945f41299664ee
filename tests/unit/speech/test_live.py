"""The live planner: when a word becomes final, what its window holds, and that nothing final ever changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.media import AUDIO_RATE
from core.times import Ns, ns, to_s
from core.words import Committed, LanguageChanged, Partial, SpeechEvent
from daemon.speech.agreement import MARGIN
from daemon.speech.engine import DecodeRequest, DecodeResult, HeardWord
from daemon.speech.glossary import Glossary
from daemon.speech.language import LanguageTracker
from daemon.speech.live import FIRST_TICK, FORCE_AFTER, SPLIT_AT, LivePlanner, Pace
from daemon.speech.planner import SAMPLE_NS, Voice
from daemon.speech.vad import END, FRAME
from tests.unit.speech.fake_engine import (
    STOPS,
    WORDS,
    FakeEngine,
    Said,
    Sound,
    a_voice,
    as_said,
    commits,
    live_ear,
    sound_of,
    talk,
    words,
)

FRAME_S = FRAME / AUDIO_RATE


def hear(sound: Sound, engine: FakeEngine | None = None, *, step: int = FRAME) -> list[SpeechEvent]:
    """All events of a sound, frame by frame."""
    ear = live_ear(engine or FakeEngine())
    events = [event for at in range(0, len(sound), step) for event in ear.push(sound[at : at + step])]
    return events + ear.finish()


def test_words_come_out_as_they_were_said_to_the_sample() -> None:
    """A minute of sentences with pauses: every word, once, in order, at its own place."""
    said = [*talk(1, 9), *talk(11, 24, first=3), *talk(26, 58, pause_s=0.25)]
    events = hear(sound_of(said, 60))
    assert as_said(words(events)) == said
    assert {commit.reason for commit in commits(events)} == {"agreed", "endpoint"}
    assert [commit.seq for commit in commits(events)] == list(range(1, len(commits(events)) + 1))


def test_a_word_is_agreed_once_two_decodes_have_it_clear_of_the_edge() -> None:
    """One decode is not enough, and a word at the edge waits for the next."""
    start = 2 * AUDIO_RATE
    said = [Said("alpha", start, start + 4800), Said("bravo", start + 6400, start + 22_400)]
    events = hear(sound_of(said, 6))
    alpha, bravo = (next(c for c in commits(events) if c.words[0].text == word.text) for word in said)
    assert alpha.reason == "agreed"
    assert bravo.known_ns > alpha.known_ns
    for commit, word in ((alpha, said[0]), (bravo, said[1])):
        assert commit.known_ns >= (word.end + MARGIN) * SAMPLE_NS


def test_a_committed_word_is_known_within_two_ticks_and_the_margin() -> None:
    """Of running speech: the tick after its end, the one that agrees, and 0.2 s at the edge."""
    events = hear(sound_of(talk(1, 40), 42))
    late_s = [to_s(c.known_ns - w.end_ns) for c in commits(events) for w in c.words if c.reason == "agreed"]
    assert max(late_s) <= 2.2 + FRAME_S
    assert sorted(late_s)[len(late_s) // 2] <= 2.0


def test_the_end_of_an_utterance_makes_all_of_it_final_half_a_second_later() -> None:
    """Even one word that only the last decode has."""
    said = [Said("alpha", 2 * AUDIO_RATE, 2 * AUDIO_RATE + 5600)]
    [commit] = commits(hear(sound_of(said, 4)))
    assert commit.reason == "endpoint"
    assert as_said(commit.words) == said
    assert commit.known_ns == pytest.approx((said[0].end + END) * SAMPLE_NS, abs=2 * FRAME * SAMPLE_NS)


def test_what_is_said_before_it_is_sure_may_change_and_says_so() -> None:
    """Partials hold the words behind the last final one; each has the next number; an utterance leaves none."""
    events = hear(sound_of(talk(1, 12), 14))
    partials = [event for event in events if isinstance(event, Partial)]
    assert [partial.rev for partial in partials] == list(range(1, len(partials) + 1))
    assert partials[-1].words == ()
    last_ns = 0
    for event in events:
        if isinstance(event, Committed):
            last_ns = event.words[-1].end_ns
        elif isinstance(event, Partial) and event.words:
            assert event.words[0].start_ns >= last_ns


def test_a_word_that_no_two_decodes_agree_on_is_forced_after_five_seconds() -> None:
    """And with it what follows it in the newest hypothesis, as far as it is that old; marked as less sure."""
    count = 0

    def twist(heard: list[HeardWord], _request: DecodeRequest) -> list[HeardWord]:
        nonlocal count
        count += 1
        return [replace(w, text=f"{w.text}{'xyz'[count % 3]}") if w.text == "charlie" else w for w in heard]

    said = talk(1, 11, but=WORDS[13:])
    events = hear(sound_of(said, 13), FakeEngine(twist=twist))
    stuck = next(c for c in commits(events) if c.words[0].text.startswith("charlie"))
    assert stuck.reason == "forced"
    assert stuck.known_ns - stuck.words[-1].end_ns >= FORCE_AFTER * SAMPLE_NS
    assert to_s(stuck.known_ns - stuck.words[0].end_ns) == pytest.approx(5.5, abs=0.6)
    assert [(w.start, w.end) for w in as_said(words(events))] == [(w.start, w.end) for w in said]


def windows(said: Sequence[Said], seconds: float) -> list[tuple[int, int]]:
    """Begin and end of every window that is decoded, in samples; the words come out as they were said."""
    engine, found = FakeEngine(), list[tuple[int, int]]()
    ear, sound, events = live_ear(engine), sound_of(said, seconds), list[SpeechEvent]()
    for edge in range(FRAME, len(sound), FRAME):
        events += ear.push(sound[edge - FRAME : edge])
        found += [(edge - len(request.pcm), edge) for [request] in engine.batches[len(found) :]]
    assert as_said(words(events + ear.finish())) == said
    return found


def trimmed(found: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where windows begin that lost their beginning, and where the one before ended."""
    return [(begin, end) for (before, end), (begin, _) in pairwise(found) if begin > before]


def test_a_window_past_twelve_seconds_is_cut_behind_a_sentence() -> None:
    """Behind the last one that leaves four seconds; the window never grows on, and no word is lost at a seam."""
    said = talk(1, 40)
    found = windows(said, 42)
    assert 12 * AUDIO_RATE < max(end - begin for begin, end in found) <= 13 * AUDIO_RATE + FRAME
    stops = [word.end for word in said if word.text in STOPS]
    assert len(trimmed(found)) > 2
    for begin, end in trimmed(found):
        assert begin == max(stop for stop in stops if stop <= end - 4 * AUDIO_RATE)


def test_without_a_full_stop_it_is_cut_at_a_pause() -> None:
    """Of a fifth of a second and more."""
    said = [word for n in range(12) for word in talk(1 + 3 * n, 3.9 + 3 * n, first=4 * n, but=STOPS)]
    pauses = [one.end for one, two in pairwise(said) if two.start - one.end >= AUDIO_RATE // 5]
    cuts = trimmed(windows(said, 40))
    assert len(cuts) > 2
    for begin, end in cuts:
        assert begin == max(pause for pause in pauses if pause <= end - 4 * AUDIO_RATE)


def test_without_any_sentence_or_pause_it_is_cut_behind_a_committed_word() -> None:
    """The last one that leaves four seconds."""
    said = talk(1, 40, but=STOPS)
    found = windows(said, 42)
    assert max(end - begin for begin, end in found) <= 13 * AUDIO_RATE + FRAME
    assert len(trimmed(found)) > 2
    for begin, end in trimmed(found):
        assert begin == max(word.end for word in said if word.end <= end - 4 * AUDIO_RATE)


def test_when_nothing_is_ever_agreed_the_utterance_is_split_at_its_quietest_place() -> None:
    """A hypothesis that fails every gate commits nothing: at 20 s what the last decode says is final, or dropped."""
    engine = FakeEngine()
    engine.result = replace(engine.result, avg_logprob=-3.0)
    sound = sound_of(talk(1, 60), 62)
    assert words(hear(sound, engine)) == []
    assert max(engine.windows_s) <= (SPLIT_AT + AUDIO_RATE) / AUDIO_RATE
    assert sum(request.careful for [request] in engine.batches) >= 3


@pytest.mark.parametrize("cap_s", [8, 20])
def test_a_speaker_without_pauses_is_split_between_words(cap_s: float) -> None:
    """Where only whole utterances are decoded: none longer than the cap, and no word is cut in two."""
    engine = FakeEngine()
    ear = live_ear(engine)
    planner = ear._planner
    assert isinstance(planner, LivePlanner)
    planner.pace = Pace(tick=None, cap=round(cap_s * AUDIO_RATE))
    said = talk(1, 60)
    events = ear.push(sound_of(said, 62)) + ear.finish()
    assert as_said(words(events)) == said
    assert max(engine.windows_s) <= cap_s + FRAME_S
    assert len(engine.batches) <= 60 / (cap_s / 2) + 2


def test_a_refused_hypothesis_gets_one_careful_try() -> None:
    """At the end of an utterance; if that is good, its words are final."""

    class Stubborn(FakeEngine):
        def decode(self, batch: Sequence[DecodeRequest]) -> list[DecodeResult]:
            return [
                result if request.careful else replace(result, avg_logprob=-2.0)
                for request, result in zip(batch, super().decode(batch), strict=True)
            ]

    said = talk(1, 3)
    engine = Stubborn()
    assert as_said(words(hear(sound_of(said, 5), engine))) == said
    assert [request.careful for [request] in engine.batches][-2:] == [False, True]


def test_dropped_words_are_counted_by_gate() -> None:
    """What was refused and why, for whoever wonders where the words are."""
    engine = FakeEngine(twist=lambda heard, _: [*heard, HeardWord(text="thanks", start=10, end=3000, prob=0.9)][::-1])
    voice = a_voice()
    ear = live_ear(engine, voice=voice)
    ear.push(sound_of(talk(1, 2), 4))
    ear.finish()
    assert voice.tally.dropped == {"no_speech": 1}
    assert voice.tally.words == {"endpoint": 2, "agreed": 0} or sum(voice.tally.words.values()) == 2


def test_silence_is_never_decoded() -> None:
    """Not one window in a minute of it; the sound is forgotten."""
    engine = FakeEngine()
    assert hear(np.zeros(60 * AUDIO_RATE, np.float32), engine) == []
    assert engine.batches == []


def test_first_tick() -> None:
    """The first look comes 0.8 s into an utterance, pre-roll included."""
    engine = FakeEngine()
    hear(sound_of(talk(1, 6), 7), engine)
    assert engine.windows_s[0] == pytest.approx(FIRST_TICK / AUDIO_RATE, abs=FRAME_S)


def test_everything_before_heard_is_committed() -> None:
    """At every frame: no word that is told later ends at or before it."""
    ear, said = live_ear(FakeEngine()), [*talk(1, 9), *talk(11, 20, first=9)]
    sound = sound_of(said, 22)
    marks: list[tuple[Ns, int]] = []
    found: list[SpeechEvent] = []
    for at in range(0, len(sound), FRAME):
        found += ear.push(sound[at : at + FRAME])
        marks.append((ear.heard_ns, len(words(found))))
    found += ear.finish()
    everything = words(found)
    for heard_ns, told in marks:
        assert all(word.end_ns > heard_ns for word in everything[told:])
    assert marks[-1][0] == len(sound) // FRAME * FRAME * SAMPLE_NS


def test_no_word_reaches_past_the_end_of_its_epoch() -> None:
    """Sound that breaks off in a word, anywhere in a frame: the next epoch may begin on the next sample."""
    for cut in range(2 * AUDIO_RATE, 2 * AUDIO_RATE + 3 * FRAME, 101):
        events = hear(sound_of([Said("alpha", AUDIO_RATE, cut)], 3)[:cut], FakeEngine(twist=to_the_end))
        assert words(events)
        assert max(word.end_ns for word in words(events)) <= cut * SAMPLE_NS


def to_the_end(heard: list[HeardWord], request: DecodeRequest) -> list[HeardWord]:
    """As Whisper does: the last word lasts as long as its window."""
    return [*heard[:-1], *(replace(word, end=len(request.pcm)) for word in heard[-1:])]


sounds = st.lists(
    st.tuples(st.integers(1, 30), st.integers(1, 40)), min_size=1, max_size=30
)  # speech and silence in turn, in 50 ms


def made(spans: list[tuple[int, int]]) -> Sound:
    """A sound of bursts of random length."""
    unit, at, said = AUDIO_RATE // 20, AUDIO_RATE, []
    for n, (loud, quiet) in enumerate(spans):
        said.append(Said(WORDS[n % len(WORDS)], at, at + loud * unit))
        at += (loud + quiet) * unit
    return sound_of(said, at / AUDIO_RATE + 1)


def random_words(data: st.DataObject, request: DecodeRequest) -> list[HeardWord]:
    """Any hypothesis an engine might give: few texts, so that some agree by chance; in order, inside the window."""
    times = sorted(data.draw(st.lists(st.integers(0, len(request.pcm)), max_size=16)))
    texts = st.sampled_from(["ja", "no", "so", "go."])
    return [HeardWord(text=data.draw(texts), start=a, end=b, prob=0.5) for a, b in pairwise(times)]


@settings(max_examples=60, deadline=None)
@given(st.data(), sounds)
def test_what_is_final_never_changes_and_never_goes_back_in_time(
    data: st.DataObject, spans: list[tuple[int, int]]
) -> None:
    """Whatever the hypotheses say: words in order, none on another, none before what was known; known times rise."""
    engine = FakeEngine(twist=lambda _, request: random_words(data, request))
    sound = made(spans)
    ear = live_ear(engine, epoch=7, start_ns=ns(100))
    last_ns = known_ns = ns(100)
    for at in range(0, len(sound), 3 * FRAME):
        for commit in commits(ear.push(sound[at : at + 3 * FRAME])):
            check(commit, last_ns, known_ns, ear.edge_ns)
            last_ns, known_ns = commit.words[-1].end_ns, commit.known_ns
    for commit in commits(ear.finish()):
        check(commit, last_ns, known_ns, ns(100 + len(sound) / AUDIO_RATE))
        last_ns, known_ns = commit.words[-1].end_ns, commit.known_ns


def check(commit: Committed, last_ns: Ns, known_ns: Ns, edge_ns: Ns) -> None:
    assert commit.words
    assert known_ns <= commit.known_ns
    for word in commit.words:
        assert last_ns <= word.start_ns < word.end_ns
        assert word.epoch == 7
        last_ns = word.end_ns
    assert last_ns <= edge_ns


@settings(max_examples=25, deadline=None)
@given(sounds, st.lists(st.integers(1, 9000), min_size=1, max_size=12))
def test_how_sound_is_cut_into_blocks_changes_nothing(spans: list[tuple[int, int]], sizes: list[int]) -> None:
    """Random blocks give the very same events as one."""
    sound = made(spans)
    whole = live_ear(FakeEngine())
    expected = whole.push(sound) + whole.finish()
    ear, found, at, turn = live_ear(FakeEngine()), [], 0, 0
    while at < len(sound):
        size = sizes[turn % len(sizes)]
        found += ear.push(sound[at : at + size])
        at, turn = at + size, turn + 1
    assert found + ear.finish() == expected


def test_the_language_of_somebody_who_never_pauses_is_found_after_five_seconds() -> None:
    """Without waiting for the end of the utterance; from then on windows are decoded in it."""
    voice = Voice(language=LanguageTracker("auto"), glossary=Glossary(()))
    asked: list[str | None] = []

    class Noting(FakeEngine):
        """Remembers the languages it was told."""

        def decode(self, batch: Sequence[DecodeRequest]) -> list[DecodeResult]:
            asked.extend(request.language for request in batch)
            return super().decode(batch)

    ear, sound = live_ear(Noting(), voice=voice), sound_of(talk(0, 11), 11)
    events = [event for at in range(0, len(sound), FRAME) for event in ear.push(sound[at : at + FRAME])]
    [found] = [event for event in events if isinstance(event, LanguageChanged)]
    assert found.language == "en"
    assert 5 <= to_s(found.t_ns) <= 7
    assert asked[0] is None
    assert asked[-1] == "en"
