"""Sentences that a game writes: `{victim} was fragged by {who}`, found in text that a machine read off the screen.

Not regular expressions: a HUD comes from anybody, and a pattern must neither hang nor miss a line for one misread
letter. A phrase is literal text and the names {who}, {victim}, {weapon} and {any}; the literals are found in order, a
letter of five may be wrong, and what lies between them are the names. Time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from core.game import clean_name

LINE_LENGTH: Final = 120  # characters of a line that are looked at: two names, a weapon and a sentence
_PHRASE_LENGTH: Final = 100
_ALIKE: Final = 80.0  # of 100: one letter of five misread; judgement
_STRAY: Final = 2  # characters that dirt on the screen adds to a line's ends; judgement
_NAMES: Final = ("who", "victim", "weapon", "any")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Literals and names in turn; a literal is lower-case and without spaces."""

    parts: tuple[str, ...]
    names: tuple[bool, ...]  # whether a part is a name


def parse_phrase(text: str) -> Phrase:
    """Raises ValueError for names that are not known, names side by side, and phrases without literal text."""
    if not 0 < len(text) <= _PHRASE_LENGTH:
        raise ValueError(f"a phrase has 1 to {_PHRASE_LENGTH} characters")
    parts: list[str] = []
    names: list[bool] = []
    for piece in re.split(r"(\{[a-z]*\})", text):
        if piece.startswith("{") and piece.endswith("}"):
            name = piece[1:-1]
            if name not in _NAMES:
                raise ValueError(f"{piece} is no name; known: {', '.join('{' + known + '}' for known in _NAMES)}")
            if names and names[-1]:
                raise ValueError(f"two names side by side in {text!r}: nothing says where the first one ends")
            parts.append(name)
            names.append(True)
        elif plain := squeeze(piece):
            parts.append(plain)
            names.append(False)
    if all(names):
        raise ValueError(f"{text!r} has no words of its own: anything would fit")
    return Phrase(tuple(parts), tuple(names))


def squeeze(text: str) -> str:
    """Lower-case and without spaces, which readers of screens see or miss as they please."""
    return "".join(text.lower().split())


def fit(phrase: Phrase, line: str) -> dict[str, str] | None:
    """The names in a line, each cleaned and none empty; None when the line does not say this.

    {any} may be nothing, and is left out. A phrase that begins or ends with a literal does so at the line's own end.
    """
    kept = [(c, place) for place, c in enumerate(line[:LINE_LENGTH]) if not c.isspace()]
    plain = "".join(c.lower() if len(c.lower()) == 1 else c for c, _ in kept)
    found: dict[str, str] = {}
    at, open_name = 0, ""
    for part, is_name in zip(phrase.parts, phrase.names, strict=True):
        if is_name:
            open_name = part
            continue
        span = _find(part, plain, at)
        if span is None or (open_name and not _keep(found, open_name, line, kept, at, span[0])):
            return None
        if at == 0 and not open_name and span[0] > _STRAY:
            return None
        at, open_name = span[1], ""
    if not open_name and len(plain) - at > _STRAY:
        return None
    if open_name and not _keep(found, open_name, line, kept, at, len(kept)):
        return None
    found.pop("any", None)
    return found


def _find(literal: str, plain: str, start: int) -> tuple[int, int] | None:
    """Where a literal lies in the text from `start` on: the best place, its edges moved to where they fit best."""
    rest = plain[start:]
    if len(rest) < 0.8 * len(literal):
        return None
    place = fuzz.partial_ratio_alignment(literal, rest, score_cutoff=_ALIKE)
    if place is None:
        return None
    first, end = place.dest_start, place.dest_end
    letters = sum(c.isalnum() for c in literal)  # points are often not read
    edges = [(a, b) for a in range(max(0, first - 1), first + 2) for b in range(min(len(rest), end + 1), a, -1)[:4]]

    def fits(edge: tuple[int, int]) -> tuple[float, int]:
        """A misread letter is one letter, not one too many and one too few: else it goes to the name beside it."""
        found = rest[edge[0] : edge[1]]
        return Levenshtein.normalized_similarity(literal, found), -abs(letters - len(found))

    best = max(edges, key=fits, default=None)
    if best is None or fuzz.ratio(literal, rest[best[0] : best[1]]) < _ALIKE:
        return None
    return start + best[0], start + best[1]


def _keep(found: dict[str, str], name: str, line: str, kept: Sequence[tuple[str, int]], first: int, end: int) -> bool:
    """Keep what lies between two literals; False where that is nothing."""
    if end <= first:
        return name == "any"
    text = clean_name(line[kept[first][1] : kept[end - 1][1] + 1])
    found[name] = text
    return bool(text)
