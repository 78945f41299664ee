"""What two hypotheses agree on, and what of a hypothesis was committed before."""

from __future__ import annotations

import pytest

from core.media import AUDIO_RATE
from daemon.speech.agreement import MARGIN, SEAM, after_seam, agreed, plain
from daemon.speech.engine import HeardWord

STEP = AUDIO_RATE // 2


def said(text: str, start: int = 0, step: int = STEP) -> list[HeardWord]:
    """Words of 0.4 s, one every `step`."""
    return [
        HeardWord(text=word, start=start + n * step, end=start + n * step + STEP * 4 // 5, prob=0.9)
        for n, word in enumerate(text.split())
    ]


def text(words: list[HeardWord]) -> str:
    return " ".join(word.text for word in words)


@pytest.mark.parametrize(
    ("before", "now", "count"),
    [
        ("", "we are live", 0),
        ("we are", "we are live", 2),
        ("we are live", "we are live", 3),
        ("we were live", "we are live", 1),
        ("you are live", "we are live", 0),
        ("we are live tonight", "we are", 2),
        ("We, are LIVE!", "we are live", 3),
        ("are live", "we are live", 0),
    ],
)
def test_the_common_beginning_is_agreed_and_nothing_behind_a_difference(before: str, now: str, count: int) -> None:
    """Word by word from the start; case and punctuation do not count, places do."""
    assert agreed(said(before), said(now), edge=100 * AUDIO_RATE) == count


@pytest.mark.parametrize(("behind", "count"), [(MARGIN, 2), (MARGIN - 1, 1), (0, 1), (-STEP, 0)])
def test_a_word_at_the_edge_of_the_window_is_not_agreed(behind: int, count: int) -> None:
    """It may still be cut off: it has to end 0.2 s before the sound does."""
    words = said("we are")
    assert agreed(words, words, edge=words[-1].end + behind) == count


def test_the_newest_times_are_judged() -> None:
    """What the older hypothesis thought of the word's place is not asked."""
    early, late = said("live"), said("live", start=AUDIO_RATE)
    assert agreed(early, late, edge=late[0].end + MARGIN - 1) == 0
    assert agreed(late, early, edge=late[0].end + MARGIN - 1) == 1


@pytest.mark.parametrize("text", ["Don't", "don’t", "DON'T?", "«don't»"])
def test_words_are_compared_by_their_letters(text: str) -> None:
    """Whisper puts punctuation elsewhere at every decode."""
    assert plain(text) == "dont"


def test_words_before_the_last_committed_end_are_left_out() -> None:
    """A word that starts up to 0.1 s before it is new: times of one word differ by that much."""
    words = said("we are live now")
    at = words[2].start
    assert text(after_seam(words, at, [])) == "live now"
    assert text(after_seam(words, at + SEAM, [])) == "live now"
    assert text(after_seam(words, at + SEAM + 1, [])) == "now"
    assert after_seam(words, words[-1].end + SEAM, []) == []


@pytest.mark.parametrize(
    ("tail", "heard", "fresh"),
    [
        ("so we are live", "are live now", "now"),
        ("so we are live", "So, we are live! now", "now"),
        ("so we are live", "we are now", "we are now"),
        ("one two three four five", "one two three four five six", "six"),
        ("we are live", "we are live", ""),
    ],
)
def test_committed_words_said_again_behind_the_seam_are_taken_out(tail: str, heard: str, fresh: str) -> None:
    """Where their times slipped behind the last committed end, by the longest run of up to five that matches."""
    assert text(after_seam(said(heard, start=AUDIO_RATE), AUDIO_RATE, tail.split())) == fresh


def test_a_repetition_that_was_said_stays() -> None:
    """ "No, no": the hypothesis has both, the first was committed. And what comes a second later was said again."""
    twice = said("no no way", step=STEP)
    assert text(after_seam(twice, twice[0].end, ["no"])) == "no way"
    later = said("we are live", start=3 * AUDIO_RATE)
    assert text(after_seam(later, AUDIO_RATE, ["we", "are", "live"])) == "we are live"


def test_what_is_new_begins_where_the_committed_ends() -> None:
    """Times of two decodes differ: a word that another one takes the place of must not reach back into it."""
    [word] = after_seam(said("live", start=AUDIO_RATE - SEAM), AUDIO_RATE, ["we"])
    assert word.start >= AUDIO_RATE
    assert word.end > word.start
