"""Finding a session's language and keeping it; which scripts a language is written in."""

from __future__ import annotations

import pytest

from core.times import Ns, ns
from core.words import LanguageChanged
from daemon.speech.language import LanguageTracker, script_fits


def english() -> LanguageTracker:
    """A tracker that has found English."""
    tracker = LanguageTracker("auto")
    assert tracker.heard("en", 0.95, 6, ns(6))
    return tracker


def test_a_configured_language_stays() -> None:
    """Nothing is detected, whatever is spoken."""
    tracker = LanguageTracker("de")
    assert not tracker.wants_detection(60)
    assert tracker.heard("en", 0.99, 60, ns(60)) is None
    assert tracker.language == "de"


def test_the_language_is_found_after_five_seconds_of_speech() -> None:
    """By the average over seconds, so a short cough of Welsh does not count for much."""
    tracker = LanguageTracker("auto")
    assert tracker.language is None
    assert tracker.wants_detection(0.8)
    assert tracker.heard("cy", 0.6, 0.5, ns(1)) is None
    assert tracker.heard("en", 0.9, 3.5, ns(5)) is None
    assert tracker.language == "en"  # the best guess
    found = tracker.heard("en", 0.9, 2.0, ns(8))
    assert found is not None
    assert found == LanguageChanged(t_ns=ns(8), language="en", prob=found.prob, before=None)
    assert found.prob == pytest.approx(0.825)
    assert not tracker.wants_detection(5)


def test_an_unsure_guess_is_left_to_the_engine() -> None:
    """Its look at each window is the better one; nothing is locked below 0.7."""
    tracker = LanguageTracker("auto")
    for second in range(0, 60, 6):
        assert tracker.heard(("en", "de")[second // 6 % 2], 0.6, 6, ns(second)) is None
    assert tracker.language is None
    assert tracker.wants_detection(1)


def test_a_bad_start_does_not_block_clear_speech_for_long() -> None:
    """After ten minutes of songs taken for ten languages, less than a minute of English is enough."""
    tracker = LanguageTracker("auto")
    for number in range(60):
        tracker.heard(f"x{number % 10}", 0.3, 10, Ns(0))
    for t_s in (10, 20, 30):
        assert tracker.heard("en", 0.98, 10, ns(t_s)) is None
    assert tracker.heard("en", 0.98, 10, ns(40))


def test_the_language_is_looked_at_again_every_thirty_seconds_of_speech() -> None:
    """Speech without detection counts too; an utterance under three seconds is too short to tell."""
    tracker = english()
    tracker.heard("en", None, 20, ns(30))
    assert not tracker.wants_detection(8)
    tracker.heard("en", None, 8, ns(40))
    assert not tracker.wants_detection(2)
    assert tracker.wants_detection(4)
    assert tracker.heard("en", 0.9, 4, ns(50)) is None
    assert not tracker.wants_detection(20)


def test_two_sure_utterances_in_a_row_change_the_language() -> None:
    """The second is asked for at once; short ones between them do not matter."""
    tracker = english()
    assert tracker.heard("es", 0.9, 4, ns(40)) is None
    assert tracker.language == "en"
    assert tracker.wants_detection(3)
    assert tracker.heard("en", 0.99, 1, ns(42)) is None
    assert tracker.heard("es", 0.85, 3, ns(46)) == LanguageChanged(t_ns=ns(46), language="es", prob=0.85, before="en")
    assert tracker.language == "es"


@pytest.mark.parametrize("between", [("en", 0.9), ("es", 0.79), ("fr", 0.95)])
def test_evidence_that_does_not_last_changes_nothing(between: tuple[str, float]) -> None:
    """English again, an unsure look, or a third language: the count starts again."""
    tracker = english()
    assert tracker.heard("es", 0.9, 4, ns(40)) is None
    assert tracker.heard(*between, 4, ns(45)) is None
    assert tracker.heard("es", 0.9, 4, ns(50)) is None
    assert tracker.language == "en"


@pytest.mark.parametrize(
    ("text", "language", "fits"),
    [
        ("Clip that, chat!", "en", True),
        ("Thanks 谢谢观看", "en", True),
        ("谢谢观看", "en", False),
        ("Спасибо за просмотр", "uk", True),
        ("Спасибо за просмотр", "pl", False),
        ("Thanks for watching everyone", "ru", False),
        ("GG OK", "ko", True),
        ("やった、クラッチだ！", "ja", True),
        ("東京都", "ja", True),
        ("ﾃｽﾄ", "ja", True),
        ("やった", "zh", False),
        ("안녕하세요 여러분", "ko", True),
        ("नमस्ते दोस्तों", "hi", True),
        ("สวัสดีครับ", "th", True),
        ("Dobar dan, добар дан", "sr", True),
        ("Γεια σου", "el", True),
        ("1, 2, 3!", "ar", True),
        ("", "he", True),
        ("谢谢观看", "tlh", True),
    ],
)
def test_most_letters_are_of_the_languages_script(text: str, language: str, fits: bool) -> None:
    """Digits judge nothing, a few Latin letters are borrowed anywhere, unknown languages fit anything."""
    assert script_fits(text, language) is fits
