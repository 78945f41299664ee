"""The machine's clock behind `core.protocols.Clock`; tests hand in their own."""

from __future__ import annotations

import asyncio
import time

from core.times import to_s


class SystemClock:
    """CLOCK_BOOTTIME for durations: it goes on while the machine sleeps, and no one can set it."""

    def boottime_ns(self) -> int:
        """Nanoseconds since boot, suspend included; the same in every process of this machine."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def wall_ns(self) -> int:
        """UTC as nanoseconds since 1970; for labels and PROGRAM-DATE-TIME, never for durations."""
        return time.time_ns()

    async def sleep(self, duration_ns: int) -> None:
        """Wait. The event loop's own clock stands still in a suspend, so a sleep may then last longer."""
        await asyncio.sleep(to_s(max(0, duration_ns)))
