"""Frame rates as exact fractions, and timecode with and without dropped numbers (SMPTE ST 12-1). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

from core.times import NS_PER_S, Ns, ns_to_ticks, ticks_to_ns

# What Final Cut Pro, Premiere Pro and DaVinci Resolve all offer for a project, slowest first.
STANDARD: Final = (
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
)
SOUND_ONLY: Final = Fraction(30)  # editors count sound in frames too
_DROPS: Final = frozenset({Fraction(30000, 1001), Fraction(60000, 1001)})
_NEARLY: Final = Fraction(1, 100)  # a source that loses a frame now and then is still of its rate
_TIMECODE: Final = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.,])(\d\d)\Z")


@dataclass(frozen=True, slots=True)
class Rate:
    """Frames a second as an editor counts them. Raises ValueError for a rate that is not in STANDARD.

    `drop`: timecode leaves out numbers so that it keeps up with the clock; only at 29.97 and 59.94.
    """

    fps: Fraction
    drop: bool = False

    def __post_init__(self) -> None:
        if self.fps not in STANDARD:
            raise ValueError(f"{self.fps} frames a second is no rate of an editor")
        if self.drop and self.fps not in _DROPS:
            raise ValueError(f"nothing is dropped at {self.fps} frames a second")

    @property
    def counted(self) -> int:
        """What timecode counts to in a second: 30 at 29.97."""
        return -(-self.fps.numerator // self.fps.denominator)

    @property
    def ntsc(self) -> bool:
        """Whether it is 1000/1001 of what is counted."""
        return self.fps.denominator == 1001

    def frames(self, t_ns: int) -> int:
        """The frame nearest to a time."""
        return ns_to_ticks(t_ns, 1 / self.fps)

    def time(self, frames: int) -> Ns:
        """When a frame begins."""
        return ticks_to_ns(frames, 1 / self.fps)

    @property
    def _dropped(self) -> int:
        """Numbers left out at the begin of every minute but each tenth: two of 30, four of 60."""
        return self.counted // 15 if self.drop else 0

    def timecode(self, frames: int) -> str:
        """`hh:mm:ss:ff`, or `hh:mm:ss;ff` with numbers dropped; begins anew after 24 hours."""
        minute = self.counted * 60 - self._dropped
        ten = self.counted * 600 - 9 * self._dropped
        tens, rest = divmod(frames % (ten * 144), ten)
        later = max(0, rest - self._dropped) // minute  # the first minute of ten is whole
        number = tens * self.counted * 600 + rest + later * self._dropped
        seconds, frame = divmod(number, self.counted)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        return f"{clock}{';' if self.drop else ':'}{frame:02d}"

    def count(self, timecode: str) -> int:
        """The frame a timecode names. Raises ValueError for another form and for a number that is left out."""
        match = _TIMECODE.match(timecode)
        if not match:
            raise ValueError(f"{timecode[:20]!r} is no timecode")
        hours, minutes, seconds, frame = (int(match[group]) for group in (1, 2, 3, 5))
        if hours > 23 or minutes > 59 or seconds > 59 or frame >= self.counted:
            raise ValueError(f"{timecode!r} is no timecode at {self.counted} frames a second")
        if minutes % 10 and not seconds and frame < self._dropped:
            raise ValueError(f"{timecode!r} is left out at this rate")
        all_minutes = hours * 60 + minutes
        number = (all_minutes * 60 + seconds) * self.counted + frame
        return number - self._dropped * (all_minutes - all_minutes // 10)


def nominal_rate(fps: Fraction) -> Fraction:
    """The rate an editor is told for footage of `fps` on average; SOUND_ONLY for 0.

    The standard one nearest to it, within 1 %; else the next faster, so that no frame is lost, or the fastest.
    """
    if fps <= 0:
        return SOUND_ONLY
    nearest = min(STANDARD, key=lambda rate: abs(rate - fps))
    if abs(nearest - fps) <= _NEARLY * fps:
        return nearest
    return next((rate for rate in STANDARD if rate > fps), STANDARD[-1])


def is_constant(times_ns: Sequence[Ns], fps: Fraction) -> bool:
    """Whether every picture lies where a counter of `fps` has it, to less than half a frame. `times_ns` in order."""
    if any(later <= earlier for earlier, later in pairwise(times_ns)):
        return False
    half = NS_PER_S / fps / 2
    return all(abs(t_ns - times_ns[0] - index * NS_PER_S / fps) < half for index, t_ns in enumerate(times_ns))
