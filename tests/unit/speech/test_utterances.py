"""Where utterances begin and end, by the speech probability of each frame."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.speech.vad import END, ENTER, FRAME, LEAVE, MIN_SPEECH, PRE_ROLL, Utterances

QUIET, SPEECH = 0.02, 0.95
FRAMES_MIN = -(-MIN_SPEECH // FRAME)  # of speech that make an utterance
FRAMES_END = -(-END // FRAME)  # of silence that end one
BEFORE = 30  # frames of silence in front, more than the pre-roll


def follow(probs: Iterable[float], utterances: Utterances | None = None) -> tuple[Utterances, list[tuple[str, int]]]:
    """What changed, with the frame it changed at."""
    follower = utterances or Utterances()
    found: list[tuple[str, int]] = []
    for number, prob in enumerate(probs, 1):
        change = follower.frame(prob, number * FRAME)
        if change:
            found.append((change, number))
    return follower, found


def test_an_utterance_starts_after_a_quarter_second_and_ends_after_half_a_second_of_silence() -> None:
    """Its start lies 0.4 s before its first frame, its spoken end behind its last."""
    probs = [*[QUIET] * BEFORE, *[SPEECH] * 40, *[QUIET] * 40]
    follower, found = follow(probs)
    assert found == [("started", BEFORE + FRAMES_MIN), ("ended", BEFORE + 40 + FRAMES_END)]
    assert follower.start == BEFORE * FRAME - PRE_ROLL
    assert follower.spoken_end == (BEFORE + 40) * FRAME
    assert follower.spoken == 40 * FRAME


def test_a_short_noise_is_no_utterance() -> None:
    """A quarter of a second of speech is the least; afterwards it is as if nothing had been."""
    follower, found = follow([*[QUIET] * BEFORE, *[SPEECH] * (FRAMES_MIN - 1), *[QUIET] * 40])
    assert found == []
    assert not follower.active
    assert follower.waiting_since is None


def test_a_pause_for_breath_does_not_end_it() -> None:
    """Less than half a second."""
    _, found = follow([*[SPEECH] * 20, *[QUIET] * (FRAMES_END - 1), *[SPEECH] * 20, *[QUIET] * 40])
    assert [change for change, _ in found] == ["started", "ended"]


@pytest.mark.parametrize(("level", "starts"), [(ENTER, True), (ENTER - 0.01, False)])
def test_it_takes_an_even_chance_to_begin(level: float, starts: bool) -> None:
    """Below, silence goes on."""
    _, found = follow([level] * 40)
    assert bool(found) is starts


@pytest.mark.parametrize(("level", "ends"), [(LEAVE, False), (LEAVE - 0.01, True)])
def test_it_takes_less_to_go_on(level: float, ends: bool) -> None:
    """So that a level around the border does not chop speech to pieces."""
    _, found = follow([*[SPEECH] * 20, *[level] * 40])
    assert ("ended" in dict(found)) is ends


def test_no_pre_roll_reaches_into_the_utterance_before() -> None:
    """What that one was decoded with is its own; nor before the first sample."""
    follower = Utterances()
    probs = [*[SPEECH] * 20, *[QUIET] * FRAMES_END, *[QUIET] * 2, *[SPEECH] * 20]
    follow(probs[: 20 + FRAMES_END], follower)
    assert follower.start == 0
    ended_at = (20 + FRAMES_END) * FRAME
    for number in range(20 + FRAMES_END, len(probs)):
        follower.frame(probs[number], (number + 1) * FRAME)
    assert follower.active
    assert follower.start == ended_at


def test_what_may_become_an_utterance_is_waited_for_from_its_pre_roll_on() -> None:
    """From its first frame, long before it counts; in silence nothing is."""
    follower, _ = follow([*[QUIET] * BEFORE, SPEECH])
    assert not follower.active
    assert follower.waiting_since == BEFORE * FRAME - PRE_ROLL
    assert follow([QUIET] * BEFORE)[0].waiting_since is None


def test_the_end_of_the_sound_ends_it() -> None:
    """Only what was an utterance."""
    follower, _ = follow([SPEECH] * 40)
    assert follower.end(40 * FRAME)
    assert not follower.end(40 * FRAME)
    assert not follow([SPEECH] * 3)[0].end(3 * FRAME)


@given(st.lists(st.sampled_from([QUIET, 0.4, SPEECH]), min_size=50, max_size=400))
def test_starts_and_ends_alternate_and_utterances_do_not_overlap(probs: list[float]) -> None:
    """Whatever is heard; every frame of speech of an utterance lies inside it."""
    follower, spans, begun = Utterances(), [], 0
    for number, prob in enumerate(probs, 1):
        change = follower.frame(prob, number * FRAME)
        if change == "started":
            assert not begun
            begun = number
            assert follower.spoken >= MIN_SPEECH
        elif change == "ended":
            assert begun
            spans.append((follower.start, number * FRAME))
            assert number * FRAME - follower.spoken_end >= END
            begun = 0
        assert follower.active is bool(begun)
    for one, two in pairwise(spans):
        assert one[1] <= two[0]
    assert all(end - start >= MIN_SPEECH + END for start, end in spans)
