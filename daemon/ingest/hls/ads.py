"""Which segments of a playlist are advertising, by what its tags say; nothing is guessed. Pure.

Twitch stitches adverts in place of the stream and dates them (`EXT-X-DATERANGE` of class twitch-stitched-ad, as
streamlink's plugin reads it); broadcasters mark breaks with `EXT-X-CUE-OUT` ... `EXT-X-CUE-IN`, or with dated SCTE-35
splices (RFC 8216 4.3.2.7.1). A break without an end ends with its stated length, or with the last segment listed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from core.times import NS_PER_S, utc_ns

MAX_RANGES: Final = 500  # a playlist of 2 MB holds more, none that is meant
MAX_BREAK_S: Final = 1800.0  # a longer one is a mistake; what comes then is taken again, see Window
_TWITCH_CLASS: Final = "twitch-stitched-ad"
_TWITCH_ID: Final = "stitched-ad-"
_NUMBER: Final = re.compile(r"\d{1,6}(?:\.\d{1,9})?")


class AdTags:
    """What a playlist's tags say, in their order; `cued` answers for the segment that comes next."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []
        self._inside = False
        self._left_ns: int | None = None  # of the break; None: unknown

    def daterange(self, attributes: Mapping[str, str]) -> None:
        """`EXT-X-DATERANGE`: one that is no advert, or has no length, says nothing."""
        twitch = attributes.get("CLASS") == _TWITCH_CLASS or attributes.get("ID", "").startswith(_TWITCH_ID)
        start_ns, length_s = _date_ns(attributes.get("START-DATE")), _length_s(attributes)
        if (twitch or "SCTE35-OUT" in attributes) and start_ns is not None and length_s is not None:
            del self._ranges[: -MAX_RANGES + 1]
            self._ranges.append((start_ns, start_ns + round(length_s * NS_PER_S)))

    def cue_out(self, value: str) -> None:
        """`EXT-X-CUE-OUT:30`, `:DURATION=30`, or with nothing: a break begins."""
        found = _NUMBER.search(value)
        self._inside, self._left_ns = True, None if found is None else _bounded_ns(float(found[0]))

    def cue_out_cont(self, value: str) -> None:
        """`EXT-X-CUE-OUT-CONT:10/30`, `:ElapsedTime=10,Duration=30`: it goes on; the window may begin inside it."""
        numbers = [float(text) for text in _NUMBER.findall(value)[:2]]
        if len(numbers) == 2 and numbers[0] <= numbers[1]:
            self._left_ns = _bounded_ns(numbers[1] - numbers[0])
        elif not self._inside:
            self._left_ns = None
        self._inside = True

    def cue_in(self) -> None:
        """`EXT-X-CUE-IN`: the stream goes on."""
        self._inside = False

    def cued(self, duration_ns: int) -> bool:
        """Whether the next segment, of this length, is in a break."""
        inside = self._inside
        if inside and self._left_ns is not None:
            self._left_ns -= duration_ns
            self._inside = self._left_ns > duration_ns // 2
        return inside

    def dated(self, pdt_ns: int | None) -> bool:
        """Whether a segment of this date is in a dated break; asked when all tags are known."""
        return pdt_ns is not None and any(start <= pdt_ns < end for start, end in self._ranges)


def _date_ns(text: str | None) -> int | None:
    """UTC ns of an ISO 8601 date; None when it is none."""
    try:
        return None if text is None or len(text) > 40 else utc_ns(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def _length_s(attributes: Mapping[str, str]) -> float | None:
    for name in ("DURATION", "PLANNED-DURATION"):
        found = _NUMBER.fullmatch(attributes.get(name, ""))
        if found is not None and 0 < float(found[0]) <= MAX_BREAK_S:
            return float(found[0])
    start_ns, end_ns = _date_ns(attributes.get("START-DATE")), _date_ns(attributes.get("END-DATE"))
    if start_ns is None or end_ns is None or not 0 < end_ns - start_ns <= MAX_BREAK_S * NS_PER_S:
        return None
    return (end_ns - start_ns) / NS_PER_S


def _bounded_ns(length_s: float) -> int:
    return round(min(length_s, MAX_BREAK_S) * NS_PER_S)
