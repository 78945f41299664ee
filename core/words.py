"""Words on media time: what the recogniser commits to, and what it shows before it is sure. Pure.

Committed text and times never change. Only a tail that is not committed yet may be rewritten.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from core.times import Ns, ns

CommitReason = Literal["agreed", "endpoint", "forced", "catchup", "vod"]
SENTENCE_ENDS: Final = frozenset(".?!…。？！")
SENTENCE_PAUSE_NS: Final = ns(0.8)  # as long as this, a sentence is over without a full stop
_CLOSERS: Final = "\"'”’)]」』"


def closes_sentence(text: str) -> bool:
    """Whether a word's punctuation does, quotes and brackets around it apart."""
    return text.rstrip(_CLOSERS)[-1:] in SENTENCE_ENDS


def one_line(text: str) -> str:
    """One line without control characters."""
    kept = (letter for letter in text if letter.isspace() or unicodedata.category(letter) not in {"Cc", "Cs"})
    return " ".join("".join(kept).split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word as it was said, with its punctuation and without spaces around it.

    `prob` is the recogniser's, `vad` the mean probability of speech over its span; both 0..1. A word lies in one epoch.
    """

    text: str
    start_ns: Ns
    end_ns: Ns
    prob: float
    vad: float
    epoch: int

    @property
    def ends_sentence(self) -> bool:
        """Whether its punctuation closes a sentence."""
        return closes_sentence(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """Words that are final, in the order they were said.

    `known_ns` is the media time from which decisions may use them: the edge of the audio that made them final. `reason`
    says how: two hypotheses agreed, the utterance ended, they stood too long (forced; less sure), or one decode was
    enough (vod, and catchup for speech that live analysis had skipped).
    """

    seq: int
    words: tuple[Word, ...]
    language: str
    reason: CommitReason
    known_ns: Ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """The words after the last committed one, as heard so far; each replaces the one before. May be empty."""

    rev: int
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChanged:
    """The session's language was found, or another is spoken now. `prob` is the evidence, 0..1."""

    t_ns: Ns
    language: str
    prob: float
    before: str | None


SpeechEvent = Committed | Partial | LanguageChanged


def text_of(words: Iterable[Word]) -> str:
    """Words as one line of text; a script without spaces is joined without them."""
    out = ""
    for word in words:
        spaced = out and not (_unspaced(out[-1]) or _unspaced(word.text[:1]))
        out += f" {word.text}" if spaced else word.text
    return out


def sentences(words: Sequence[Word], pause_ns: int = SENTENCE_PAUSE_NS) -> list[tuple[Word, ...]]:
    """Words cut into sentences: after closing punctuation, and at a pause of at least `pause_ns` or a new epoch."""
    found: list[tuple[Word, ...]] = []
    run: list[Word] = []
    for word in words:
        if run and (run[-1].ends_sentence or word.start_ns - run[-1].end_ns >= pause_ns or word.epoch != run[-1].epoch):
            found.append(tuple(run))
            run = []
        run.append(word)
    return [*found, tuple(run)] if run else found


def _unspaced(letter: str) -> bool:
    """Chinese, Japanese, Thai, Lao, Khmer, Burmese: written without spaces between words."""
    code = ord(letter) if letter else 0
    return 0x0E00 <= code <= 0x0EFF or 0x1000 <= code <= 0x109F or 0x1780 <= code <= 0x17FF or 0x3000 <= code <= 0x9FFF
