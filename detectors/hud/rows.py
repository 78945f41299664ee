"""Finds the rows of a feed in a view, and which of them were there before. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np

from detectors.hud.match import Hit, Template, find
from detectors.hud.model import FeedRule, Gate
from detectors.hud.prints import OTHER, Print, all_alike, fingerprint, shape, strokes
from detectors.hud.view import Grey, View, passes, share

_MOST: Final = 12  # rows of a feed
_LETTERS: Final = 3  # row heights to either side of a mark that tell rows apart: the ends of both names
_HALF_ROW: Final = 0.35  # of a row's height: a run of scanlines that is less is no row; judgement
_HOLE: Final = 0.15  # of a row's height: scanlines without the colour inside letters; judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row in a view, in working pixels. `mark` spans its mark's left and right edge, where it was found by one."""

    top: int
    bottom: int
    left: int
    right: int
    mark: tuple[int, int] | None
    weapon: str
    score: float
    own_kill: bool
    own_death: bool
    looks: tuple[Print, ...] = field(repr=False)  # what tells it from others: its writing left and right of the mark

    @property
    def y(self) -> float:
        """The middle."""
        return (self.top + self.bottom) / 2


class RowFinder:
    """Looks for the rows of one rule; `row_h` in working pixels."""

    def __init__(self, rule: FeedRule, templates: Mapping[str, Template], row_h: float) -> None:
        self._rule, self._row_h = rule, row_h
        self._reach = round(_LETTERS * row_h)
        self._wanted = [templates[mark] for mark in rule.marks]

    def find(self, view: View) -> list[Row]:
        """From top to bottom."""
        rule = self._rule
        rows = self._by_gate(view, rule.gate) if rule.gate is not None else self._by_marks(view)
        return sorted(rows, key=lambda row: row.top)[:_MOST]

    def _by_marks(self, view: View) -> list[Row]:
        hits = [(hit, wanted) for wanted in self._wanted for hit in find(view, wanted, _MOST)]
        best: list[tuple[Hit, Template]] = []
        for hit, wanted in sorted(hits, key=lambda pair: pair[0].score, reverse=True):
            middle = hit.y + wanted.size[1] / 2
            if all(abs(middle - other.y - by.size[1] / 2) > 0.6 * self._row_h for other, by in best):
                best.append((hit, wanted))
        return [self._marked(view, hit, wanted) for hit, wanted in best]

    def _marked(self, view: View, hit: Hit, wanted: Template) -> Row:
        width, height = wanted.size
        top, bottom = self._strip(view, hit.y + height / 2)
        return self._row(
            view,
            (top, bottom),
            (0, view.grey.shape[1]),
            _beside(view.grey[top:bottom], hit.x, hit.x + width, self._reach),
            mark=(hit.x, hit.x + width),
            weapon=wanted.name,
            score=hit.score,
        )

    def _by_gate(self, view: View, gate: Gate) -> list[Row]:
        mask = view.coloured(gate)
        lines = np.asarray(cv2.reduce(mask, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)).ravel() / (255.0 * mask.shape[1])
        passing = (lines >= gate.share[0]) & (lines <= gate.share[1])
        rows = []
        for first, end in _runs(passing, round(_HOLE * self._row_h)):
            count = round((end - first) / self._row_h) or int(end - first >= _HALF_ROW * self._row_h)
            for i in range(count):
                middle = first + (end - first) * (i + 0.5) / count
                top, bottom = self._strip(view, middle)
                part = mask[top:bottom]
                left, _, width, _ = cv2.boundingRect(part)
                margin = round(self._row_h / 2)
                sides = max(0, left - margin), min(mask.shape[1], left + width + margin)
                rows.append(self._row(view, (top, bottom), sides, (shape(part),)))
        return rows

    def _strip(self, view: View, middle: float) -> tuple[int, int]:
        """The scanlines of a row, always as many, moved into the view where they reach out of it."""
        height = min(view.grey.shape[0], max(4, round(self._row_h)))
        top = min(max(0, round(middle - height / 2)), view.grey.shape[0] - height)
        return top, top + height

    def _row(
        self,
        view: View,
        lines: tuple[int, int],
        sides: tuple[int, int],
        looks: tuple[Print, ...],
        *,
        mark: tuple[int, int] | None = None,
        weapon: str = "",
        score: float = 1.0,
    ) -> Row:
        top, bottom = lines
        first, end = sides if mark is None else (mark[0] - self._reach, mark[1] + self._reach)

        def has(gate: Gate | None) -> bool:
            return gate is not None and passes(gate, share(view.coloured(gate)[top:bottom, max(0, first) : end]))

        return Row(
            top=top,
            bottom=bottom,
            left=sides[0],
            right=sides[1],
            mark=mark,
            weapon=weapon if len(self._wanted) > 1 else "",
            score=score,
            own_kill=has(self._rule.own_kill),
            own_death=has(self._rule.own_death),
            looks=looks,
        )


def pair(known: Sequence[Sequence[Print]], rows: Sequence[Row]) -> list[tuple[int, int, float]]:
    """Which known row is which of the rows now: (known, row, how alike), both from top to bottom and in that order.

    Rows move up when others leave, but none overtakes another. Unlike ones stay unpaired; the sum is the largest.
    """
    sums = np.zeros((len(known) + 1, len(rows) + 1))
    like = np.array([[all_alike(one, row.looks) for row in rows] for one in known]).reshape(len(known), len(rows))
    for i in range(len(known) - 1, -1, -1):
        for j in range(len(rows) - 1, -1, -1):
            both = sums[i + 1, j + 1] + like[i, j] if like[i, j] >= OTHER else 0.0
            sums[i, j] = max(sums[i + 1, j], sums[i, j + 1], both)
    pairs, i, j = [], 0, 0
    while i < len(known) and j < len(rows):
        if like[i, j] >= OTHER and sums[i, j] == sums[i + 1, j + 1] + like[i, j]:
            pairs.append((i, j, float(like[i, j])))
            i, j = i + 1, j + 1
        elif sums[i, j] == sums[i + 1, j]:
            i += 1
        else:
            j += 1
    return pairs


def _beside(strip: Grey, left: int, right: int, reach: int) -> tuple[Print, ...]:
    """The writing left and right of a mark: always as many columns, and flat where they lie outside of the view."""
    writing = strokes(strip)
    low, high = reach - left, right + reach - writing.shape[1]
    wide = np.pad(writing, ((0, 0), (max(0, low), max(0, high))))
    at = left + max(0, low)
    return fingerprint(wide[:, at - reach : at]), fingerprint(wide[:, at + right - left :][:, :reach])


def _runs(passing: np.ndarray[tuple[int], np.dtype[np.bool_]], hole: int) -> list[tuple[int, int]]:
    """Stretches (first, end) of scanlines that pass; holes of at most `hole` lines are bridged."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], passing, [False])).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and first - runs[-1][1] <= hole:
            runs[-1] = runs[-1][0], end
        else:
            runs.append((first, end))
    return runs
