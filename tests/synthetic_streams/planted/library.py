"""Rows of sound per setting: a bed in pieces, and snippets with a reaction or a disturbance mixed into a bed.

Everything is rendered as a wave and measured by the real AudioFeatures. Pieces and snippets begin and end in pauses of
the talk, so joining them is harmless; only the flux of the first row of a piece belongs to what came before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np

from core.media import AudioBlock
from core.times import NS_PER_S, Ns
from detectors.features import AudioFeatures
from tests.synthetic_streams.planted import snippets
from tests.synthetic_streams.planted.bed import Bed, lay, settings
from tests.synthetic_streams.planted.snippets import Mixed
from tests.synthetic_streams.planted.stream import FAMILIES, ROWS_PER_S, Family, Floats, Rows
from tests.synthetic_streams.planted.voices import RATE

_BED_S: Final = 300.0
_BEDS: Final = 3
_LEAST_PIECE_S: Final = 2.0
_BLOCK: Final = 20 * RATE


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows with the slots of the words in them; `event` lies inside for snippets (start, end, peak in s)."""

    rows: Rows = field(repr=False)
    slots: Floats = field(repr=False)  # (words, 2), s from the piece's start
    phrases: np.ndarray = field(repr=False)  # of each word, counted from 0
    roles: np.ndarray = field(repr=False)  # of each word
    event: tuple[float, float, float] | None = None

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.rows) / ROWS_PER_S


@dataclass(frozen=True, slots=True)
class Library:
    """What one setting's streams are made of. Snippets by (kind, level); negatives have level ""."""

    pieces: Sequence[Piece] = field(repr=False)
    lengths: Floats = field(repr=False)  # of the pieces
    snippets: Mapping[tuple[str, str], Sequence[Piece]] = field(repr=False)


@cache
def library(family: Family, place: int) -> Library:
    """One setting's library, made once per process."""
    setting = settings(family)[place]
    rng = np.random.default_rng([79, FAMILIES.index(family), place])
    pieces = [piece for _ in range(_BEDS) for piece in _pieces(lay(rng, setting, _BED_S))]
    made: dict[tuple[str, str], list[Piece]] = {}
    for kind, level, mixed in snippets.every(rng, setting):
        made.setdefault((kind, level), []).append(_snippet(mixed))
    return Library(pieces, np.array([piece.seconds for piece in pieces]), made)


def measured(wave: Floats) -> Rows:
    """Ten rows a second, by the real features."""
    features, rows = AudioFeatures(), []
    for at in range(0, len(wave), _BLOCK):
        samples = wave[at : at + _BLOCK].astype(np.float32)
        chunks = features.push(AudioBlock(start_ns=Ns(at * NS_PER_S // RATE), samples=samples))
        rows += [chunk.values for chunk in chunks]
    return np.concatenate(rows)


def _snippet(mixed: Mixed) -> Piece:
    bed = mixed.bed
    rows = measured(bed.wave)
    start_s, end_s = mixed.start_s, mixed.end_s
    inside = rows[int(start_s * 10) : max(int(start_s * 10) + 1, int(end_s * 10)), 0]
    peak_s = start_s + (int(np.argmax(np.convolve(10 ** (inside / 10), np.ones(5), "same"))) + 0.5) / 10
    return _piece(bed, rows, 0, len(rows), (start_s, end_s, min(peak_s, end_s)))


def _pieces(bed: Bed) -> list[Piece]:
    """A bed cut in the middle of its pauses."""
    rows = measured(bed.wave)
    cuts = [0]
    for (_, before), (after, _) in pairwise(bed.spans):
        cut = round((before + after) * 5)
        if after - before >= 0.25 and cut - cuts[-1] >= _LEAST_PIECE_S * 10:
            cuts.append(cut)
    cuts.append(len(rows))
    return [_piece(bed, rows, a, b, None) for a, b in pairwise(cuts)]


def _piece(bed: Bed, rows: Rows, a: int, b: int, event: tuple[float, float, float] | None) -> Piece:
    inside = (bed.slots[:, 0] >= a / 10) & (bed.slots[:, 1] <= b / 10)
    phrases = bed.phrases[inside]
    _, number = np.unique(phrases, return_inverse=True)
    return Piece(rows[a:b], bed.slots[inside] - a / 10, number, bed.roles[inside], event)
