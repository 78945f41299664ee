"""Text set in fonts: its runs and its measures in em, as libass will draw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from daemon.captioning.ass import Text
from daemon.captioning.face import Glyphs
from daemon.captioning.fonts import FontBook, Missing, Run
from daemon.captioning.text import direction, letters


@dataclass(frozen=True, slots=True)
class Setting:
    r"""A text on one line. `ends` is how far it reaches after each letter, in reading order; lengths in em."""

    runs: tuple[Run, ...]
    width: float
    ends: tuple[float, ...]
    ascent: float
    descent: float
    cell_ascent: float  # of the line that libass makes, which is what \pos and \an place
    cell_descent: float
    anchor: float  # from the left edge to where \pos is, when libass is asked to put the middle there

    @property
    def text(self) -> str:
        """What is drawn: without letters that no font has."""
        return "".join(run.text for run in self.runs)

    @property
    def rtl(self) -> bool:
        """Whether it reads from right to left."""
        return direction(self.text) == "rtl"

    def body(self, em_px: float, mark: str = "") -> tuple[Text, ...]:
        """For an event; `mark`, a bidi mark of ours, stands before it."""
        texts = [Text(run.face.name, run.face.ass_size(em_px), run.text) for run in self.runs]
        first = texts[0]
        return (Text(first.font, first.size, mark + first.text), *texts[1:])


def set_text(text: str, book: FontBook) -> tuple[Setting | None, list[Missing]]:
    """None when no letter of it has a font."""
    runs, missing = book.runs(text)
    if not any(run.text.strip() for run in runs):
        return None, missing
    shapes = [run.face.shape(run.text) for run in runs]
    ends: list[float] = []
    width = 0.0
    for run, glyphs in zip(runs, shapes, strict=True):
        ends += [width + end for end in _by_letter(run.text, glyphs.ends, glyphs.width)]
        width += glyphs.width
    faces = [run.face for run in runs]
    return Setting(
        runs=tuple(runs),
        width=width,
        ends=tuple(ends),
        ascent=max(face.ascent for face in faces),
        descent=max(face.descent for face in faces),
        cell_ascent=max(face.win_ascent for face in faces),
        cell_descent=max(face.win_descent for face in faces),
        anchor=_anchor(shapes[::-1] if direction(text) == "rtl" else shapes),
    ), missing


def _anchor(seen: Sequence[Glyphs]) -> float:
    x, left, right = 0.0, inf, -inf
    for glyphs in seen:
        left, right = min(left, x + glyphs.box[0]), max(right, x + glyphs.box[1])
        x += glyphs.width
    return (left + right) / 2


def _by_letter(text: str, ends: Sequence[tuple[int, float]], width: float) -> list[float]:
    """After each letter; those of one ligature end together."""
    found, at = [], 0
    for group in letters(text):
        at += len(group)
        reached = [end for first, end in ends if first < at]
        found.append(max(reached) if reached else width)
    return found
