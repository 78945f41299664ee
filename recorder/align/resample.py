"""Sound laid onto the room's clock: drift taken out, steps applied, silence where there is none. Pure.

A windowed sinc of 32 taps, read from a table of 512 phases with a line between two of them: the error is below what
16 bits can say up to 20 kHz.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recorder.align.plan import AlignedFile
from recorder.align.sound import PER_MS, TimedSound, index_in

TAPS: Final = 32
PHASES: Final = 512
CHUNK: Final = 48_000  # samples made at once
KAISER: Final = 9.0


def lay_sound(
    sound: TimedSound, placed: AlignedFile | None, from_ms: float, to_ms: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """What is heard in the room from..to, shape (n, channels), -1..1, and which samples there are; the others are 0.

    `placed` None: the sound's times are the room's already (a backup).
    """
    size = max(0, round((to_ms - from_ms) * PER_MS))
    channels = sound.samples.shape[1] if sound.samples.ndim == 2 else 1
    out, there = np.zeros((size, channels), np.float32), np.zeros(size, bool)
    for low_ms, high_ms, shift_ms in _stretches(sound, placed):
        for run in sound.runs:
            run_low, run_high = run.time_ms(run.first), run.time_ms(run.end)
            first = _ceil((_room(placed, max(low_ms, run_low)) + shift_ms - from_ms) * PER_MS)
            end = _ceil((_room(placed, min(high_ms, run_high)) + shift_ms - from_ms) * PER_MS)
            for at in range(max(0, first), min(size, end), CHUNK):
                stop = min(at + CHUNK, size, end)
                room_ms = from_ms + np.arange(at, stop) / PER_MS
                index = index_in(run, _file(placed, room_ms - shift_ms))
                out[at:stop] = _taken(sound, index, run.first, run.end, channels)
                there[at:stop] = True
    return out, there


def _stretches(sound: TimedSound, placed: AlignedFile | None) -> tuple[tuple[float, float, float], ...]:
    low_ms, high_ms = sound.span_ms
    if placed is None:
        return ((low_ms, high_ms, 0.0),)
    return tuple((max(low, low_ms), min(high, high_ms), shift) for low, high, shift in placed.stretches(high_ms))


def _room(placed: AlignedFile | None, file_ms: float) -> float:
    return file_ms if placed is None else placed.picture_ms(file_ms)


def _file(placed: AlignedFile | None, room_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    return room_ms if placed is None else (room_ms - placed.offset_ms) / (1 + placed.ppm * 1e-6)


def _taken(sound: TimedSound, index: NDArray[np.float64], first: int, end: int, channels: int) -> NDArray[np.float32]:
    """Samples at fractional numbers, shape (len(index), channels)."""
    low = int(np.floor(index[0])) - TAPS
    high = int(np.ceil(index[-1])) + TAPS
    inside_low, inside_high = max(low, first, 0), min(high, end, len(sound.samples))
    source = np.zeros((high - low, channels), np.float32)
    if inside_high > inside_low:
        part = np.asarray(sound.samples[inside_low:inside_high])
        scale = np.float32(1 / 32_768 if part.dtype.kind == "i" else 1.0)
        source[inside_low - low : inside_high - low] = part.reshape(len(part), channels).astype(np.float32) * scale
    whole = np.floor(index).astype(np.int64)
    weights = _weights(index - whole)
    starts = whole - low - (TAPS // 2 - 1)
    windows = np.lib.stride_tricks.sliding_window_view(source, TAPS, axis=0)[starts]  # (n, channels, TAPS)
    out: NDArray[np.float32] = np.einsum("nct,nt->nc", windows, weights)
    return out


def _weights(fraction: NDArray[np.float64]) -> NDArray[np.float32]:
    """Of the TAPS samples around each place, shape (n, TAPS)."""
    table = _table()
    phase = fraction * PHASES
    number = np.minimum(phase.astype(np.int64), PHASES - 1)
    rest = (phase - number).astype(np.float32)[:, None]
    out: NDArray[np.float32] = table[number] * (1 - rest) + table[number + 1] * rest
    return out


@cache
def _table() -> NDArray[np.float32]:
    """Shape (PHASES + 1, TAPS)."""
    fraction = np.arange(PHASES + 1)[:, None] / PHASES
    away = np.arange(TAPS)[None, :] - (TAPS // 2 - 1) - fraction
    window = np.i0(KAISER * np.sqrt(np.clip(1 - (away / (TAPS / 2)) ** 2, 0, 1))) / np.i0(KAISER)
    table = np.sinc(away) * window
    out: NDArray[np.float32] = (table / table.sum(axis=1, keepdims=True)).astype(np.float32)
    return out


def _ceil(value: float) -> int:
    return int(np.ceil(value - 1e-6))
