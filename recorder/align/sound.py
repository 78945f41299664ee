"""Decoded sound with the times of its blocks: where a time lies among the samples, and the other way round. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]  # int16 (full scale 32768) or float32 (-1..1), shape (n,) or (n, channels)

PER_MS: Final = 48  # samples
HOLE_MS: Final = 40.0  # a block so much off where the samples before it end begins a new run: two Opus frames
GRID_MS: Final = 5_000.0  # times are smoothed over so much: blocks say them in whole ms, and with a scheduler's jitter


@dataclass(frozen=True, slots=True)
class _Run:
    """Samples without a hole. `offsets_ms` at `knots`: a block's time minus what its sample number says."""

    first: int
    end: int
    knots: NDArray[np.float64]  # sample numbers
    offsets_ms: NDArray[np.float64]

    def time_ms(self, index: float) -> float:
        """When a sample is heard."""
        return float(np.interp(index, self.knots, self.offsets_ms)) + index / PER_MS


@dataclass(frozen=True, slots=True)
class TimedSound:
    """48 kHz sound. Block i begins at sample `starts[i]` and at `times_ms[i]` on the clock of its file; both ascend.

    Raises ValueError for blocks that are out of order or of another number than their times.
    """

    samples: Samples = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)
    times_ms: NDArray[np.float64] = field(repr=False)
    runs: tuple[_Run, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.starts) != len(self.times_ms) or np.any(np.diff(self.starts) < 0):
            raise ValueError("blocks of sound out of order")
        object.__setattr__(self, "runs", _runs(self.starts, self.times_ms, len(self.samples)))

    @classmethod
    def from_start(cls, samples: Samples, at_ms: float = 0.0) -> TimedSound:
        """Sound without a hole, whose first sample is at a time."""
        return cls(samples, np.zeros(1, np.int64), np.array([at_ms]))

    @property
    def span_ms(self) -> tuple[float, float]:
        """Times of its first sample and behind its last; (0, 0) of nothing."""
        if not self.runs:
            return 0.0, 0.0
        return self.runs[0].time_ms(self.runs[0].first), self.runs[-1].time_ms(self.runs[-1].end)

    def mono(self, first: int, end: int) -> NDArray[np.float32]:
        """Samples first..end as one channel of float32; what lies outside is silence."""
        low, high = max(0, first), min(len(self.samples), end)
        out = np.zeros(max(0, end - first), np.float32)
        if high > low:
            part = np.asarray(self.samples[low:high])
            scale = 1 / 32_768 if part.dtype.kind == "i" else 1.0
            flat = part.mean(axis=1) if part.ndim == 2 else part
            out[low - first : high - first] = flat.astype(np.float32) * np.float32(scale)
        return out

    def run_at(self, ms: float) -> _Run | None:
        """The run that has sound at a time."""
        for run in self.runs:
            if run.time_ms(run.first) <= ms < run.time_ms(run.end):
                return run
        return None


def index_in(run: _Run, ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sample numbers, with fractions, at times within a run; two steps of the fixed point are exact to 1e-6 samples,
    since offsets change by less than 1 ms a second."""
    index: NDArray[np.float64] = (ms - run.offsets_ms[0]) * PER_MS
    for _ in range(3):
        index = (ms - np.interp(index, run.knots, run.offsets_ms)) * PER_MS
    return index


def _runs(starts: NDArray[np.int64], times_ms: NDArray[np.float64], length: int) -> tuple[_Run, ...]:
    if not len(starts) or not length:
        return ()
    offsets = times_ms - starts / PER_MS
    breaks = np.flatnonzero(np.abs(np.diff(offsets)) > HOLE_MS) + 1
    edges = [0, *breaks.tolist(), len(starts)]
    runs = []
    for low, high in pairwise(edges):
        end = int(starts[high]) if high < len(starts) else length
        if end > starts[low]:
            runs.append(_run(starts[low:high], offsets[low:high], end))
    return tuple(runs)


def _run(starts: NDArray[np.int64], offsets: NDArray[np.float64], end: int) -> _Run:
    """Medians of a few seconds each, at their middles."""
    first = int(starts[0])
    pieces = max(1, round((end - first) / PER_MS / GRID_MS))
    groups = np.array_split(np.arange(len(starts)), min(pieces, len(starts)))
    knots = np.array([starts[group].mean() for group in groups])
    medians = np.array([np.median(offsets[group]) for group in groups])
    return _Run(first, end, knots, medians)
