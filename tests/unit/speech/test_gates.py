"""What is refused as not said, and where a word is put that the recogniser stretched over silence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.media import AUDIO_RATE
from daemon.speech.engine import SHORTEST, DecodeResult, HeardWord
from daemon.speech.gates import LONGEST, MIN_VAD, SLACK, VadTrack, fault, words_on_speech
from daemon.speech.packed import HURRY
from daemon.speech.vad import FRAME

QUIET, SPEECH = 0.02, 0.95


def result(text: str, *, logprob: float = -0.3, compression: float = 1.2) -> DecodeResult:
    heard = tuple(HeardWord(text=word, start=0, end=FRAME, prob=0.9) for word in text.split())
    return DecodeResult(
        words=heard,
        text=text,
        avg_logprob=logprob,
        compression_ratio=compression,
        no_speech_prob=0.0,
        language="en",
        language_prob=None,
        infer_ns=0,
    )


def track(*spans: tuple[float, float], seconds: float, level: float = SPEECH) -> VadTrack:
    """Speech in some spans, in seconds, and silence elsewhere."""
    made = VadTrack()
    for frame in range(int(seconds * AUDIO_RATE / FRAME)):
        t = frame * FRAME / AUDIO_RATE
        made.add(level if any(a <= t < b for a, b in spans) else QUIET)
    return made


def word(start_s: float, end_s: float, text: str = "live") -> HeardWord:
    return HeardWord(text=text, start=round(start_s * AUDIO_RATE), end=round(end_s * AUDIO_RATE), prob=0.9)


def seconds(heard: HeardWord) -> tuple[float, float]:
    return heard.start / AUDIO_RATE, heard.end / AUDIO_RATE


def test_a_plain_sentence_passes() -> None:
    """So does a window without any word."""
    assert fault(result("and now we are live again"), 3 * AUDIO_RATE, "en") is None
    assert fault(result(""), AUDIO_RATE, "en") is None


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("no no no", False),
        ("no no no no", True),
        ("go You you YOU you home", True),
        ("no no way no no", False),
        ("thank you thank you thank you thank you", False),  # the compression ratio says more about that
    ],
)
def test_one_word_four_times_in_a_row_is_a_loop(text: str, refused: bool) -> None:
    """However confident the model was."""
    assert fault(result(text), 10 * AUDIO_RATE, "en") == ("repetition" if refused else None)


@pytest.mark.parametrize(("ratio", "why"), [(2.4, None), (2.41, "repetition")])
def test_text_that_compresses_well_is_a_loop(ratio: float, why: str | None) -> None:
    """Whisper's own bound."""
    assert fault(result("we are live", compression=ratio), 10 * AUDIO_RATE, "en") == why


@pytest.mark.parametrize(("logprob", "why"), [(-1.0, None), (-1.01, "low_confidence")])
def test_what_the_model_doubts_itself_is_refused(logprob: float, why: str | None) -> None:
    """Whisper's own bound."""
    assert fault(result("we are live", logprob=logprob), 10 * AUDIO_RATE, "en") == why


@pytest.mark.parametrize(("words", "spoken_s", "why"), [(9, 1.0, None), (10, 1.0, "too_fast"), (2, 0.1, None)])
def test_nobody_says_ten_words_a_second(words: int, spoken_s: float, why: str | None) -> None:
    """Two words in a short window prove nothing."""
    text = " ".join("abcdefghijklm"[:words])
    assert fault(result(text), round(spoken_s * AUDIO_RATE), "en") == why


@pytest.mark.parametrize(
    ("text", "language", "why"),
    [
        ("Привет, как дела у вас сегодня", "en", "script"),
        ("Привет, как дела у вас сегодня", "ru", None),
        ("we went to the Москва shop", "en", None),
        ("GG", "ru", None),
        ("字幕由志愿者提供", "en", "script"),
        ("42", "en", None),
    ],
)
def test_letters_of_another_script_are_refused(text: str, language: str, why: str | None) -> None:
    """Most of them have to be of the language's own; Latin names are written everywhere."""
    assert fault(result(text), 10 * AUDIO_RATE, language) == why


def test_a_word_without_speech_under_it_is_dropped() -> None:
    """And counted. The sound under the others does not help it."""
    kept, dropped = words_on_speech([word(0.2, 0.6), word(3.0, 3.4)], track((0.2, 0.6), seconds=5))
    assert [seconds(heard) for heard in kept] == [(0.2, 0.6)]
    assert dropped == 1


@pytest.mark.parametrize(("level", "kept"), [(MIN_VAD, 1), (MIN_VAD - 0.01, 0)])
def test_how_much_speech_a_word_needs(level: float, kept: int) -> None:
    """A quarter, over a tenth of a second at least."""
    assert len(words_on_speech([word(1.0, 1.4)], track((0, 5), seconds=5, level=level))[0]) == kept


def test_one_frame_of_noise_is_no_speech() -> None:
    """A click of 32 ms carries no word."""
    assert words_on_speech([word(1.0, 1.4)], track((1.2, 1.22), seconds=5, level=0.6))[0] == []


def test_a_word_before_its_speech_is_moved_to_the_onset() -> None:
    """Whisper puts the first word after a silence before its onset: within 0.2 s it is that onset's word."""
    [heard] = words_on_speech([word(1.6, 1.9)], track((2.016, 3), seconds=4))[0]
    assert heard.start / AUDIO_RATE == pytest.approx(2.016 - SLACK / AUDIO_RATE, abs=0.04)
    assert heard.end / AUDIO_RATE > 2.016
    assert words_on_speech([word(1.4, 1.75)], track((2.016, 3), seconds=4))[0] == []


def test_a_word_stretched_over_a_silence_keeps_to_its_speech() -> None:
    """At both ends, less the slack."""
    [heard] = words_on_speech([word(0.2, 3.6)], track((2.4, 2.8), seconds=6))[0]
    assert seconds(heard) == pytest.approx((2.4 - 0.1, 2.8 + 0.1), abs=0.04)


def test_a_word_inside_speech_stays_to_the_sample() -> None:
    """Nothing is rounded to frames."""
    odd = HeardWord(text="live", start=16_123, end=20_777, prob=0.9)
    assert words_on_speech([odd], track((0.5, 2), seconds=3))[0] == [odd]


def test_a_word_of_minutes_is_not_longer_than_two_seconds() -> None:
    """It ended when it ended: its start is the wrong one."""
    [heard] = words_on_speech([word(0.5, 9.5)], track((0, 10), seconds=10))[0]
    assert seconds(heard) == (7.5, 9.5)


def test_two_words_before_one_onset_follow_each_other() -> None:
    """Both are moved, neither lies on the other."""
    one, two = words_on_speech([word(1.7, 1.85), word(1.85, 1.98)], track((2.016, 3), seconds=4))[0]
    assert one.start < one.end <= two.start < two.end


def test_the_quietest_place_is_where_speech_is_least_likely() -> None:
    """In the middle of a tenth of a second; the middle of the span where nothing is known."""
    spoken = track((0, 3), (3.2, 6), seconds=6)
    assert spoken.quietest(2 * AUDIO_RATE, 5 * AUDIO_RATE) / AUDIO_RATE == pytest.approx(3.1, abs=0.06)
    assert VadTrack().quietest(0, 100) == 50


def test_what_was_said_a_minute_ago_can_still_be_judged() -> None:
    """A window waits up to a minute for others: every frame of it is remembered when it is decoded."""
    spoken = track((0, 1), seconds=(HURRY + 2 * FRAME) / AUDIO_RATE)
    [heard] = words_on_speech([word(0.1, 0.5)], spoken)[0]
    assert seconds(heard) == (0.1, 0.5)
    assert spoken.span(0, FRAME) == [SPEECH]


@st.composite
def tracks(draw: st.DrawFn) -> VadTrack:
    """Three seconds of anything."""
    made = VadTrack()
    for prob in draw(st.lists(st.sampled_from([QUIET, 0.2, 0.3, 0.4, 0.7, SPEECH]), min_size=94, max_size=94)):
        made.add(prob)
    return made


@st.composite
def hypotheses(draw: st.DrawFn) -> list[HeardWord]:
    """Words of a window of three seconds, in order, as an engine gives them."""
    times = sorted(draw(st.lists(st.integers(0, 3 * AUDIO_RATE), min_size=2, max_size=24)))
    return [HeardWord(text="w", start=a, end=b, prob=0.5) for a, b in pairwise(times)]


@given(tracks(), hypotheses())
def test_words_stay_in_order_and_apart(spoken: VadTrack, words: Sequence[HeardWord]) -> None:
    """Whatever sound lies under them: in order, none on another, none shorter than 20 ms or longer than 2 s."""
    kept, dropped = words_on_speech(words, spoken)
    assert len(kept) + dropped == len(words)
    for heard in kept:
        assert SHORTEST <= heard.end - heard.start <= LONGEST
    for one, two in pairwise(kept):
        assert one.end <= two.start
