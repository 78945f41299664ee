"""Spoken orders for a clip, and everything that only sounds like one."""

from __future__ import annotations

import pytest

from core.times import ns, to_s
from tests.unit.detectors.speech_runs import by_sentence, commit, listen, say


def orders(text: str, *, prob: float = 0.9) -> list[str]:
    """Why of every order in a text said at 10 s."""
    events = listen(by_sentence(say(text, 10.0, prob=prob)), 30.0)
    return [event.why for event in events if event.kind == "command"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Clip that!", "'clip that' said"),
        ("clip it", "'clip it' said"),
        ("Oh my God, clip this.", "'clip this' said"),
        ("someone clip that", "'clip that' said"),
        ("Can we clip that?", "'clip that' said"),
        ("chat please clip that", "'clip that' said"),
        ("you guys need to clip that.", "'clip that' said"),
        ("I need somebody to clip that", "'clip that' said"),
        ("That was crazy, clip that, bro.", "'clip that' said"),
        ("clip that right now", "'clip that' said"),
        ("That's a clip.", "'that's a clip' said"),
        ("Okay mark that!", "'mark that' said"),
        ("Clip it and ship it!", "'clip it and ship it' said"),
        ("Clipéalo, por favor.", "'clipéalo' said"),
        ("Chat, clipeen eso", "'clipeen eso' said"),
        ("Clipa isso aí, galera", "'clipa isso' said"),
        ("Macht mal einen Clip!", "'macht mal einen clip' said"),
        ("Clippez ça !", "'clippez ça' said"),
    ],
)
def test_an_order_is_heard(text: str, why: str) -> None:
    """In five languages, with and without address."""
    assert orders(text) == [why]


@pytest.mark.parametrize(
    "text",
    [
        "Don't clip that.",
        "please do not clip that",
        "They said clip that.",
        "he was like, chat said: clip it",
        "Did you clip that?",
        "Why would you clip that?",
        "I need a paper clip that holds.",
        "I need a paper clip, that is all",
        "clip that I saw yesterday",
        "It was the clip that everybody watched.",
        "the clip this morning",
        "that's a clip from last year",
        "is that a clip",
        "Mark, that was close.",
        "mark that as read",
        "If you clip that, I quit.",
        "nobody clip that",
        "I forgot to clip that.",
        "question mark that",
        "they always clip that",
        "we clip that",
        "No hagan clip de eso.",
        "Não clipa isso.",
        "Der Clip das ist nichts.",
        "Clip das nicht.",
        "Ne clippez pas ça.",
        "",
    ],
)
def test_talk_about_clips_is_no_order(text: str) -> None:
    """Refusals, reports, questions, things, names."""
    assert orders(text) == []


def test_an_order_is_dated_at_its_words_and_known_when_they_are() -> None:
    """The words' own span; with a full stop it does not wait for what follows."""
    words = say("clip that.", 10.0)
    [event] = listen([commit(words)], 20.0)
    assert (event.start_ns, event.end_ns) == (words[0].start_ns, words[-1].end_ns)
    assert to_s(event.found_ns) <= to_s(words[-1].end_ns) + 2.5
    assert event.llr * event.quality == 2.5


def test_an_order_waits_until_its_sentence_is_over() -> None:
    """Known a word at a time: `that` may go on with `I saw`."""
    words = say("clip that I saw", 10.0)
    assert listen([commit([word]) for word in words], 30.0) == []
    events = listen([commit([word]) for word in words[:2]], 30.0)
    assert [event.why for event in events] == ["'clip that' said"]
    assert to_s(events[0].found_ns) <= to_s(words[1].end_ns) + 3.5


def test_an_order_repeated_at_once_is_one() -> None:
    """Its own cool-down; a minute later it is a new one."""
    commits = [commit(say("clip that!", at)) for at in (10.0, 12.0, 25.0, 90.0)]
    assert [to_s(event.start_ns) for event in listen(commits, 120.0)] == [10.0, 90.0]


def test_a_guess_of_the_recogniser_is_no_order() -> None:
    """Under 0.4 not at all; between, with less weight."""
    assert orders("clip that!", prob=0.3) == []
    [event] = listen([commit(say("clip that!", 10.0, prob=0.5))], 20.0)
    assert 0.6 < event.quality < 0.8


def test_an_order_cut_by_the_end_of_the_stream_counts() -> None:
    """Nothing can follow any more."""
    events = listen([commit(say("clip that", 10.0))], 13.0)
    assert [event.start_ns for event in events] == [ns(10.0)]
