"""What the parts of the catalog share: its database, the clock that labels rows, and the count of refused writes."""

from __future__ import annotations

from collections.abc import Callable

from core.protocols import Clock
from supervisor.catalog.database import Database

OnRefused = Callable[[int], None]  # how many stale writes were refused just now


class Refusals:
    """How many stale writes were refused; `told` hears of them, for the metric."""

    def __init__(self, told: OnRefused | None = None) -> None:
        self.count = 0
        self._told = told

    def add(self, count: int = 1) -> None:
        """Refused again."""
        self.count += count
        if self._told is not None and count:
            self._told(count)


class Part:
    """Some of the catalog's methods."""

    def __init__(self, database: Database, clock: Clock, refusals: Refusals) -> None:
        self._database = database
        self._clock = clock
        self._refusals = refusals

    def _now_ns(self) -> int:
        return self._clock.wall_ns()
