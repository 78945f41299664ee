"""When a fight began and when it was over, by every row that the screen showed of it. Pure."""

from __future__ import annotations

from bisect import insort
from typing import Final

from core.times import Ns

_MOST: Final = 1_000  # rows kept; the busiest feeds show some hundred in the minutes that matter


class Fights:
    """Times of all that happened lately, whoever it happened to."""

    def __init__(self, gap_ns: Ns, reach_ns: Ns, longest_ns: Ns) -> None:
        """A fight goes on while rows come so soon, but no further than `reach_ns` before and after one's own kills."""
        self._gap_ns, self._reach_ns, self._longest_ns = gap_ns, reach_ns, longest_ns
        self._signs: list[Ns] = []

    def sign(self, t_ns: Ns) -> None:
        """Something happened."""
        insort(self._signs, t_ns)
        del self._signs[:-_MOST]

    def around(self, first_ns: Ns, last_ns: Ns) -> tuple[Ns, Ns]:
        """From the first sign of the fight that two kills lie in to its last; no longer than a streak may be."""
        start_ns, end_ns = first_ns, last_ns
        for sign_ns in reversed(self._signs):
            if sign_ns < max(start_ns - self._gap_ns, first_ns - self._reach_ns):
                break
            start_ns = min(start_ns, sign_ns)
        for sign_ns in self._signs:
            if sign_ns > min(end_ns + self._gap_ns, last_ns + self._reach_ns):
                break
            end_ns = max(end_ns, sign_ns)
        return start_ns, max(min(end_ns, Ns(first_ns + self._longest_ns)), last_ns)
