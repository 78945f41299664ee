"""Clips and what is heard: recognisers miss words and stretch them; a clip begins and ends where nobody speaks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.times import Ns, ns
from core.words import Word
from detectors.audio.detector import AudioDetector
from detectors.audio.pauses import Pauses
from detectors.features import STEP_NS
from detectors.fusion.boundaries import Snapper
from detectors.fusion.breaths import Breaths
from detectors.options import DetectOptions
from tests.unit.detectors.runs import chunks_of

SNAP_S = 3.0
ROW_S = STEP_NS / 1e9
LOUD_DB, QUIET_DB, LIMIT_DB = -20.0, -50.0, -30.0
Span = tuple[float, float]


def word(start_s: float, end_s: float, text: str = "so") -> Word:
    return Word(text=text, start_ns=ns(start_s), end_ns=ns(end_s), prob=0.9, vad=0.9, epoch=0)


def sound(*quiet: Span, end_s: float = 40.0, rows: int = 1) -> Pauses:
    """Loud but for some spans, heard up to `end_s`."""
    pauses = Pauses(least_rows=rows)
    for row in range(round(end_s / ROW_S)):
        at_s = (row + 0.5) * ROW_S
        peak_db = QUIET_DB if any(a <= at_s < b for a, b in quiet) else LOUD_DB
        pauses.push([peak_db], LIMIT_DB, Ns((row + 1) * STEP_NS))
    return pauses


def breaths(*quiet: Span, end_s: float = 40.0) -> Breaths:
    """Quiet of 0.3 s and more is silence."""
    return Breaths(sound(*quiet, end_s=end_s), sound(*quiet, end_s=end_s, rows=3).silences)


def snapper(words: Sequence[Word], *quiet: Span, end_s: float = 40.0) -> Snapper:
    made = Snapper(SNAP_S, breaths(*quiet, end_s=end_s))
    made.words(words)
    return made


TALK = [word(17.0 + 0.4 * n, 17.4 + 0.4 * n) for n in range(16)]  # without a pause from 17 to 23.4 s
MISSED = [*TALK[:7], *TALK[8:]]  # the word from 19.8 to 20.2 s
BREATHS = ((18.8, 19.1), (21.2, 21.5))  # true ones, which the words' edges do not show


def test_a_gap_in_which_somebody_speaks_is_no_breath() -> None:
    """The word alone would be cut in two; the sound says where the next breath is, before a start and behind an end."""
    alone = Snapper(SNAP_S)
    alone.words(MISSED)
    assert 19.8 < alone.start(ns(20), ns(30), []) / 1e9 < 20.2
    made = snapper(MISSED, *BREATHS)
    assert 18.8 < made.start(ns(20), ns(30), []) / 1e9 < 19.1
    assert 21.2 < made.end(ns(20), ns(30), []) / 1e9 < 21.5


def test_a_gap_that_is_quiet_is_one() -> None:
    """Nothing was missed there: as near as ever, and in the middle of a short pause."""
    made = snapper(MISSED, *BREATHS, (19.8, 20.2))
    assert made.start(ns(20), ns(30), []) == made.end(ns(20), ns(30), []) == ns(20)
    assert snapper(MISSED, *BREATHS, (19.9, 20.1)).start(ns(20.15), ns(30), []) == ns(20)


def test_the_room_beside_a_sentence_is_no_place_for_a_missed_word() -> None:
    """The first word of the sentence was missed, and the last one of it: the clip holds both."""
    said = [word(10, 10.5, "Yes."), word(18.4, 18.8), word(18.8, 19.2), word(19.2, 19.6, "there!"), word(23, 23.4)]
    made = snapper(said, (16, 18), (20, 22))  # somebody speaks from 18 s on and up to 20 s
    assert 17.8 < made.start(ns(18.5), ns(30), []) / 1e9 < 18
    assert 20 < made.end(ns(19.0), ns(30), []) / 1e9 < 20.2


def test_a_word_does_not_reach_over_the_pause_beside_it() -> None:
    """Recognisers stretch words; the clip may begin and end in the pause."""
    edges_s = [15, 16, 17, 18.6, 19.8, 20.4, 21.6, 22.6, 23.6]
    made = snapper([word(a, b) for a, b in pairwise(edges_s)], (19.3, 19.8), (21.1, 21.6))
    assert 19.3 < made.start(ns(20), ns(30), []) / 1e9 < 19.8
    assert 21.1 < made.end(ns(20.5), ns(30), []) / 1e9 < 21.6


def test_a_soft_voice_is_not_taken_for_a_pause() -> None:
    """Whoever sits far from the microphone is quiet throughout; words that are heard stay whole."""
    said = [word(18.0 + 0.5 * n, 18.5 + 0.5 * n) for n in range(8)]
    made = snapper(said, (16, 26))
    for wanted_s in np.arange(18.5, 21.5, 0.1).tolist():
        for t_ns in (made.start(ns(wanted_s), ns(30), []), made.end(ns(wanted_s), ns(30), [])):
            assert not any(one.start_ns < t_ns < one.end_ns for one in said)


@pytest.mark.parametrize("quiet", [(), ((2.0, 3.0),)])
def test_the_words_decide_where_the_sound_cannot_tell(quiet: tuple[Span, ...]) -> None:
    """A game that never pauses; what has not been heard yet; far from all words, where nobody speaks."""
    alone = Snapper(SNAP_S)
    alone.words(MISSED)
    made, early = snapper(MISSED, *quiet), snapper(MISSED, *BREATHS, end_s=19.9)
    for wanted_ns in (ns(20), ns(21), ns(30)):
        assert made.start(wanted_ns, ns(40), []) == alone.start(wanted_ns, ns(40), [])
        assert made.end(wanted_ns, ns(40), []) == alone.end(wanted_ns, ns(40), [])
    assert early.end(ns(20), ns(19.9), []) == alone.end(ns(20), ns(19.9), [])


words_strategy = st.lists(st.tuples(st.integers(50, 900), st.sampled_from([0, 20, 120, 300, 900])), max_size=60)
quiet_strategy = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 8)), max_size=12)


@settings(max_examples=150, deadline=None)
@given(words_strategy, quiet_strategy, st.integers(3, 27))
def test_a_place_in_a_word_is_a_quiet_one(
    lengths: list[tuple[int, int]], quiet: list[tuple[int, int]], wanted_s: int
) -> None:
    """Whatever was heard; and no place is further away than it may be."""
    said, at_ms = [], 0
    for length_ms, after_ms in lengths:
        said.append(word(at_ms / 1000, (at_ms + length_ms) / 1000))
        at_ms += length_ms + after_ms
    spans = [(a * ROW_S, (a + n) * ROW_S) for a, n in quiet]
    made = snapper(said, *spans)
    wanted_ns = ns(wanted_s)
    start_ns, end_ns = made.start(wanted_ns, Ns(wanted_ns + ns(4)), []), made.end(wanted_ns, ns(40), [])
    for t_ns in (start_ns, end_ns):
        inside = any(one.start_ns < t_ns < one.end_ns for one in said)
        assert not inside or any(a <= t_ns <= b for a, b in sound(*spans).silences)
    assert wanted_ns - ns(SNAP_S) - ns(3) <= start_ns <= wanted_ns + ns(SNAP_S)
    assert wanted_ns - ns(0.2) <= end_ns <= wanted_ns + ns(SNAP_S) + ns(3)


@pytest.mark.parametrize("gain_db", [-12.0, 0.0, 12.0])
def test_breaths_are_heard_in_talk_over_a_game(gain_db: float) -> None:
    """Talk 14 dB over the game: the pauses of 0.3 s and nothing else, whatever the gain."""
    rng = np.random.default_rng(5)
    talk = np.tile(np.repeat([1.0, 0.0], [16_000 * 17 // 10, 16_000 * 3 // 10]), 30)  # 1.7 s of talk, 0.3 s of none
    wave = 10 ** ((gain_db - 34) / 20) * (talk + 10 ** (-14 / 20)) * rng.standard_normal(len(talk))
    detector = AudioDetector(DetectOptions())
    for chunk in chunks_of(wave):
        detector.feed(chunk)
    detector.finish(ns(60))
    found = [(a / 1e9 % 2, b / 1e9 % 2) for a, b in detector.breaths.silences if a > ns(30)]
    assert len(found) == 15
    assert all(1.65 <= a <= 1.85 and (b <= 0.05 or b >= 1.9) for a, b in found)
