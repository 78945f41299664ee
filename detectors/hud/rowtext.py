"""What a row of a feed says: its names, and whether two readings are of one row. Pure but for OCR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rapidfuzz import fuzz

from detectors.hud.frames import Picture, TextReader
from detectors.hud.model import FeedRule
from detectors.hud.names import fold
from detectors.hud.phrases import fit, parse_phrase
from detectors.hud.rows import Row
from detectors.hud.view import View

_SAME_NAME: Final = 75.0  # of 100, of two readings of one name: one letter of four misread; judgement
_SAME_LINE: Final = 90.0  # of 100, of all names together: another victim of one player is less alike; judgement
_LEGIBLE: Final = 0.5  # a line's own score
_NAME: Final = 9  # row heights that a name takes at most: 20 letters of 0.4, and a picture beside it; judgement


class Reading(NamedTuple):
    """`names`: who and victim, None where a row fits no phrase of its rule. `parts`: what tells the row from others."""

    names: dict[str, str] | None
    parts: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether there is something in every place."""
        return all(self.parts)

    def same(self, other: Reading) -> bool:
        """Two readings of one row: every part is nearly the same, or the whole of it, however it was taken apart."""
        if fuzz.ratio(fold("".join(self.parts)), fold("".join(other.parts))) >= _SAME_LINE:
            return True
        return len(self.parts) == len(other.parts) and all(
            fuzz.ratio(fold(one), fold(two)) >= _SAME_NAME for one, two in zip(self.parts, other.parts, strict=True)
        )


class RowReader:
    """Reads the rows of one rule."""

    def __init__(self, rule: FeedRule, text: TextReader) -> None:
        self._rule, self._text = rule, text
        self._phrases = [parse_phrase(phrase) for phrase in rule.phrases]

    def read(self, row: Row, view: View) -> Reading:
        """Ask for the text on both sides of what lies between the names; where nothing tells, for all of the row."""
        left, right = self._sides(row, view)
        if self._phrases:
            line = f"{left} {right}".strip()
            names = next((names for phrase in self._phrases if (names := fit(phrase, line)) is not None), None)
            return Reading(names, tuple(names.values()) if names else (line,))
        first, second = ("who", "victim") if self._rule.names == "who-victim" else ("victim", "who")
        return Reading({first: left.split("+")[0], second: right}, (left, right))  # killer + helper

    def _sides(self, row: Row, view: View) -> tuple[str, str]:
        """A sentence, or a row in which nothing tells, as a whole; of plates the outer texts, icons lie between."""
        if row.between is None or (self._phrases and not row.marked):
            [texts] = self._lines([_crop(view, row, row.left, row.right)])
            if self._phrases or len(texts) < 2:
                return " ".join(texts), ""
            return texts[0], texts[-1]
        reach = round(_NAME * (row.bottom - row.top))
        low, high = row.between
        sides = [(max(row.left, low - reach), low), (high, min(row.right, high + reach))]
        read = iter(self._lines([_crop(view, row, a, b) for a, b in sides if b - a >= 4]))
        left, right = (next(read) if b - a >= 4 else [] for a, b in sides)
        return (" ".join(left), " ".join(right)) if row.marked else ("".join(left[:1]), "".join(right[-1:]))

    def _lines(self, crops: Sequence[Picture]) -> list[list[str]]:
        """The legible lines of each crop, from left to right."""
        return [
            [line.text for line in sorted(lines, key=lambda line: line.x) if line.score >= _LEGIBLE]
            for lines in self._text.read(crops)
        ]


def _crop(view: View, row: Row, left: int, right: int) -> Picture:
    """Part of a row at the picture's own size."""
    top, bottom, first, end = (round(value / view.scale) for value in (row.top, row.bottom, left, right))
    return view.crop[top:bottom, first:end]
