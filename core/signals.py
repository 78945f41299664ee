"""Signals: numbers over media time, as detectors read them and as the journal keeps them. Pure.

A replay that feeds the stored chunks again gets the same decisions, so values are float32 from the start.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.times import Ns


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalChunk:
    """Rows of one signal in time order.

    With `step_ns` > 0 row i covers [start + i*step, start + (i+1)*step) and is known at the end of that stretch. With
    `step_ns` 0 the rows are points at `times_ns` (int64, ascending), and `start_ns` is the first of them.
    `values` is float32 of shape (rows, len(columns)).
    """

    kind: str
    start_ns: Ns
    step_ns: int
    values: NDArray[np.float32] = field(repr=False)
    columns: tuple[str, ...]
    times_ns: NDArray[np.int64] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.columns):
            raise ValueError(f"{self.kind}: values {self.values.shape} do not fit {len(self.columns)} columns")
        if (self.step_ns == 0) != (self.times_ns is not None):
            raise ValueError(f"{self.kind}: irregular chunks, and only they, carry times_ns")
        if self.times_ns is not None and len(self.times_ns) != len(self.values):
            raise ValueError(f"{self.kind}: {len(self.times_ns)} times for {len(self.values)} rows")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def end_ns(self) -> Ns:
        """When the last row is known; `start_ns` for an empty chunk."""
        if not len(self.values):
            return self.start_ns
        if self.times_ns is not None:
            return Ns(int(self.times_ns[-1]))
        return Ns(self.start_ns + self.step_ns * len(self.values))

    def known_ns(self) -> NDArray[np.int64]:
        """For each row the media time from which a detector may use it."""
        if self.times_ns is not None:
            return self.times_ns
        return self.start_ns + self.step_ns * np.arange(1, len(self.values) + 1, dtype=np.int64)
