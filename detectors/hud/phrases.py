"""Sentences that a game writes: `{victim} was fragged by {who}`, found in text that a machine read off the screen.

Not regular expressions: a HUD comes from anybody, and a pattern must neither hang nor miss a line for one misread
letter. A phrase is literal text and the names {who}, {victim}, {weapon} and {any}; the literals are found in their order,
each with a letter or two wrong, and what lies between them are the names. Time is linear in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LINE_LENGTH: Final = 120  # characters of a line that are looked at: two names, a weapon and a sentence
_PHRASE_LENGTH: Final = 100
_ALIKE: Final = 80.0  # of 100: one letter of five misread; judgement
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
    """The names in a line, each cleaned; None when the line does not say this. {any} is left out."""
    raise NotImplementedError
