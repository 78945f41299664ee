"""The machine's clock."""

from __future__ import annotations

import time

from core.protocols import Clock
from telemetry import SystemClock


async def test_the_system_clock_counts_from_boot_and_sleeps() -> None:
    """A sleep takes at least as long as asked; a negative one returns at once."""
    clock: Clock = SystemClock()
    start_ns = clock.boottime_ns()
    await clock.sleep(2_000_000)
    await clock.sleep(-5)
    assert clock.boottime_ns() - start_ns >= 2_000_000
    boot_ns, wall_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME), time.time_ns()
    said_boot_ns, said_wall_ns = clock.boottime_ns(), clock.wall_ns()
    assert boot_ns <= said_boot_ns <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert wall_ns - 10**9 < said_wall_ns < time.time_ns() + 10**9
