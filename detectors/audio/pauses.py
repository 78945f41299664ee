"""Pauses in the sound that are long enough to cut in. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from core.times import Ns
from detectors.features import STEP_NS

QUIET_ROWS: Final = 3  # >= 250 ms (detection.md section 4, 11)
_KEEP: Final = 200


class Silence(NamedTuple):
    """A pause long enough to cut in."""

    start_ns: Ns
    end_ns: Ns


class Pauses:
    """Rows in, the newest silences out; the last of them grows while it lasts."""

    def __init__(self, least_rows: int = QUIET_ROWS, keep: int = _KEEP) -> None:
        """`least_rows` quiet ones in a row are a silence; the newest `keep` of them are kept."""
        self.silences: deque[Silence] = deque(maxlen=keep)
        self.heard: Silence | None = None  # from the first row to the last; breaks lie in it
        self._least_rows = least_rows
        self._rows = 0  # quiet ones up to now

    def push(self, peaks: list[float], quiet_db: float, first_end_ns: Ns) -> None:
        """Take the loudest instant of each row; a row is quiet when even that lies under `quiet_db`."""
        start_ns = Ns(first_end_ns - STEP_NS) if self.heard is None else self.heard.start_ns
        self.heard = Silence(start_ns, Ns(first_end_ns + (len(peaks) - 1) * STEP_NS))
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
        if self._rows == self._least_rows:
            self.silences.append(silence)
        elif self._rows > self._least_rows:
            self.silences[-1] = silence
