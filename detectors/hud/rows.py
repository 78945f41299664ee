"""Finds the rows of a feed in a view, and which of them were there before. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Final

import cv2
import numpy as np

from detectors.hud.match import Hit, Template, find
from detectors.hud.model import FeedRule, Gate
from detectors.hud.prints import OTHER, Patch, Print, all_alike, fingerprint, shape, strokes
from detectors.hud.view import Grey, View, passes, share

_MOST: Final = 12  # rows of a feed
_LETTERS: Final = 3  # row heights to either side of a mark that tell rows apart: the ends of both names
_HALF_ROW: Final = 0.35  # of a row's height: a run of scanlines that is less is no row; judgement
_SIDE: Final = 0.15  # of the pixels in two colours that the smaller side has, at least: a short name; judgement
_TWO: Final = 0.8  # of all coloured pixels that lie on the side of their colour; judgement
_HOLE: Final = 0.15  # of a row's height: scanlines without the colour inside letters; judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row in a view, in working pixels.

    `between` is what lies between its names: the mark by which it was found (`marked`), or no more than the place where
    one colour of a gate ends and another begins; None where nothing tells. `looks` tell it from others.
    """

    top: int
    bottom: int
    left: int
    right: int
    between: tuple[int, int] | None
    marked: bool
    weapon: str
    score: float
    own_kill: bool
    own_death: bool
    looks: tuple[Print, ...] = field(repr=False)

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
        colours = rule.gate.colours if rule.gate is not None else ()
        self._colours = [Gate(colours=(colour,)) for colour in colours] if len(colours) > 1 else []

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
            _beside(strokes(view.grey[top:bottom]), hit.x, hit.x + width, self._reach),
            between=(hit.x, hit.x + width),
            marked=True,
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
                border = _border([view.coloured(one)[top:bottom] for one in self._colours])
                between = None if border is None else (border, border)
                writing = shape(part)
                looks = (fingerprint(writing), *(_beside(writing, border, border, self._reach) if border else ()))
                rows.append(self._row(view, (top, bottom), sides, looks, between=between))
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
        between: tuple[int, int] | None,
        marked: bool = False,
        weapon: str = "",
        score: float = 1.0,
    ) -> Row:
        top, bottom = lines
        first, end = (between[0] - self._reach, between[1] + self._reach) if marked and between else sides

        def has(gate: Gate | None) -> bool:
            return gate is not None and passes(gate, share(view.coloured(gate)[top:bottom, max(0, first) : end]))

        return Row(
            top=top,
            bottom=bottom,
            left=sides[0],
            right=sides[1],
            between=between,
            marked=marked,
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


def _border(masks: Sequence[Grey]) -> int | None:
    """Where one colour ends and another begins, in columns: who and victim, of one team and of the other."""
    sums = [np.concatenate(([0], np.cumsum(np.count_nonzero(mask, axis=0)))) for mask in masks]
    best, place = 0, None
    for one, other in permutations(sums, 2):
        split = one + other[-1] - other  # pixels of the first colour before a column, and of the second after it
        at = int(split.argmax())
        if split[at] > best and min(one[at], other[-1] - other[at]) >= _SIDE * split[at]:
            best, place = int(split[at]), at
    return place if best >= _TWO * sum(int(total[-1]) for total in sums) else None


def _beside(writing: Patch, left: int, right: int, reach: int) -> tuple[Print, ...]:
    """The writing on both sides of a place: always as many columns, and flat where they lie outside of the view."""
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
