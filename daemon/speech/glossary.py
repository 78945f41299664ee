"""Spells a channel's names as its people do: heard words that look and sound like a term become the term. Pure.

Whisper takes hints only as a prompt, which leaks into its output where nobody speaks; matching after it cannot.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from core.times import ns
from core.words import Word

SPAN_WORDS: Final = 4
PAUSE_NS: Final = ns(0.5)  # a name is said in one go

# What is enough. Measured with 112 names of games, players and podcasts, each said by espeak-ng and heard by Whisper
# base: 47 came out as spelled, 69 with these limits (62 by letters alone). None was put into 1,128 words of other
# speech; into 189,000 words of chat and prose 34 were, had Whisper doubted all of them (invoked, virtual, monks).
DOUBT: Final = 0.7  # a misheard name has a probability below this; nine in ten rightly heard words are above
LOOKS_DOUBTED: Final = 0.65  # letters alike, in one doubted word: fortnight for Fortnite is 0.67
LOOKS_JOINED: Final = 0.75  # in several words: "there are a" is Terraria to the ear, and 0.67 to the eye
ALIKE_DOUBTED: Final = 0.8  # the mean of letters and sounds; at 0.77 an operation is an Operator
LOOKS_SURE: Final = 0.85  # a word Whisper is sure of has to sound the same and be spelled almost the same
FUZZY_LETTERS: Final = 7  # shorter terms have too many neighbours: Redis, "read is", reads, radius
SURE_LETTERS: Final = 8  # virtual is no Wirtual
SHORT_LETTERS: Final = 5  # from here a doubted single word may differ in letters that do not sound: Lama, LLaMA
LOOKS_SHORT: Final = 0.8
JOINED_LETTERS: Final = 4  # of one word at least, where Whisper cut a term in two: "valor ant"
ABBREVIATED_LETTERS: Final = 2  # a full stop after so few letters ends no sentence: Mr. Beast

_SOUNDS: Final = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("igh", "i"),
        ("ph", "f"),
        ("tch|sch|ch|sh", "x"),
        ("ck|qu", "k"),
        ("c(?=[eiy])|z", "s"),
        ("^kn", "n"),
        ("[cq]", "k"),
        ("w", "v"),
        ("(?<!^)[aeiouyh]", ""),
        (r"(.)\1+", r"\1"),
    )
)
_DIGITS: Final = re.compile(r"\d")
_GENITIVE: Final = re.compile("['’]s$")


@dataclass(frozen=True, slots=True)
class _Heard:
    """A word's letters apart from what stands around them: quotes, punctuation. `owner` is it without a genitive."""

    word: Word
    before: str
    letters: str
    after: str
    owner: _Heard | None = None


@dataclass(frozen=True, slots=True)
class _Match:
    """What was heard from `first` on is this term; `alike` is 1 for the same letters."""

    alike: float
    first: int
    heard: tuple[_Heard, ...]
    term: str

    @property
    def span(self) -> range:
        """Indices of its words."""
        return range(self.first, self.first + len(self.heard))


class Glossary:
    """Terms as they should appear, each of at most four words."""

    def __init__(self, terms: Sequence[str]) -> None:
        spelled = {_letters(term): term for term in reversed(terms) if _letters(term)}
        self._spelled = spelled
        self._fuzzy = [letters for letters in spelled if len(letters) >= SHORT_LETTERS]
        self._sounds = [_sound(letters) for letters in self._fuzzy]

    def apply(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """The words with what they meant. A span with as many words as its term keeps their times and probabilities;
        any other becomes one word over the whole span, as sure as its least sure word.
        """
        heard = [_heard(word) for word in words]
        found = [
            match
            for first in range(len(heard))
            for span in _spans(heard, first)
            if (match := self._match(first, span)) is not None
        ]
        chosen: dict[int, _Match] = {}
        taken: set[int] = set()
        for match in sorted(found, key=lambda match: (-match.alike, -len(match.heard))):
            if taken.isdisjoint(match.span):
                chosen[match.first] = match
                taken.update(match.span)
        out: list[Word] = []
        for index, word in enumerate(words):
            if index in chosen:
                out += _spell(chosen[index])
            elif index not in taken:
                out.append(word)
        return tuple(out)

    def _match(self, first: int, heard: tuple[_Heard, ...]) -> _Match | None:
        parts = [part.letters for part in heard]
        joined = "".join(parts)
        doubted = _probability(heard) < DOUBT
        if (term := self._spelled.get(joined)) is not None:
            return _Match(1.0, first, heard, term) if doubted or _is_term(parts, term) else None
        near = process.extract(
            joined,
            self._fuzzy,
            scorer=Levenshtein.normalized_similarity,
            score_cutoff=LOOKS_DOUBTED if doubted else LOOKS_SURE,
            limit=3,
        )
        sound = _sound(joined) if near else ""
        scored = [
            (_alike(parts, term, looks, Levenshtein.normalized_similarity(sound, self._sounds[at]), doubted), at)
            for term, looks, at in near
        ]
        alike, at = max(scored, default=(0.0, -1))
        return _Match(alike, first, heard, self._spelled[self._fuzzy[at]]) if alike else None


def _alike(parts: Sequence[str], term: str, looks: float, sounds: float, doubted: bool) -> float:
    """How alike, or 0 when that is not enough. A number is never changed, and an inflection is no mishearing."""
    heard = "".join(parts)
    if heard.startswith(term) or term.startswith(heard) or _DIGITS.findall(heard) != _DIGITS.findall(term):
        return 0.0
    alike = (looks + sounds) / 2
    if not doubted:
        enough = sounds == 1 and len(term) >= SURE_LETTERS
    elif len(term) < FUZZY_LETTERS:
        enough = sounds == 1 and looks >= LOOKS_SHORT and len(parts) == 1
    else:
        enough = alike >= ALIKE_DOUBTED and (len(parts) == 1 or looks >= LOOKS_JOINED)
    return alike if enough else 0.0


def _is_term(parts: Sequence[str], term: str) -> bool:
    """The term's own words, or others that join to it for good: "and or" is not Andor unless Whisper doubted it."""
    own = [_letters(part) for part in term.split()]
    return list(parts) == own or max(map(len, parts)) >= JOINED_LETTERS or all(len(part) == 1 for part in parts)


def _spans(heard: Sequence[_Heard], first: int) -> Iterator[tuple[_Heard, ...]]:
    """From `first` on: without a pause, a new epoch, or punctuation but that of Mr. Beast"""
    for end in range(first + 1, min(first + SPAN_WORDS, len(heard)) + 1):
        last = heard[end - 1]
        yield tuple(heard[first:end])
        if last.owner is not None:
            yield (*heard[first : end - 1], last.owner)
        if end == len(heard):
            return
        closed = last.after.strip("-") and not (last.after == "." and len(last.letters) <= ABBREVIATED_LETTERS)
        word = heard[end].word
        if closed or word.epoch != last.word.epoch or word.start_ns - last.word.end_ns > PAUSE_NS:
            return


def _probability(heard: Sequence[_Heard]) -> float:
    """The mean over letters: a doubted "a" beside a sure long word is no doubt."""
    letters = sum(len(part.letters) for part in heard)
    return sum(part.word.prob * len(part.letters) for part in heard) / max(1, letters)


def _spell(match: _Match) -> list[Word]:
    """The term in place of the words, within their punctuation and with their genitive."""
    words = [part.word for part in match.heard]
    before, after = match.heard[0].before.strip("-"), match.heard[-1].after
    if len(own := match.term.split()) == len(words):
        texts = [*own[:-1], own[-1] + after]
        return [replace(word, text=text) for word, text in zip(words, [before + texts[0], *texts[1:]], strict=True)]
    prob, vad = min(word.prob for word in words), min(word.vad for word in words)
    return [replace(words[0], text=f"{before}{match.term}{after}", end_ns=words[-1].end_ns, prob=prob, vad=vad)]


def _heard(word: Word) -> _Heard:
    text = word.text
    first = next((at for at, letter in enumerate(text) if _is_letter(letter)), len(text))
    end = next((at + 1 for at in range(len(text) - 1, -1, -1) if _is_letter(text[at])), first)
    before, core, after = text[:first], text[first:end], text[end:]
    genitive = _GENITIVE.search(core)
    name = core[: genitive.start()] if genitive else ""
    owner = _Heard(word, before, _letters(name), core[len(name) :] + after) if name else None
    return _Heard(word, before, _letters(core), after, owner)


def _is_letter(letter: str) -> bool:
    """Or a digit, or a sign that other scripts write upon letters."""
    return unicodedata.category(letter)[0] in "LNM"


def _letters(text: str) -> str:
    """Casefolded, without Latin accents, spaces and punctuation."""
    return "".join(
        letter
        for letter in unicodedata.normalize("NFKD", text.casefold())
        if _is_letter(letter) and not "\u0300" <= letter <= "\u036f"
    )


def _sound(letters: str) -> str:
    """The consonants as English ears sort them, and a first vowel. Other scripts stay as they are."""
    for pattern, sound in _SOUNDS:
        letters = pattern.sub(sound, letters)
    return letters
