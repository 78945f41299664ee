"""A clip's title: what was said right before its moment, or else what happened and when. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from core.moments import Moment
from core.times import clock_text, ns
from core.words import Word, sentences, text_of

LIMIT: Final = 60  # characters; a phone shows about as many in one line
AFTER_NS: Final = ns(1.0)  # people still speak while they react
NEAR_NS: Final = ns(10.0)  # a better sentence from before that is hardly about the moment
MIN_PROB: Final = 0.4
FEW: Final = 3
MANY: Final = 12
_NOISES: Final = frozenset({"um", "umm", "uh", "uhh", "uhm", "er", "erm", "hmm", "mm"})
_STARTS: Final = frozenset({"so", "and", "but"})
_STARTS_WITH_COMMA: Final = ("you know", "i mean", "okay", "ok", "well", "like", "yeah")  # "well played" is none
_JOINERS: Final = "\u200c\u200d"  # format characters, but part of the spelling in Persian and in Indic scripts
_LOOSE_ENDS: Final = " .,;:-–—。，、"


def title_of(moment: Moment, words: Sequence[Word]) -> str:
    """The sentence that caused the moment; without one that was heard well, its strongest kind and time.

    `words` should begin some seconds before the clip, so that the clip's first sentence is whole.
    """
    ranked: list[tuple[int, int, str]] = []
    for sentence in sentences(words):
        if sentence[-1].end_ns <= moment.start_ns or sentence[0].start_ns >= moment.end_ns:
            continue
        said = _without_fillers(sentence)
        title = _line(said)
        if len(said) > 1 and title and sum(word.prob for word in said) >= MIN_PROB * len(said):
            distance_ns = abs(moment.anchor_ns - sentence[-1].end_ns)
            ranked.append((_tier(said, moment), distance_ns, title))
    return min(ranked)[2] if ranked else _plain(moment)


def _tier(said: Sequence[Word], moment: Moment) -> int:
    """0 is best: a whole sentence of some words right before. Then any before, then any after, then two words."""
    before_ns = moment.anchor_ns + AFTER_NS - said[-1].end_ns
    if len(said) < FEW:
        return 3
    if before_ns < 0:
        return 2
    whole = len(said) <= MANY and said[-1].ends_sentence
    return 0 if whole and before_ns <= AFTER_NS + NEAR_NS else 1


def _without_fillers(sentence: Sequence[Word]) -> Sequence[Word]:
    """Without "um" at its start, and without "so" or "you know," where a sentence remains."""
    while sentence:
        size = _filler(sentence)
        if not size:
            break
        sentence = sentence[size:]
    return sentence


def _filler(sentence: Sequence[Word]) -> int:
    """How many words at its start say nothing."""
    plain = [word.text.casefold().strip(_LOOSE_ENDS) for word in sentence[: FEW + 1]]
    if plain[0] in _NOISES:
        return 1
    if len(sentence) > FEW and plain[0] in _STARTS:
        return 1
    for size in (1, 2):
        comma = sentence[size - 1 : size] and sentence[size - 1].text.endswith(",")
        if comma and len(sentence) >= FEW + size and " ".join(plain[:size]) in _STARTS_WITH_COMMA:
            return size
    return 0


def _line(said: Sequence[Word]) -> str:
    """One line of at most LIMIT characters, cut between words. A name's own small letter (xQc) stays."""
    text, kept = _clean(text_of(said)), said[:LIMIT]
    while len(text) > LIMIT:
        kept = kept[:-1]
        text = _clean(text_of(kept) or said[0].text[: LIMIT - 1]).rstrip(_LOOSE_ENDS) + "…"
    text = text.strip(_LOOSE_ENDS)
    return text[:1].upper() + text[1:] if text.partition(" ")[0].islower() else text


def _clean(text: str) -> str:
    """Without characters that break lines, hide or reorder."""
    shown = (" " if unicodedata.category(c)[0] in "CZ" and c not in _JOINERS else c for c in text)
    return " ".join("".join(shown).split())


def _plain(moment: Moment) -> str:
    strongest = max(moment.events, key=lambda event: event.llr * event.quality, default=None)
    what = strongest.kind.replace("_", " ").capitalize() if strongest else "Moment"
    return f"{what} at {clock_text(moment.anchor_ns).rpartition('.')[0]}"
