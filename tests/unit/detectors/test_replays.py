"""A scene that was clipped before and is shown again."""

from __future__ import annotations

import random
import tracemalloc

from core.times import Ns, ns
from core.words import Word
from detectors import Profile
from detectors.fusion.replays import Replays
from detectors.vision import Frame


def words_of(text: str) -> list[str]:
    """One by one."""
    return text.split()


LINE = words_of("so I walked into the shop and the man behind the counter just looked at me and laughed out loud")
MORE = words_of("then she came round the corner with the bill and we all had to run for it down the hill to the sea")
OTHER = words_of("what are we doing today chat we could go back to the castle or finish the quest in the north")


def said(text: list[str], start_s: float) -> list[Word]:
    """Three words a second."""
    return [
        Word(text=word, start_ns=ns(start_s + n / 3), end_ns=ns(start_s + n / 3 + 0.3), prob=0.9, vad=0.9, epoch=0)
        for n, word in enumerate(text)
    ]


def pictures(seed: int, start_s: float, *, count: int = 6, noise: int = 0) -> list[Frame]:
    """Keyframes of a lively scene, two seconds apart; `noise` bits of each are flipped."""
    rng, noisy = random.Random(seed), random.Random(seed + 1)
    frames = []
    for n in range(count):
        bits = rng.getrandbits(64)
        for bit in noisy.sample(range(64), noise):
            bits ^= 1 << bit
        frames.append(Frame(ns(start_s + 2 * n), bits))
    return frames


def session() -> Replays:
    """A clip at 100-112 s."""
    found = Replays(Profile().detect.replay)
    found.clipped("first", ns(100), ns(112))
    return found


def test_the_same_words_are_the_same_scene() -> None:
    """Even when the recogniser heard some of them otherwise."""
    replays = session()
    replays.words(said([*LINE, *MORE], 99))
    again = [*LINE[:8], "up", *LINE[9:], *MORE]
    replays.words(said(again, 599))
    assert replays.original(ns(600), ns(612)) == ("first", ns(100))


def test_what_is_heard_differently_the_second_time_is_the_same_scene() -> None:
    """A word in nine; what is left comes again in its old order and time."""
    replays = session()
    replays.words(said([*LINE, *MORE], 99))
    again = [word if n % 9 or n == 0 else "um" for n, word in enumerate([*LINE, *MORE])]
    replays.words(said(again, 599))
    assert replays.original(ns(600), ns(612)) == ("first", ns(100))


def test_a_slogan_that_is_said_again_is_no_replay() -> None:
    """Nineteen words, and nothing else is known of what is said now."""
    replays = session()
    replays.words(said([*OTHER, *LINE], 94))
    replays.words(said(LINE, 602))
    assert replays.original(ns(600), ns(612)) is None


def test_the_same_words_in_another_order_are_another_scene() -> None:
    """A catchphrase here, another there: nothing comes again at one distance in time."""
    replays = session()
    replays.words(said(LINE, 100))
    pieces = [LINE[at : at + 4] for at in range(0, len(LINE) - 3, 4)]
    replays.words(said([word for piece in reversed(pieces) for word in [*piece, "and", "so", "on", "then"]], 600))
    assert replays.original(ns(600), ns(612)) is None


def test_other_words_and_short_catchphrases_are_not() -> None:
    """A sentence of nine words and more is needed."""
    replays = session()
    replays.words([*said(LINE, 102), *said(OTHER, 602), *said(LINE[:6], 702)])
    assert replays.original(ns(600), ns(612)) is None
    assert replays.original(ns(700), ns(706)) is None


def test_the_same_pictures_in_the_same_order_are_the_same_scene() -> None:
    """Without a word, with a few bits changed by the encoder, and a second off the old keyframes."""
    replays = session()
    replays.frames([*pictures(1, 101), *pictures(1, 602, noise=3)])
    assert replays.original(ns(600), ns(614)) == ("first", ns(100))


def test_a_sentence_with_its_picture_is_the_same_scene() -> None:
    """A short scene in other talk; the sentence alone is a slogan, and so it is beside a picture of another time."""
    sentence = said(LINE[:9], 104)
    replays = session()
    replays.words([*sentence, *said([*OTHER[:9], *LINE[:9], *OTHER], 601)])
    replays.frames([*pictures(1, 90, count=30), *pictures(2, 540, count=30)])
    assert replays.original(ns(600), ns(612)) is None
    for shown_s, same in ((604.5, True), (609.0, False)):
        replays = session()
        replays.words([*sentence, *said([*OTHER[:9], *LINE[:9], *OTHER], 601)])
        replays.frames([*pictures(1, 90, count=5), Frame(ns(104.5), 4711), Frame(ns(shown_s), 4711)])
        assert (replays.original(ns(600), ns(612)) is not None) is same


def test_a_static_picture_proves_nothing() -> None:
    """The same picture for an hour; and one that was on just before."""
    replays = session()
    replays.frames(Frame(ns(2 * n), 12345) for n in range(400))
    assert replays.original(ns(600), ns(612)) is None


def test_one_picture_that_returns_proves_nothing() -> None:
    """A title card before each round."""
    replays = session()
    card = [Frame(ns(t), 999) for t in (102, 104, 106)]
    replays.frames([*card, *pictures(2, 300, count=40), *(Frame(ns(t), 999) for t in (602, 604, 606))])
    assert replays.original(ns(600), ns(612)) is None


def test_pictures_in_another_order_prove_nothing() -> None:
    """Menus are gone through one way and another."""
    replays = session()
    first = pictures(3, 101)
    shuffled = [Frame(t.t_ns, other.bits) for t, other in zip(pictures(0, 601), reversed(first), strict=True)]
    replays.frames([*first, *shuffled])
    assert replays.original(ns(600), ns(614)) is None


def test_a_clip_does_not_repeat_itself_and_a_withdrawn_one_counts_no_more() -> None:
    """Only clips that ended before; the newest span of each."""
    replays = session()
    replays.words([*said(LINE, 102), *said(LINE, 602)])
    replays.clipped("first", ns(100), ns(120))
    assert replays.original(ns(101), ns(115)) is None
    replays.dropped("first")
    assert replays.original(Ns(ns(600)), ns(612)) is None


def test_hours_are_known_at_a_few_bytes_a_word_and_a_picture() -> None:
    """What is kept of five hours of keyframes, the last four, and of a thousand words. What was clipped in the third
    hour is known when it comes again at the end."""
    replays = Replays(Profile().detect.replay)
    replays.clipped("third", ns(7_300), ns(7_312))
    talk = said([f"word{n % 90}" for n in range(1_000)], 0)
    shown = [pictures(hour, 3_600 * hour, count=1_800) for hour in range(5)]
    tracemalloc.start()
    try:
        replays.words(talk)
        for frames in shown:
            replays.frames(Frame(Ns(frame.t_ns + 1), frame.bits) for frame in frames)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 25 * 9_000 + 50 * 1_000
    replays.frames(pictures(2, 18_100, count=200))
    assert replays.original(ns(18_200), ns(18_212)) == ("third", ns(7_300))
