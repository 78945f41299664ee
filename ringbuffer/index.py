"""What footage there is, by media time: the pure half of the ring. No files, no clock, no lock.

Rows are in file order, (attempt, seq), which is also the order of media time. Searches scan: a ring holds some thousand
rows and is asked some times a second, and a scan is right whatever a hostile stream did to its times.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from core.protocols import SegmentRow
from core.times import ZERO_NS, Ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where reading begins: the rows from there to the end of the epoch, and the keyframe (None: sound only)."""

    rows: tuple[SegmentRow, ...]
    keyframe_ns: Ns | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Eviction:
    """Rows to let go for one reason: `age` or `bytes`."""

    reason: str
    rows: tuple[SegmentRow, ...]


class Index:
    """Closed segments, the visible part of the open one, and what is pinned."""

    def __init__(self, rows: Iterable[SegmentRow] = ()) -> None:
        self._rows = sorted(rows, key=_file_order)
        self._open: SegmentRow | None = None
        self._pins: dict[str, tuple[Ns, Ns]] = {}

    @property
    def rows(self) -> Sequence[SegmentRow]:
        """Closed segments."""
        return self._rows

    @property
    def total_bytes(self) -> int:
        """What the closed segments take."""
        return sum(row.bytes for row in self._rows)

    def add(self, row: SegmentRow) -> None:
        """A segment was closed."""
        insort(self._rows, row, key=_file_order)

    def remove(self, rows: Iterable[SegmentRow]) -> None:
        """Segments are gone."""
        gone = {row.name for row in rows}
        self._rows = [row for row in self._rows if row.name not in gone]

    def show_open(self, row: SegmentRow | None) -> None:
        """The part of the open segment that a reader may see; None when there is none."""
        self._open = row

    def pin(self, name: str, start_ns: Ns, end_ns: Ns) -> None:
        """Keep what is needed to show [start_ns, end_ns). The same name again replaces the range."""
        self._pins[name] = (start_ns, end_ns)

    def unpin(self, name: str) -> None:
        """Let go of a pin; an unknown name is fine."""
        self._pins.pop(name, None)

    def span(self) -> tuple[Ns, Ns]:
        """First and last media time that can be read; empty at 0 without footage."""
        return _span(self._visible())

    def epoch_at(self, at_ns: Ns) -> int | None:
        """The epoch that holds a time; in a hole between two the later one, past the end the last."""
        rows = list(self._visible())
        for row in rows:
            if at_ns < row.end_ns:
                return row.epoch
        return rows[-1].epoch if rows else None

    def epoch_span(self, at_ns: Ns) -> tuple[Ns, Ns]:
        """`span` within the epoch at a time."""
        return _span(self._epoch_rows(at_ns))

    def keyframes(self, start_ns: Ns, end_ns: Ns) -> list[Ns]:
        """Video keyframes in start..end, both included."""
        return [t for row in self._visible() for t in row.keyframes_ns if start_ns <= t <= end_ns]

    def start_at(self, start_ns: Ns) -> Start:
        """The last keyframe at or before a time within its epoch, else the next one; sound starts where asked."""
        rows = self._epoch_rows(start_ns)
        keyframes = [t for row in rows for t in row.keyframes_ns]
        if keyframes:
            keyframe_ns = max((t for t in keyframes if t <= start_ns), default=keyframes[0])
            first = next(i for i, row in enumerate(rows) if keyframe_ns in row.keyframes_ns)
            return Start(rows=tuple(rows[first:]), keyframe_ns=keyframe_ns)
        first = max((i for i, row in enumerate(rows) if row.start_ns <= start_ns), default=0)
        return Start(rows=tuple(rows[first:]), keyframe_ns=None)

    def needed_for(self, start_ns: Ns, end_ns: Ns) -> list[SegmentRow]:
        """Every row that showing [start_ns, end_ns) takes: from the keyframe's segment on, across epochs."""
        start = self.start_at(start_ns)
        if not start.rows:
            return []
        first = _file_order(start.rows[0])
        return [row for row in self._visible() if _file_order(row) >= first and row.start_ns < end_ns]

    def plan_eviction(self, *, keep_ns: Ns, keep_bytes: int) -> list[Eviction]:
        """Oldest first: what is older than `keep_ns`, then what exceeds `keep_bytes`; nothing that is pinned."""
        pinned = {row.name for pin in self._pins.values() for row in self.needed_for(*pin)}
        free = [row for row in self._rows if row.name not in pinned]
        oldest_ns = self.span()[1] - keep_ns
        old = [row for row in free if row.end_ns < oldest_ns]
        excess = self.total_bytes - sum(row.bytes for row in old) - keep_bytes
        heavy: list[SegmentRow] = []
        for row in (row for row in free if row.end_ns >= oldest_ns):
            if excess <= 0:
                break
            heavy.append(row)
            excess -= row.bytes
        planned = (Eviction(reason="age", rows=tuple(old)), Eviction(reason="bytes", rows=tuple(heavy)))
        return [eviction for eviction in planned if eviction.rows]

    def _visible(self) -> Iterator[SegmentRow]:
        return chain(self._rows, (self._open,) if self._open else ())

    def _epoch_rows(self, at_ns: Ns) -> list[SegmentRow]:
        epoch = self.epoch_at(at_ns)
        return [row for row in self._visible() if row.epoch == epoch]


def _file_order(row: SegmentRow) -> tuple[int, int]:
    return row.attempt, row.seq


def _span(rows: Iterable[SegmentRow]) -> tuple[Ns, Ns]:
    rows = list(rows)
    if not rows:
        return ZERO_NS, ZERO_NS
    return min(row.start_ns for row in rows), max(row.end_ns for row in rows)
