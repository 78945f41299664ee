"""Titles from what was said: which sentence, how it is trimmed, and what there is without one."""

from __future__ import annotations

import pytest

from core.ids import MomentId
from core.moments import Event, Family, Moment, MomentState
from core.times import Ns, ns
from core.words import Word
from daemon.worker.titles import LIMIT, title_of

WORD_S = 0.3


def moment(anchor_s: float = 20, *events: Event) -> Moment:
    return Moment(
        id=MomentId("m1"),
        state=MomentState.CONFIRMED,
        start_ns=ns(10),
        end_ns=ns(30),
        anchor_ns=ns(anchor_s),
        p=0.8,
        bar=0.5,
        parts={},
        reasons=(),
        decided_ns=ns(25),
        events=events,
    )


def event(kind: str, llr: float) -> Event:
    at, end = ns(20), ns(21)
    return Event(
        kind=kind,
        family=Family.AUDIO,
        start_ns=at,
        end_ns=end,
        peak_ns=at,
        llr=llr,
        surprise_per_h=1,
        quality=1,
        why="",
        found_ns=end,
    )


def say(text: str, end_s: float, prob: float = 0.9) -> list[Word]:
    """Words in one go, the last of which ends at `end_s`."""
    texts = text.split(" ")
    starts = [end_s - WORD_S * (len(texts) - index) for index in range(len(texts))]
    return [
        Word(text=word, start_ns=ns(start), end_ns=ns(start + WORD_S), prob=prob, vad=0.9, epoch=0)
        for word, start in zip(texts, starts, strict=True)
    ]


def test_the_title_is_the_last_sentence_that_ended_by_the_moment() -> None:
    """Not the one before it, nor the cheer after it; a second after the anchor still counts."""
    words = [*say("Check this corner first.", 15), *say("I hit that from the sky!", 20.9), *say("Oh my god, wow!", 24)]
    assert title_of(moment(), words) == "I hit that from the sky!"


def test_a_whole_sentence_before_is_better_than_a_fragment() -> None:
    """But not one from before the reaction's reach."""
    fragment = say("because the thing is", 20)
    assert title_of(moment(), [*say("He never saw it coming.", 16), *fragment]) == "He never saw it coming"
    assert title_of(moment(28), [*say("He never saw it coming.", 16), *say("because the thing is", 28)]) == (
        "Because the thing is"
    )


def test_a_sentence_outside_of_the_clip_is_not_its_title() -> None:
    """One that begins before the clip and ends in it is."""
    assert title_of(moment(), say("This was long before.", 9.9)) == "Moment at 0:00:20"
    assert title_of(moment(), say("This began right before.", 10.2)) == "This began right before"


def test_what_was_hardly_heard_is_no_title() -> None:
    """The next earlier one is taken; one word alone never is."""
    words = [*say("That was my best round.", 17), *say("Under the merry gold.", 19, prob=0.3), *say("Wow!", 20)]
    assert title_of(moment(), words) == "That was my best round"


def test_speech_after_the_moment_is_better_than_none() -> None:
    """A reaction names the clip when nothing was said before; two words only as a last resort."""
    assert title_of(moment(), [*say("Triple kill!", 19), *say("What was that shot?", 25)]) == "What was that shot?"
    assert title_of(moment(), say("Triple kill!", 19)) == "Triple kill!"


def test_without_words_the_title_says_what_happened_and_when() -> None:
    """The strongest evidence."""
    assert title_of(moment(20, event("laughter", 1), event("crowd_roar", 2)), []) == "Crowd roar at 0:00:20"
    assert title_of(moment(3725.9), []) == "Moment at 1:02:05"


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("um so uh I cannot believe it.", "I cannot believe it"),
        ("And I am dead.", "I am dead"),
        ("You know, that was close!", "That was close!"),
        ("So, you know, I mean, we won it.", "We won it"),
        ("Well played by the team.", "Well played by the team"),
        ("You know what this means?", "You know what this means?"),
        ("So close!", "So close!"),
        ("xQc is back in it.", "xQc is back in it"),
        ("i'm on the top,", "I'm on the top"),
        ("Wait, what just happened -", "Wait, what just happened"),
    ],
)
def test_fillers_and_loose_ends_go(said: str, title: str) -> None:
    """Only where a sentence remains."""
    assert title_of(moment(), say(said, 20)) == title


def test_a_long_sentence_is_cut_between_words() -> None:
    """With an ellipsis, and no comma before it."""
    said = "The security guard looks at my bag, looks at me, and then asks why I am carrying forty seven rubber ducks."
    title = title_of(moment(), say(said, 20))
    assert title == "The security guard looks at my bag, looks at me, and then…"
    assert len(title) <= LIMIT
    giant = title_of(moment(), say("a" * 300 + " is a word.", 20))
    assert giant == "A" + "a" * 58 + "…"


def test_a_script_without_spaces_is_cut_between_its_words() -> None:
    """There is no space to look for."""
    title = title_of(moment(), say(" ".join(["すごい", "試合"] * 14), 20))
    assert title == "すごい試合" * 11 + "すごい…"


def test_hostile_characters_never_get_into_a_title() -> None:
    """Line breaks, escapes, direction changes; the recogniser's text is a stranger's."""
    words = say("a\nb \x1b[31mred \u202etxt \ud800 <b>hi</b> now.", 20)
    assert title_of(moment(), words) == "A b [31mred txt <b>hi</b> now"
    assert title_of(moment(), say("... \u202e -- ,", 20)) == "Moment at 0:00:20"
    assert title_of(moment(Ns(0)), []) == "Moment at 0:00:00"
