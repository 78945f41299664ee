"""Where windows of a live backup are found in a local file, and where between two of them sound was lost. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recorder.align.gcc import RATE, best_lag
from recorder.align.sound import PER_MS, TimedSound, index_in

WINDOW_MS: Final = 4_000
SEARCH_MS: Final = 1_000  # around where it is expected
MOST_WINDOWS: Final = 120  # of one file, evenly spread: an hour's drift needs no more
SHARP: Final = 20.0  # standard deviations; below it is no match
QUIET: Final = 10 ** (-55 / 20)  # root mean square of a window in which nobody speaks, of full scale
FEW: Final = 3  # matches that are enough to go on from
TRIED_PPM: Final = (0.0, -200.0, 200.0)  # clocks further apart than this smear a window's peak until it is lost
BLOCK_MS: Final = 100  # a step is placed to one of these
LOOSE_MS: Final = 1  # between two of its blocks' lags: drift, and the smoothing of times


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """One window with sound: room time minus file time at its middle, and whether that is sure."""

    file_ms: float
    lag_ms: float
    matched: bool


def find_lags(local: TimedSound, backup: Sequence[TimedSound], start_ms: float, ppm: float | None = None) -> list[Lag]:
    """Of the windows of the backup in which somebody speaks. `ppm`: how much slower the file's clock runs, where that
    is known; else one of TRIED_PPM is taken that finds most."""
    if ppm is not None:
        return list(_lags(local, backup, start_ms, ppm))
    best: list[Lag] = []
    for tried in TRIED_PPM:
        found = list(_lags(local, backup, start_ms, tried))
        if not best or _matched(found) > _matched(best):
            best = found
        if _matched(best) >= FEW:
            break
    return best


def find_step(
    local: TimedSound, backup: Sequence[TimedSound], between_ms: tuple[float, float], lags_ms: tuple[float, float]
) -> float:
    """File time from which the second lag fits better than the first, between two times that fit one each."""
    times = np.arange(between_ms[0], between_ms[1], BLOCK_MS, dtype=np.float64)
    if not len(times):
        return between_ms[1]
    likes = np.array([[_alike(local, backup, t, lag) for lag in lags_ms] for t in times])
    before = np.concatenate(([0.0], np.cumsum(likes[:, 0])))
    after = np.concatenate((np.cumsum(likes[::-1, 1])[::-1], [0.0]))
    at = int(np.argmax(before + after))
    return float(times[at]) if at < len(times) else between_ms[1]


def _lags(local: TimedSound, backup: Sequence[TimedSound], start_ms: float, ppm: float) -> Iterator[Lag]:
    lag_ms, known = start_ms, False
    for part, first in _windows(local, backup, start_ms):
        run = next(run for run in part.runs if run.first <= first < run.end)
        room_ms = run.time_ms(first)
        drift_ms = 0.0 if known else (room_ms - start_ms) * ppm * 1e-6
        found = _lag(local, part, first, room_ms, lag_ms + drift_ms, ppm)
        if found is None:
            continue
        if found.matched:
            lag_ms, known = found.lag_ms, True
        yield found


def _lag(local: TimedSound, part: TimedSound, first: int, room_ms: float, expected_ms: float, ppm: float) -> Lag | None:
    """None for a window in which nobody speaks, or that the file does not reach."""
    size, search = WINDOW_MS * PER_MS, SEARCH_MS * PER_MS
    piece = part.mono(first, first + size)
    if float(np.sqrt(np.mean(piece**2))) < QUIET:
        return None
    guess_ms = room_ms - expected_ms
    run = local.run_at(max(guess_ms, local.span_ms[0]))
    if run is None or guess_ms + WINDOW_MS < local.span_ms[0]:
        return None
    at = round(float(index_in(run, np.array([guess_ms]))[0]))
    if ppm:
        piece = _stretched(piece, ppm)
    low = at - search
    peak = best_lag(piece, local.mono(low, at + len(piece) + search))
    middle = low + peak.lag + len(piece) / 2
    file_ms = run.time_ms(middle)
    lag_ms = room_ms + WINDOW_MS / 2 - file_ms
    return Lag(file_ms=file_ms, lag_ms=lag_ms, matched=peak.sharpness >= SHARP and peak.unique)


def _windows(local: TimedSound, backup: Sequence[TimedSound], start_ms: float) -> Iterator[tuple[TimedSound, int]]:
    """First samples of windows that lie wholly in a run, where the file may have sound, spread over its length."""
    low_ms, high_ms = (edge + start_ms for edge in local.span_ms)
    hop = max(WINDOW_MS / 2, (high_ms - low_ms) / MOST_WINDOWS)
    for part in backup:
        for run in part.runs:
            begin_ms = max(run.time_ms(run.first), low_ms - SEARCH_MS)
            end_ms = min(run.time_ms(run.end), high_ms + SEARCH_MS)
            firsts = np.arange(begin_ms, end_ms - WINDOW_MS, hop)
            for first in index_in(run, firsts).round().astype(int).tolist():
                if run.first <= first and first + WINDOW_MS * PER_MS <= run.end:
                    yield part, first


def _stretched(piece: NDArray[np.float32], ppm: float) -> NDArray[np.float32]:
    """As a clock that runs slower by so much has it: fewer samples for the same sound."""
    size = int(len(piece) / (1 + ppm * 1e-6))
    at = np.arange(size) * (1 + ppm * 1e-6)
    out: NDArray[np.float32] = np.interp(at, np.arange(len(piece)), piece).astype(np.float32)
    return out


def _alike(local: TimedSound, backup: Sequence[TimedSound], file_ms: float, lag_ms: float) -> float:
    """How well a block fits at a lag, weighed by how loud it is; 0 where either has nothing."""
    here, there = local.run_at(file_ms), None
    room_ms = file_ms + lag_ms
    for part in backup:
        there = part.run_at(room_ms)
        if there is not None:
            break
    if here is None or there is None:
        return 0.0
    size, loose = BLOCK_MS * PER_MS, LOOSE_MS * PER_MS
    first = round(float(index_in(here, np.array([file_ms]))[0]))
    other = round(float(index_in(there, np.array([room_ms]))[0]))
    block = local.mono(first, first + size)
    searched = part.mono(other - loose, other + size + loose)
    norm = float(np.linalg.norm(block) * np.linalg.norm(searched))
    if norm == 0:
        return 0.0
    return float(np.correlate(searched, block, "valid").max()) / norm * float(np.linalg.norm(block))


def _matched(lags: Sequence[Lag]) -> int:
    return sum(lag.matched for lag in lags)


assert RATE == 1000 * PER_MS
