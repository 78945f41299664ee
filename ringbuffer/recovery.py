"""What a ring's folder and its rows say after a crash, made one again. Idempotent: a crash in here changes nothing.

Known segments are trusted by name and size and never read (an hour of ring opens in well under 2 s, reliability.md 28);
only strays are: what was written but not yet journaled.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.media import Gap
from core.protocols import SegmentLog, SegmentRow
from core.times import ZERO_NS, Ns
from ringbuffer.containers import BY_SUFFIX
from ringbuffer.disk import Disk
from ringbuffer.names import PARTIAL, FoundName, SegmentName, parse_name
from ringbuffer.reader import scan


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryReport:
    """What opening a ring found. `end_ns` is where its footage ends, `epoch` the last epoch in it, None when empty."""

    end_ns: Ns = ZERO_NS
    epoch: int | None = None
    segments: int = 0
    recovered_segments: int = 0
    lost: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """The rows to go on with, and the first sequence number that no file of this attempt ever had."""

    rows: list[SegmentRow]
    next_seq: int
    report: RecoveryReport


@dataclass(slots=True)
class _State:
    """What is known so far, in file order."""

    rows: list[SegmentRow]
    recovered: int = 0
    lost: list[Gap] = field(default_factory=list)

    @property
    def end_ns(self) -> Ns:
        return max((row.end_ns for row in self.rows), default=ZERO_NS)


def newest_attempt(ring: Path) -> int:
    """The highest attempt that any file under a session's `ring` folder names; 0 without files."""
    names = (parse_name(path.name) for path in ring.glob("*/*"))
    return max((found.name.attempt for found in names if found), default=0)


def recover(folder: Path, log: SegmentLog, disk: Disk, *, attempt: int) -> Recovered:
    """Reconcile. Raises OSError, and what the log raises."""
    with os.scandir(folder) as entries:
        sizes = {entry.name: entry.stat().st_size for entry in entries}
    logged = sorted((row for row in log.segments() if row.track == folder.name), key=lambda row: (row.attempt, row.seq))
    found = sorted(name for name in map(parse_name, sizes) if name)
    used = [row.seq for row in logged if row.attempt == attempt]
    used += [name.seq for name, _ in found if name.attempt == attempt]
    state = _State([])
    _keep_known(state, logged, sizes, log)
    _settle_strays(state, logged, found, folder, log, disk)
    report = RecoveryReport(
        end_ns=state.end_ns,
        epoch=state.rows[-1].epoch if state.rows else None,
        segments=len(state.rows),
        recovered_segments=state.recovered,
        lost=tuple(state.lost),
    )
    return Recovered(rows=state.rows, next_seq=max(used, default=-1) + 1, report=report)


def _keep_known(state: _State, logged: Sequence[SegmentRow], sizes: dict[str, int], log: SegmentLog) -> None:
    """Rows whose file is gone or has another size become gaps; the ledger hears of it before the row goes."""
    lost: list[SegmentRow] = []
    for row in logged:
        (state.rows if sizes.get(row.name) == row.bytes else lost).append(row)
    for row in lost:
        _lose(state, Gap(start_ns=row.start_ns, end_ns=row.end_ns, reason="segment_lost"), log)
    if lost:
        log.evict_segments(lost, reason="lost")


def _settle_strays(
    state: _State,
    logged: Sequence[SegmentRow],
    found: Sequence[FoundName],
    folder: Path,
    log: SegmentLog,
    disk: Disk,
) -> None:
    """Adopt what was written last and not journaled; remove what eviction or a failed write left behind."""
    known = {row.name for row in state.rows}
    newest = max(((row.attempt, row.seq) for row in logged), default=(-1, -1))
    changed = False
    for name, partial in found:
        path = folder / (name.file + (PARTIAL if partial else ""))
        if name.file in known and not partial:
            continue
        row = None if name[:2] <= newest else _adopt(state, name, path, log, disk)
        if row is None:
            disk.unlink(path)
        else:
            log.add_segment(row)
            state.rows.append(row)
            state.recovered += 1
        changed = True
    if changed:
        disk.sync_folder(folder)


def _lose(state: _State, gap: Gap, log: SegmentLog) -> None:
    log.add_gap(gap)
    state.lost.append(gap)


def _adopt(state: _State, name: SegmentName, path: Path, log: SegmentLog, disk: Disk) -> SegmentRow | None:
    """Cut a stray to its whole pieces and give it its name; None when nothing in it is worth it.

    A partial file without one whole piece never held anything that was told. One with its final name did: that is a
    gap, of no length, since how much time it held is unknown.
    """
    container = BY_SUFFIX[name.suffix]
    data = path.read_bytes()
    whole = data[: container.whole(data)]
    found = scan(container, whole, state.end_ns) if whole else None
    if found is None:
        if path.name == name.file:
            _lose(state, Gap(start_ns=state.end_ns, end_ns=state.end_ns, reason="segment_damaged"), log)
        return None
    if state.rows and state.rows[-1].epoch == found.epoch and found.start_ns <= state.rows[-1].start_ns:
        return None  # written a second time after a disk error
    final = path.with_name(name.file)
    disk.cut(path, len(whole))
    if path != final:
        disk.rename(path, final)
    disk.sync_folder(path.parent)
    return SegmentRow(
        track=path.parent.name,
        attempt=name.attempt,
        seq=name.seq,
        suffix=name.suffix,
        epoch=found.epoch,
        start_ns=found.start_ns,
        end_ns=found.end_ns,
        keyframes_ns=found.keyframes_ns,
        bytes=found.bytes,
        crc32=found.crc32,
        recovered=True,
    )
