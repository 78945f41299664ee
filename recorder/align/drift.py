"""A robust line through lags, in pieces where there are steps. Pure.

Theil-Sen (Sen, J. Am. Stat. Assoc. 63, 1968) over neighbours first, since a step in the middle would spoil half of all
pairs; then over all pairs of the same piece.

Not every step is the local file's. What reaches the server can only come late, and its clock of a new connection may
be late for seconds before it settles; a recorder can only lose sound, for good. So a level that comes back was the
backup's, and so was one that falls and stays: the lower one holds for what was before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

STEP_MS: Final = 5.0
NEIGHBOURS: Final = 8
MOST_PPM: Final = 1_000.0  # no sound card is worse by a tenth of this
USUAL_PPM: Final = 100.0  # how far clocks are apart, where few windows say little
SURE: Final = 4  # lags that agree: ten seconds of sound
ALONE: Final = -1
LATE: Final = -2
NOISE_MS: Final = 0.2  # of a lag at least: times are in whole milliseconds, and a codec moves sound


@dataclass(frozen=True, slots=True)
class Piece:
    """Lags on one line: `level_ms` at file time 0, from `first_ms` to `last_ms` of the file."""

    level_ms: float
    first_ms: float
    last_ms: float


@dataclass(frozen=True, slots=True)
class Line:
    """`lag = level + slope * file time` with the piece's level. `unsure_ppm`: standard error of the slope, about
    `middle_ms` of the file. `spread_ms`: median distance of what is on the line. `used`: lags that agree with their
    neighbours, those of a late backup too.
    """

    ppm: float
    unsure_ppm: float
    middle_ms: float
    pieces: tuple[Piece, ...]
    spread_ms: float
    used: NDArray[np.bool_]


def fit_line(file_ms: NDArray[np.float64], lag_ms: NDArray[np.float64]) -> Line:
    """Of at least one lag, `file_ms` ascending."""
    slope = _slope(file_ms, lag_ms, None)
    for _ in range(2):  # the second time with the slope of whole pieces
        piece_of = _pieces(lag_ms - slope * file_ms)
        slope = _slope(file_ms, lag_ms, piece_of)
    agreeing = piece_of != ALONE
    piece_of = _recorders(piece_of, lag_ms - slope * file_ms)
    slope, used = _slope(file_ms, lag_ms, piece_of), piece_of >= 0
    slope, unsure = _weighed(slope, file_ms[used], lag_ms[used] - slope * file_ms[used], piece_of[used])
    rest = lag_ms - slope * file_ms
    numbers = [number for number in dict.fromkeys(piece_of.tolist()) if number >= 0]
    levels = {number: float(np.median(rest[piece_of == number])) for number in numbers}
    spread = float(np.median(np.abs(rest[used] - [levels[number] for number in piece_of[used]])))
    pieces = tuple(
        Piece(levels[number], float(file_ms[piece_of == number][0]), float(file_ms[piece_of == number][-1]))
        for number in numbers
    )
    return Line(slope * 1e6, unsure * 1e6, float(np.mean(file_ms[used])), pieces, spread, agreeing)


def _slope(file_ms: NDArray[np.float64], lag_ms: NDArray[np.float64], piece_of: NDArray[np.int64] | None) -> float:
    """The median over neighbours, or over all pairs of the same piece; 0 where there are none."""
    first, second = np.triu_indices(len(file_ms), 1)
    if piece_of is None:
        pairs = second - first <= NEIGHBOURS
    else:
        pairs = (piece_of[first] == piece_of[second]) & (piece_of[first] >= 0)
    pairs &= file_ms[second] > file_ms[first]
    first, second = first[pairs], second[pairs]
    if not len(first):
        return 0.0
    slopes = (lag_ms[second] - lag_ms[first]) / (file_ms[second] - file_ms[first])
    return float(np.clip(np.median(slopes), -MOST_PPM * 1e-6, MOST_PPM * 1e-6))


def _weighed(
    slope: float, file_ms: NDArray[np.float64], rest: NDArray[np.float64], piece_of: NDArray[np.int64]
) -> tuple[float, float]:
    """A slope that few windows of a short time say, drawn to 0 by what clocks usually are; and its standard error.
    Whoever speaks for ten seconds of an hour says little about its end."""
    levels = np.array([np.median(rest[piece_of == number]) for number in piece_of])
    noise = max(NOISE_MS, 1.48 * float(np.median(np.abs(rest - levels))))
    usual, spread = USUAL_PPM * 1e-6, float(np.std(file_ms)) * len(file_ms) ** 0.5
    if spread == 0:
        return 0.0, usual
    error = noise / spread
    return slope * usual**2 / (usual**2 + error**2), usual * error / (usual**2 + error**2) ** 0.5


def _pieces(rest: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which piece each belongs to; ALONE for what stands so, which is a false match and no step."""
    piece_of = np.full(len(rest), ALONE, np.int64)
    number, level = -1, np.inf
    for at, value in enumerate(rest):
        if abs(value - level) > STEP_MS:
            after = rest[at + 1 : at + 2]
            alone = len(rest) > 1 and (not len(after) or abs(after[0] - value) > STEP_MS)
            if alone and number >= 0:
                continue
            if alone and len(after):
                continue  # the first of all, and the next one disagrees
            number += 1
        piece_of[at] = number
        level = float(np.median(rest[piece_of == number][-5:]))
    if number < 0:
        piece_of[0] = 0  # nothing agrees with anything: the caller sees it by how many were used
    return piece_of


def _recorders(piece_of: NDArray[np.int64], rest: NDArray[np.float64]) -> NDArray[np.int64]:
    """Pieces between which the recorder lost something; LATE for those in which the backup was late.

    A fall is taken for the backup's only where the lower piece has as many lags, or SURE of them: two false matches may
    agree by chance.
    """
    numbers = sorted(set(piece_of[piece_of >= 0].tolist()))
    levels = [float(np.median(rest[piece_of == number])) for number in numbers]
    counts = [int((piece_of == number).sum()) for number in numbers]
    groups: list[list[int]] = []  # of numbers whose levels are one
    at = 0
    while at < len(numbers):
        same = [i for i in range(at, len(numbers)) if abs(levels[i] - levels[at]) <= STEP_MS]
        groups.append(same)
        at = same[-1] + 1
    kept: list[list[int]] = []
    for group in reversed(groups):
        after = kept[-1] if kept else group
        falls = levels[group[0]] - levels[after[0]] > STEP_MS
        lower = sum(counts[i] for i in after)
        if not falls or (lower < SURE and lower < sum(counts[i] for i in group)):
            kept.append(group)
    out = np.where(piece_of >= 0, LATE, piece_of)
    for number, group in enumerate(reversed(kept)):
        out[np.isin(piece_of, [numbers[i] for i in group])] = number
    return out
