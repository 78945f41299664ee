"""Notices sound that stays up: a one-sided CUSUM over the level that sound does not fall below. Pure.

A crowd at little more than the level of talk is no peak, but it does not pause. Page's cumulative sum adds up by how
much the floor lies over its usual, and forgets while it does not: S = max(0, S + z - k), an alarm at S >= h (k 0.5 and
h 5: detection.md section 2, signal 5; the textbook choice for shifts of one standard deviation).
"""

from __future__ import annotations

from dataclasses import dataclass

from core.times import ns
from detectors.audio.options import RoarOptions
from detectors.features import STEP_NS


@dataclass(frozen=True, slots=True)
class Sustained:
    """A stretch of row indexes whose floor stayed up, and its largest sum (standard deviations x half seconds)."""

    first: int
    last: int
    total: float


class Roar:
    """Takes the floor twice a second; gives a stretch out when it is over."""

    def __init__(self, options: RoarOptions) -> None:
        self._options = options
        self._sum = 0.0
        self._first = 0
        self._peak, self._peak_at = 0.0, 0
        self._alarm = False
        self._level = False  # rain, an engine, another room: how this stream sounds now, until it is over

    @property
    def open_since(self) -> int | None:
        """The row at which an alarm that goes on began."""
        return self._first if self._alarm else None

    def push(self, z: float, index: int) -> Sustained | None:
        """How far the floor at the row `index` lies over its usual, in deviations. The stretch that ends here, if any.

        The reference is what the floor exceeds a tenth of 15 minutes, so that talk, whose floor rises in every phrase,
        adds up to nothing.
        """
        self._level = self._level and z > 0.0
        if self._level:
            return None
        before = self._sum
        self._sum = max(0.0, self._sum + min(z, self._options.most) - self._options.k)
        if before == 0.0 and self._sum > 0.0:
            self._first, self._peak, self._peak_at = index, 0.0, index
        if self._sum > self._peak:
            self._peak, self._peak_at = self._sum, index
        self._alarm = self._alarm or self._sum >= self._options.h
        if self._alarm and (index - self._first) * STEP_NS > ns(self._options.max_s):
            self._sum, self._alarm, self._level = 0.0, False, True
        if self._alarm and self._sum <= self._peak - self._options.h:
            return self.close()
        return None

    def close(self) -> Sustained | None:
        """End the alarm that is open: the sound is over, or the stream broke."""
        found = Sustained(self._first, self._peak_at, self._peak) if self._alarm else None
        self._sum, self._alarm = 0.0, False
        return found
