"""Swear words: masked in texts, and the spans of sound to silence. Whole words of data/profanity.yaml. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import cycle
from typing import Final, Literal

import yaml

from core.errors import UsageError
from core.times import Ns, ns
from core.words import Word

_LETTERS: Final = re.compile(r"[^\W_]+(?:[@$*!_]+[^\W_]+|[@$]+)*|[@$][^\W_]+")
_SAID_AS: Final = str.maketrans("013457@$", "oieastas")
_SYMBOLS: Final = "@#%&!"
_AROUND_NS: Final = ns(0.03)  # aligned times are this uncertain; less would leave the first or last sound


@dataclass(frozen=True, slots=True)
class SwearWords:
    """Those of some languages: whole words, and beginnings that take any ending."""

    whole: frozenset[str]
    beginnings: tuple[str, ...]

    def found(self, part: str) -> bool:
        """Whether a run of letters is one, whatever its case and however its letters are written."""
        said = unicodedata.normalize("NFC", part.casefold())
        return any(form in self.whole or form.startswith(self.beginnings) for form in {said, said.translate(_SAID_AS)})


def swear_words(languages: Iterable[str]) -> SwearWords:
    """Of the languages' lists. Raises UsageError(`no_word_list`) for a language without one."""
    rows = [row for language in languages for row in _list(language)]
    whole = frozenset(row.removesuffix("*") for row in rows)
    return SwearWords(whole, tuple(row.removesuffix("*") for row in rows if row.endswith("*")))


def masked(text: str, how: Literal["off", "letters", "symbols"], words: SwearWords) -> str:
    """The text with swear words as their first letter and asterisks (`s***`), or symbols (`s@#%`)."""
    return text if how == "off" else _LETTERS.sub(lambda part: _mask(part[0], how, words), text)


def masked_spans(words: Sequence[Word], languages: Iterable[str] = ("en",)) -> tuple[tuple[Ns, Ns], ...]:
    """The times of the words that masking would change, joined where they meet, for silence or a beep."""
    swear = swear_words(languages)
    spans: list[tuple[Ns, Ns]] = []
    for word in sorted(words, key=lambda word: word.start_ns):
        if not any(swear.found(part) for part in _LETTERS.findall(word.text)):
            continue
        start_ns, end_ns = Ns(max(0, word.start_ns - _AROUND_NS)), Ns(word.end_ns + _AROUND_NS)
        if spans and start_ns <= spans[-1][1]:
            start_ns, end_ns = spans[-1][0], max(end_ns, spans[-1][1])
            spans.pop()
        spans.append((start_ns, end_ns))
    return tuple(spans)


def _mask(part: str, how: Literal["letters", "symbols"], words: SwearWords) -> str:
    if not words.found(part):
        return part
    signs = cycle("*" if how == "letters" else _SYMBOLS)
    return part[0] + "".join(next(signs) for _ in part[1:])


@cache
def _lists() -> dict[str, tuple[str, ...]]:
    text = (files("daemon.captioning") / "data" / "profanity.yaml").read_text("utf-8")
    return {str(name): tuple(map(str, rows)) for name, rows in yaml.safe_load(text).items()}


def _list(language: str) -> tuple[str, ...]:
    if language not in _lists():
        raise UsageError(
            f"There is no list of swear words for {language[:20]!r}",
            remedy=f"Lists: {', '.join(_lists())}.",
            code="no_word_list",
        )
    return _lists()[language]
