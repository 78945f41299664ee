"""How much longer the disk lasts: grades by time-to-full and bytes, and a ballast that is given up last.

Levels: reliability.md section 3, items 45 and 46. The workers' rings bound themselves (`ring.max_gb`); what grows is
clips, and other programs.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

import structlog

from core.times import NS_PER_S

BALLAST_BYTES: Final = 256 << 20
RED_BYTES: Final = 512 << 20
SMOOTHING: Final = 0.2  # of one look in the rate; looks are 5 s apart, so a minute decides
log = structlog.get_logger()


class Grade(IntEnum):
    """GREEN: as it should be. YELLOW: said. ORANGE: nothing new begins. RED: the ballast goes, captures stop."""

    GREEN = 0
    YELLOW = 1
    ORANGE = 2
    RED = 3


@dataclass(frozen=True, slots=True)
class Usage:
    """A look at a volume. `rate` is bytes a second that it loses, below zero where it gains."""

    at_ns: int
    total: int
    free: int
    rate: float = 0.0

    def later(self, at_ns: int, total: int, free: int) -> Usage:
        """The next look, with the smoothed rate."""
        passed_s = (at_ns - self.at_ns) / NS_PER_S
        if passed_s <= 0:
            return self
        now = (self.free - free) / passed_s
        return Usage(at_ns, total, free, (1 - SMOOTHING) * self.rate + SMOOTHING * now)

    @property
    def left_s(self) -> float:
        """How long until it is full, at this rate."""
        return self.free / self.rate if self.rate > 0 else float("inf")


def grade(usage: Usage) -> Grade:
    """The worse of what time and bytes say. A big disk with little left of it is full slowly: bytes alone never grade
    above YELLOW while more than ten times the red line is free."""
    share = usage.free / usage.total if usage.total else 0.0
    roomy = usage.free > 10 * RED_BYTES
    if usage.free < RED_BYTES or usage.left_s < 180:
        return Grade.RED
    if usage.left_s < 600 or (share < 0.05 and not roomy):
        return Grade.ORANGE
    if usage.left_s < 1800 or share < 0.15:
        return Grade.YELLOW
    return Grade.GREEN


class Disk:
    """The volume of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ballast = folder / "ballast"
        self.usage: Usage | None = None

    def free(self) -> float:
        """Bytes, now; NaN where the volume does not say."""
        try:
            stat = os.statvfs(self._folder)
        except OSError:
            return float("nan")
        return float(stat.f_bavail * stat.f_frsize)

    def look(self, now_ns: int) -> Grade:
        """Every 5 s. RED gives the ballast back to the volume once; GREEN lays it down again."""
        stat = os.statvfs(self._folder)
        total, free = stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize
        self.usage = self.usage.later(now_ns, total, free) if self.usage else Usage(now_ns, total, free)
        found = grade(self.usage)
        if found is Grade.RED and self._ballast.exists():
            log.error("disk.ballast_given_up", free_mb=free >> 20)
            self._ballast.unlink(missing_ok=True)
        elif found is Grade.GREEN and not self._ballast.exists():
            self._lay()
        return found

    def _lay(self) -> None:
        """Blocks that are really there, not a hole. A volume that cannot (or does not want to) goes without."""
        with contextlib.suppress(OSError):
            part = self._ballast.with_suffix(".part")
            try:
                with part.open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
                part.rename(self._ballast)
            finally:
                part.unlink(missing_ok=True)
