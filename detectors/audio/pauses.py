"""Pauses in the sound that are long enough to cut in. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from core.times import Ns
from detectors.features import STEP_NS

_QUIET_ROWS: Final = 3  # >= 250 ms (detection.md section 4, 11)
_KEEP: Final = 200


class Silence(NamedTuple):
    """A pause long enough to cut in."""

    start_ns: Ns
    end_ns: Ns


class Pauses:
    """Rows in, the newest silences out; the last of them grows while it lasts."""

    def __init__(self) -> None:
        self.silences: deque[Silence] = deque(maxlen=_KEEP)
        self._rows = 0  # quiet ones up to now

    def push(self, peaks: list[float], quiet_db: float, first_end_ns: Ns) -> None:
        """Take the loudest instant of each row; a row is quiet when even that lies under `quiet_db`."""
        if not self._rows and min(peaks, default=quiet_db) >= quiet_db:
            return
        for place, peak in enumerate(peaks):
            if peak < quiet_db:
                self._rows += 1
                self._note(Ns(first_end_ns + place * STEP_NS))
            else:
                self._rows = 0

    def close(self) -> None:
        """The stream broke: a silence does not reach across."""
        self._rows = 0

    def _note(self, end_ns: Ns) -> None:
        silence = Silence(Ns(end_ns - self._rows * STEP_NS), end_ns)
        if self._rows == _QUIET_ROWS:
            self.silences.append(silence)
        elif self._rows > _QUIET_ROWS:
            self.silences[-1] = silence
