"""What is called out far louder than usual, whatever the words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.moments import Event
from core.times import ns, to_s
from core.words import Word
from detectors import Profile
from detectors.features import AUDIO_COLUMNS
from detectors.fusion.scoring import score
from tests.unit.detectors.speech_runs import by_sentence, listen, say, small_talk, sound, voice

AT_S = 300.0
CRY = "Nobody saw the spoon!"


def outbursts(
    *stretches: tuple[float, float], up_db: float = 10.0, up_pitch: float = 4.0, text: str = CRY, deaf: bool = False
) -> list[Event]:
    """Talk, a text at every stretch's beginning, louder and higher there; `deaf`: only the speech band is louder."""
    words = _around([word for first_s, _ in stretches for word in say(text, first_s)])
    rows = voice(AT_S + 60, words, others=stretches, up_db=up_db, up_pitch=up_pitch)
    if deaf:
        rows.values[:, AUDIO_COLUMNS.index("level")] = -23.0
    return [e for e in listen(by_sentence(words), AT_S + 120, rows=[rows]) if e.kind == "outburst"]


def _around(cries: list[Word]) -> list[Word]:
    """Small talk that leaves room for them."""
    talk = [w for w in small_talk(AT_S + 60) if all(abs(w.start_ns - c.start_ns) > ns(1.5) for c in cries)]
    return sorted([*talk, *cries], key=lambda word: word.start_ns)


def end_of(at_s: float, text: str = CRY) -> float:
    """Where a text said at a time ends."""
    return to_s(say(text, at_s)[-1].end_ns) + 0.2


@pytest.mark.parametrize("text", [CRY, "Kimse görmedi bunu ya!", "스푼 아무도 못 봤어요!"])
def test_a_raised_voice_counts_in_any_language(text: str) -> None:
    """Ten decibels and four semitones up; the words and the figures are told."""
    [event] = outbursts((AT_S, end_of(AT_S, text)), text=text)
    assert event.llr * event.quality > 1.5
    assert event.start_ns == ns(AT_S)
    assert text.rstrip("!") in event.why
    assert event.values["level_db"] == pytest.approx(10, abs=2)
    assert event.values["pitch"] == pytest.approx(4, abs=1.5)


def test_a_hostile_word_does_not_fill_the_note() -> None:
    """Ten thousand letters in one breath; the note stays a note."""
    words = say("Nobody saw the spoon!", AT_S)
    words[-1] = replace(words[-1], text="x" * 10_000)
    rows = voice(AT_S + 60, _around(words), others=[(AT_S, end_of(AT_S))], up_pitch=4.0)
    found = listen(by_sentence(_around(words)), AT_S + 120, rows=[rows])
    [event] = [e for e in found if e.kind == "outburst"]
    assert len(event.why) < 200


def test_who_only_comes_nearer_to_the_microphone_says_less() -> None:
    """Louder, but not higher."""
    [high] = outbursts((AT_S, end_of(AT_S)), up_pitch=4.0)
    assert high.llr > 1.5
    assert outbursts((AT_S, end_of(AT_S)), up_pitch=0.0) == []


def test_a_little_emphasis_is_none() -> None:
    """Two decibels."""
    assert outbursts((AT_S, end_of(AT_S)), up_db=2.0) == []


def test_a_gain_knob_is_none() -> None:
    """All that is said for half a minute is louder, and higher for good measure."""
    assert outbursts((AT_S, AT_S + 30.0)) == []


def test_a_soft_sentence_does_not_end_a_gain_knob() -> None:
    """Louder for half a minute, but for five seconds in the middle."""
    assert outbursts((AT_S, AT_S + 5.0), (AT_S + 7.0, AT_S + 30.0)) == []


def test_one_stressed_word_is_none() -> None:
    """A fifth of a second: syllables of plain talk differ as much."""
    assert outbursts((AT_S, AT_S + 0.3), text="Oh!", up_db=8.0) == []


def test_a_laugh_over_the_words_is_none() -> None:
    """It fills the speech band; all of the sound is no louder than talk."""
    assert outbursts((AT_S, end_of(AT_S)), deaf=True) == []


def test_who_does_it_all_the_time_is_how_this_person_talks() -> None:
    """Every twelve seconds for five minutes."""
    found = outbursts(*((at, end_of(at)) for at in (30.0 + 12.0 * n for n in range(25))))
    assert len(found) > 15
    assert found[-1].llr < 0.5 * max(event.llr for event in found)


def test_plain_loudness_is_the_same_witness() -> None:
    """A voice that is louder is louder: the two agree on nothing. A crowd is somebody else."""
    profile = Profile()
    weights, fusion = profile.detect.weights, profile.detect.fusion
    [cry] = outbursts((AT_S, end_of(AT_S)))
    loud, crowd = sound("loud", AT_S, AT_S + 2), sound("crowd", AT_S, AT_S + 2)
    assert "agree" not in score([cry, loud], weights, fusion).parts
    assert "agree" in score([cry, crowd], weights, fusion).parts
