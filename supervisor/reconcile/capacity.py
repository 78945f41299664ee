"""What this machine can take: cores and memory that are there, and whether its disk has room, or too little."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

from configs.streams import SupervisorOptions
from core.protocols import Clock
from core.times import ns
from supervisor.disk import Disk, Grade
from supervisor.reconcile.values import Capacity

LOOK_NS: Final = ns(5)  # reliability.md section 3, item 46
SHED_NS: Final = ns(10)  # between two workers that end because the disk is red: what one sets free shows in two looks
CALM_NS: Final = ns(60)  # not red for this long before anything starts: who has just been ended is not why it is calm


class Pressure:
    """What the grades of a disk, one after the other, mean for workers. Pure."""

    def __init__(self) -> None:
        self._shed_ns: int | None = None
        self._red_ns: int | None = None

    def step(self, grade: Grade, now_ns: int) -> tuple[bool, bool]:
        """Whether workers may start, and whether one has to end now."""
        if grade is Grade.RED:
            self._red_ns = now_ns
        shed = grade is Grade.RED and (self._shed_ns is None or now_ns - self._shed_ns >= SHED_NS)
        if shed:
            self._shed_ns = now_ns
        calm = self._red_ns is None or now_ns - self._red_ns >= CALM_NS
        return grade < Grade.ORANGE and calm, shed


class Machine:
    """`capacity` is asked each tick and looks at the disk every 5 s."""

    def __init__(self, options: SupervisorOptions, disk: Disk, clock: Clock) -> None:
        self._options, self._disk, self._clock = options, disk, clock
        self._grade, self._looked_ns = Grade.GREEN, -LOOK_NS
        self._pressure = Pressure()
        cpus = len(os.sched_getaffinity(0))
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        shares = {name: quota.streams for name, quota in options.quotas.items() if quota.streams is not None}
        self._room = Capacity(cpus=cpus, memory_bytes=memory, streams=options.streams_at_once, shares=shares)

    @property
    def grade(self) -> Grade:
        """Of the disk, as last looked at."""
        return self._grade

    def capacity(self) -> Capacity:
        """What may be used now."""
        now_ns = self._clock.boottime_ns()
        if now_ns - self._looked_ns >= LOOK_NS:
            self._grade, self._looked_ns = self._disk.look(now_ns), now_ns
        disk_ok, shed = self._pressure.step(self._grade, now_ns)
        return replace(self._room, disk_ok=disk_ok, shed=shed)
