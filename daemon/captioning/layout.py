"""Phrases to places: where each word stands on the canvas, in pixels. Pure.

Every word is placed by itself, from widths that HarfBuzz measured, in the order in which a line is seen. libass would
reorder a line with overrides in it run by run, and a word that grows would push its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from daemon.captioning.phrases import SPACE, Phrase, Token, best_lines, line_width
from daemon.captioning.setting import Setting
from daemon.captioning.stage import Stage
from daemon.captioning.style import Style
from daemon.captioning.text import direction

BOX_X, BOX_Y = 0.2, 0.1  # em of a box beyond its text
_PITCH: Final = 1.04  # of lines, by the fonts' own height
PEAK: Final = 1.14  # a word that pops in is for a moment as much larger
DROP: Final = 0.42  # em from which a bouncing word falls
_LRM, _RLM = "\u200e", "\u200f"


@dataclass(frozen=True, slots=True)
class Placed:
    """A token on the canvas: the middle of the cell that libass makes, and its ink's rough rectangle, in pixels."""

    token: Token
    em: float
    x: float  # left edge
    width: float
    middle_y: float
    top: float
    bottom: float
    line: int
    mark: str  # a bidi mark that keeps its punctuation on the line's side

    @property
    def middle_x(self) -> float:
        """Where libass is told to put the word's middle, so that its left edge comes to `x`."""
        return self.x + self.token.setting.anchor * self.em


def edge(style: Style, em: float) -> float:
    """Pixels that ink reaches beyond the letters."""
    box = BOX_X * em if style.box else 0.0
    return max(box, (style.outline + style.shadow) * em)


def capacity(style: Style, stage: Stage) -> float:
    """Em of text that a line holds, with room for what a style adds to it."""
    em = stage.em * style.size
    grown = PEAK if style.motion == "pop" else style.active.scale if style.active else 1.0
    return max(1.0, (stage.room_width - 2 * edge(style, em)) / em / grown)


def place(phrase: Phrase, style: Style, stage: Stage, position: float | None) -> list[Placed]:
    """All of a phrase's tokens; smaller than the style says where a word, or two lines, would not fit otherwise."""
    room = capacity(style, stage)
    lines = best_lines(phrase.tokens, room, SPACE) or (phrase.tokens,)
    base = next((found for token in phrase.tokens if (found := direction(token.setting.text))), "ltr")
    em = stage.em * style.size * min(1.0, room / max(line_width(line, SPACE) for line in lines))
    heights = [_height(line) for line in lines]
    beyond = 2 * BOX_Y + style.outline + style.shadow + (DROP if style.motion == "bounce" else 0.0)
    em = min(em, stage.room_height / (sum(heights) * _PITCH + 2 * beyond))
    placed = []
    y = _top(sum(heights) * em * _PITCH, beyond * em, stage, stage.position if position is None else position)
    for number, (line, height) in enumerate(zip(lines, heights, strict=True)):
        baseline = y + max(token.setting.ascent for token in line) * em
        placed += _line(line, number, em, baseline, base == "rtl", stage)
        y += height * em * _PITCH
    return placed


def in_sight(tokens: Sequence[Token], rtl: bool) -> list[Token]:
    """From left to right, by the rules of UAX 9 for whole words: runs of words of the other direction are turned."""
    directions: list[bool] = []
    for token in tokens:
        own = direction(token.setting.text)
        # digits and signs go with the right-to-left word before them, else with the line
        directions.append(own == "rtl" if own else (directions[-1] if directions and directions[-1] else rtl))
    runs: list[list[Token]] = []
    for number, token in enumerate(tokens):
        if number and directions[number] == directions[number - 1]:
            runs[-1].append(token)
        else:
            runs.append([token])
    kinds = [kind for number, kind in enumerate(directions) if number == 0 or kind != directions[number - 1]]
    seen = [run[::-1] if kind else run for run, kind in zip(runs, kinds, strict=True)]
    return [token for run in (reversed(seen) if rtl else seen) for token in run]


def _height(line: Sequence[Token]) -> float:
    return max(token.setting.ascent for token in line) + max(token.setting.descent for token in line)


def _top(height: float, beyond: float, stage: Stage, position: float) -> float:
    """Of the block: its middle at the wanted share of the room, moved so that all its ink lies in the room."""
    first, last = stage.top + beyond, stage.height - stage.bottom - beyond - height
    return max(first, min(last, stage.top + position * stage.room_height - height / 2))


def _line(line: Sequence[Token], number: int, em: float, baseline: float, rtl: bool, stage: Stage) -> list[Placed]:
    order = in_sight(line, rtl)
    x = stage.left + (stage.room_width - line_width(line, SPACE) * em) / 2
    placed = []
    for at, token in enumerate(order):
        if at:
            x += 0.0 if _touch(order[at - 1], token, line) else SPACE * em
        setting = token.setting
        placed.append(
            Placed(
                token=token,
                em=em,
                x=x,
                width=setting.width * em,
                middle_y=baseline + (setting.cell_descent - setting.cell_ascent) * em / 2,
                top=baseline - setting.ascent * em,
                bottom=baseline + setting.descent * em,
                line=number,
                mark=_mark(setting, rtl),
            )
        )
        x += setting.width * em
    return placed


def _touch(left: Token, right: Token, line: Sequence[Token]) -> bool:
    """Whether two neighbours on the screen are written without a space."""
    first, second = sorted((line.index(left), line.index(right)))
    return second - first == 1 and line[second].glued


def _mark(setting: Setting, rtl: bool) -> str:
    return "" if setting.rtl == rtl else _RLM if rtl else _LRM
