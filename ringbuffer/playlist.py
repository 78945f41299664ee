"""The DVR list: closed segments of a ring as an HLS media playlist (RFC 8216). Pure: text in, text out.

Players that hold an older copy have to find their place again, so entries only leave at the front, one number each, and
the numbers go on after a restart (`Numbers`, read from the list before it).
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from core.protocols import SegmentRow
from core.times import NS_PER_S, Ns

MAX_LISTED: Final = 5_400  # 3 h of 2 s: what a player can be asked to load again every segment (half a megabyte)
HOLE_NS: Final = NS_PER_S // 2  # timestamps that leap by more are a discontinuity to a player
SHORTEST_NS: Final = 1_000_000
_NUMBER: Final = re.compile(r"#EXT-X-(MEDIA-SEQUENCE|DISCONTINUITY-SEQUENCE|TARGETDURATION):(\d{1,15})$")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Header(NamedTuple):
    """A segment's own initialisation section: the file that holds a copy, and its length in the segment."""

    init: str
    length: int


class Numbers(NamedTuple):
    """What an earlier list has promised. `breaks`: by entry, whether a discontinuity was announced before it."""

    first: int = 0
    first_break: int = 0
    target_s: int = 0
    ended: bool = False
    uris: tuple[str, ...] = ()
    breaks: tuple[bool, ...] = ()

    @classmethod
    def read(cls, text: str) -> Numbers:
        """From a list of ours; what is not understood is left out."""
        found: dict[str, int] = {}
        uris, breaks, broken, ended = [], [], False, False
        for line in text.splitlines():
            number = _NUMBER.match(line)
            if number:
                found[number[1]] = int(number[2])
            elif line == "#EXT-X-DISCONTINUITY":
                broken = True
            elif line == "#EXT-X-ENDLIST":
                ended = True
            elif line and not line.startswith("#"):
                uris.append(line)
                breaks.append(broken)
                broken = False
        first, first_break = found.get("MEDIA-SEQUENCE", 0), found.get("DISCONTINUITY-SEQUENCE", 0)
        return cls(first, first_break, found.get("TARGETDURATION", 0), ended, tuple(uris), tuple(breaks))

    def continued(self, uris: Sequence[str]) -> int:
        """The first of the ring's segments, oldest first, from which the new list can go on without a hole."""
        place = {uri: index for index, uri in enumerate(self.uris)}
        start, expected = len(uris), len(self.uris) - 1
        met = False
        for index in range(len(uris) - 1, -1, -1):
            listed = place.get(uris[index])
            if (listed is None and met) or (listed is not None and listed != expected):
                break
            if listed is not None:
                met, expected = True, expected - 1
            start = index
        return start


@dataclass(frozen=True, slots=True)
class _Entry:
    uri: str
    end_ns: Ns
    row: SegmentRow
    broken: bool
    init: str | None
    text: str  # without its discontinuity and its map
    duration_s: float


class DvrPlaylist:
    """Entries in file order. `target_s`: the length that segments are cut to, with what a cut may be late."""

    def __init__(self, *, target_s: float, numbers: Numbers | None = None) -> None:
        self._entries: deque[_Entry] = deque()
        self._numbers = numbers if numbers != Numbers() else None
        self._first = self._first_break = 0
        self._target_s = max(math.ceil(target_s), numbers.target_s if numbers is not None else 0)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def uris(self) -> tuple[str, ...]:
        """What is listed."""
        return tuple(entry.uri for entry in self._entries)

    @property
    def inits(self) -> frozenset[str]:
        """Files with initialisation sections that the list names."""
        return frozenset(entry.init for entry in self._entries if entry.init is not None)

    def add(self, row: SegmentRow, *, wall_ns: int | None, header: Header | None = None) -> None:
        """A closed segment. `wall_ns`: UTC of its start, where known. One of another container begins the list anew:
        no tag says that a map has ended."""
        if self._entries and self._entries[-1].row.suffix != row.suffix:
            self._drop(len(self._entries))
        uri = _uri(row)
        before = self._entries[-1] if self._entries else None
        continues = before is not None and before.row.epoch == row.epoch
        start_ns = max(row.start_ns, before.end_ns) if before is not None and continues else row.start_ns
        duration_ns = max(row.end_ns - start_ns, SHORTEST_NS)
        if wall_ns is not None:
            wall_ns += start_ns - row.start_ns
        broken = self._take_number(uri) if before is None else not continues or start_ns - before.end_ns > HOLE_NS
        self._entries.append(
            _Entry(
                uri=uri,
                end_ns=max(row.end_ns, before.end_ns) if before is not None and continues else row.end_ns,
                row=row,
                broken=broken,
                init=header.init if header else None,
                text=_text(row, uri, duration_ns, wall_ns, header),
                duration_s=duration_ns / NS_PER_S,
            )
        )
        self._target_s = max(self._target_s, math.ceil(duration_ns / NS_PER_S))
        self._drop(len(self._entries) - MAX_LISTED)

    def remove(self, names: frozenset[str]) -> bool:
        """Segments are gone: so is what lies before the last of them, also when a pin still keeps it on disk, since
        entries can only leave at the front. Whether the list is another one now."""
        gone = max((index for index, entry in enumerate(self._entries, 1) if entry.row.name in names), default=0)
        self._drop(gone)
        return gone > 0

    def text(self, *, ended: bool) -> str:
        """The list as a player loads it."""
        lines = [
            f"#EXTM3U\n#EXT-X-VERSION:{7 if self.inits else 3}\n#EXT-X-TARGETDURATION:{self._target_s}\n"
            f"#EXT-X-MEDIA-SEQUENCE:{self._first}\n#EXT-X-DISCONTINUITY-SEQUENCE:{self._first_break}\n"
        ]
        init = None
        for entry in self._entries:
            if entry.broken:
                lines.append("#EXT-X-DISCONTINUITY\n")
            if entry.init != init and entry.init is not None:
                lines.append(f'#EXT-X-MAP:URI="{entry.init}"\n')
            init = entry.init
            lines.append(entry.text)
        return "".join([*lines, "#EXT-X-ENDLIST\n" if ended else ""])

    def _take_number(self, uri: str) -> bool:
        """Of the first entry: where the list before has it, else behind that list. Whether a break was announced."""
        numbers, self._numbers = self._numbers, None
        if numbers is None:
            return False
        index = numbers.uris.index(uri) if uri in numbers.uris else len(numbers.uris)
        self._first = numbers.first + index
        self._first_break = numbers.first_break + sum(numbers.breaks[:index])
        return numbers.breaks[index] if index < len(numbers.breaks) else True

    def _drop(self, count: int) -> None:
        for _ in range(count):
            entry = self._entries.popleft()
            self._first += 1
            self._first_break += entry.broken
        if count > 0 and not self._entries:
            self._numbers = Numbers(first=self._first, first_break=self._first_break)


def _uri(row: SegmentRow) -> str:
    return f"{row.track}/{row.name}"


def _text(row: SegmentRow, uri: str, duration_ns: int, wall_ns: int | None, header: Header | None) -> str:
    date = "" if wall_ns is None else _date(wall_ns)
    part = f"#EXT-X-BYTERANGE:{row.bytes - header.length}@{header.length}\n" if header else ""
    return f"{date}#EXTINF:{duration_ns / NS_PER_S:.3f},\n{part}{uri}\n"


def _date(wall_ns: int) -> str:
    """Nothing for a time that no calendar has: dates come from the stream."""
    try:
        at = _EPOCH + timedelta(milliseconds=wall_ns // 1_000_000)
    except OverflowError:
        return ""
    return f"#EXT-X-PROGRAM-DATE-TIME:{at.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z\n"
