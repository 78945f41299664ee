"""Words in the JSON lines contract."""

from __future__ import annotations

from core.lines import transcript_fields
from core.times import Ns, ns
from core.words import Word

WORD = Word(text="Ace!", start_ns=ns(12.3456), end_ns=ns(12.8), prob=0.98765, vad=0.5, epoch=3)


def test_words_that_may_still_change_say_so() -> None:
    """Text, seconds and probability: nothing of how they came about."""
    assert transcript_fields([WORD], final=False) == {
        "words": [{"text": "Ace!", "start_s": 12.346, "end_s": 12.8, "prob": 0.988}],
        "final": False,
    }
    assert transcript_fields([], final=False) == {"words": [], "final": False}


def test_final_words_say_their_language_and_how_they_became_final() -> None:
    """Additive: a reader of the contract needs neither."""
    fields = transcript_fields([WORD], final=True, language="en", reason="agreed")
    assert (fields["final"], fields["language"], fields["reason"]) == (True, "en", "agreed")
    assert Ns(round(fields["words"][0]["start_s"] * 1000)) == 12_346
