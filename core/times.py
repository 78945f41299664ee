"""Media time: integer nanoseconds, and the doors between ticks, nanoseconds and seconds. Pure.

Decisions use media time only; durations of our own work come from a `Clock` (see core.protocols).
"""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Final, NewType

Ns = NewType("Ns", int)
NS_PER_S: Final = 1_000_000_000
ZERO_NS: Final = Ns(0)
FOREVER_NS: Final = Ns(2**62)  # later than any media


def ns(seconds: float) -> Ns:
    """Seconds to nanoseconds, rounded to the nearest; the door for settings and model output."""
    return Ns(round(seconds * NS_PER_S))


def to_s(value_ns: int) -> float:
    """Nanoseconds to seconds; the door for JSON lines, metrics and people."""
    return value_ns / NS_PER_S


def ticks_to_ns(ticks: int, time_base: Fraction) -> Ns:
    """Round half up, so that ns_to_ticks gives the same tick back."""
    num, den = time_base.numerator * NS_PER_S, time_base.denominator
    return Ns((2 * ticks * num + den) // (2 * den))


def ns_to_ticks(value_ns: int, time_base: Fraction) -> int:
    """The tick nearest to a time, half up; inverse of ticks_to_ns for time bases coarser than 1 ns."""
    num, den = time_base.denominator, time_base.numerator * NS_PER_S
    return (2 * value_ns * num + den) // (2 * den)


def clock_text(value_ns: int) -> str:
    """`h:mm:ss.mmm` of a media time, for people."""
    total_ms = max(0, value_ns) // 1_000_000
    seconds, ms = divmod(total_ms, 1000)
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}.{ms:03d}"


def utc_ns(date: datetime) -> int:
    """UTC ns since 1970 of a date; one without a zone is taken as UTC."""
    aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1_000
