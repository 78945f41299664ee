"""Puts pieces of bed and snippets together to the sound of a stream, and says where every word's slot came to lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np

from detectors.features import AUDIO_COLUMNS, FLOOR_DB
from tests.synthetic_streams.planted.library import Library, Piece
from tests.synthetic_streams.planted.schedule import Plan
from tests.synthetic_streams.planted.stream import ROWS_PER_S, Floats, Rows

LEVEL_COLUMNS: Final = tuple(
    i for i, name in enumerate(AUDIO_COLUMNS) if name in {"level", "speech", "dip"} or name.startswith("band")
)
_CHOICE: Final = 14  # pieces looked at for one that fills the last gap
_NEAR_S: Final = 12.0  # from here on to the next plan the piece is chosen by its length
_LEAST_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words first..last (exclusive) of the stream; `copies` is the first word of the phrase that it replays."""

    first: int
    last: int
    role: int
    copies: int | None = None


@dataclass(frozen=True, slots=True)
class Sound:
    """Rows, word slots (s), phrases, and for each plan by number when its event began, ended and peaked (s)."""

    rows: Rows = field(repr=False)
    slots: Floats = field(repr=False)
    phrases: list[Phrase] = field(repr=False)
    events: list[tuple[float, float, float]]


class _Tape:
    """What has been put together so far."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.rows = 0
        self.words = 0
        self.slots: list[Floats] = []
        self.phrases: list[Phrase] = []

    def append(self, piece: Piece, copies: int | None = None) -> None:
        first = self.words
        self.slots.append(piece.slots + self.rows / ROWS_PER_S)
        edges = [0, *(np.flatnonzero(np.diff(piece.phrases)) + 1).tolist(), len(piece.phrases)]
        for a, b in pairwise(edges):
            if a < b:
                of = None if copies is None else copies + a
                self.phrases.append(Phrase(first + a, first + b, int(piece.roles[a]), of))
        self.words += len(piece.slots)
        self.pieces.append(piece)
        self.rows += len(piece.rows)


def assemble(
    rng: np.random.Generator, library: Library, seconds: float, plans: Sequence[Plan], gain_db: float
) -> Sound:
    """`plans` have sound and are in order; each begins as planned or up to some seconds later."""
    tape, deck = _Tape(), _Deck(rng, library)
    events: list[tuple[float, float, float]] = []
    began: dict[int, int] = {}  # the first word of each plan's snippet
    for plan in plans:
        piece = plan.piece
        assert piece is not None
        assert piece.event is not None
        deck.fill(tape, plan.at_s - piece.event[0])
        at = tape.rows / ROWS_PER_S
        events.append((at + piece.event[0], at + piece.event[1], at + piece.event[2]))
        began[id(plan)] = tape.words
        tape.append(piece, None if plan.source is None else began[id(plan.source)])
    deck.fill(tape, seconds + 20.0)
    rows = np.concatenate([piece.rows for piece in tape.pieces])[: round(seconds * ROWS_PER_S)]
    rows[:, LEVEL_COLUMNS] = np.maximum(rows[:, LEVEL_COLUMNS] + np.float32(gain_db), FLOOR_DB)
    return Sound(rows, np.concatenate(tape.slots), tape.phrases, events)


class _Deck:
    """Pieces of the bed, all of them before any comes again."""

    def __init__(self, rng: np.random.Generator, library: Library) -> None:
        self._rng, self._library = rng, library
        self._order: list[int] = []

    def fill(self, tape: _Tape, until_s: float) -> None:
        """Append bed until only a moment is missing; the last piece may reach over by a little."""
        while (missing := until_s - tape.rows / ROWS_PER_S) > _LEAST_S:
            if missing > _NEAR_S:
                tape.append(self._library.pieces[self._next()])
            else:
                tape.append(self._library.pieces[self._fitting(missing)])

    def _next(self) -> int:
        if not self._order:
            self._order = self._rng.permutation(len(self._library.pieces)).tolist()
        return self._order.pop()

    def _fitting(self, missing_s: float) -> int:
        """Of some pieces the one that leaves the least, or room for another."""
        some = self._rng.integers(0, len(self._library.pieces), _CHOICE)
        left = missing_s - self._library.lengths[some]
        cost = np.where(left > 4.0, 2.0, np.abs(left) + np.where(left < -_LEAST_S, 2.0, 0.0))
        return int(some[int(np.argmin(cost))])
