"""Clocks for real processes and real sockets, that a virtual clock would run away from."""

from __future__ import annotations

from typing import Final

from telemetry import SystemClock


class FastClock(SystemClock):
    """The machine's clock, `speed` times as fast from its making on."""

    def __init__(self, speed: int) -> None:
        self._speed = speed
        self._zero_ns = super().boottime_ns()
        self._wall_zero_ns = super().wall_ns()

    def boottime_ns(self) -> int:
        """Scaled."""
        return self._zero_ns + (super().boottime_ns() - self._zero_ns) * self._speed

    def wall_ns(self) -> int:
        """Scaled from the same moment."""
        return self._wall_zero_ns + (super().wall_ns() - self._wall_zero_ns) * self._speed

    async def sleep(self, duration_ns: int) -> None:
        """Shorter by the same factor."""
        await super().sleep(duration_ns // self._speed)


class PatientClock(SystemClock):
    """The machine's clock, which passes over the time that this process stood still: nobody looks at it then."""

    STEP_NS: Final = 50_000_000  # the longest time between two looks

    def __init__(self) -> None:
        self._now_ns = self._seen_ns = super().boottime_ns()

    def boottime_ns(self) -> int:
        """Since the last look, STEP_NS at most."""
        seen_ns = super().boottime_ns()
        self._now_ns += min(seen_ns - self._seen_ns, self.STEP_NS)
        self._seen_ns = seen_ns
        return self._now_ns
