"""A segment that waits for its keyframe is as safe as several short ones would be."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from core.times import ns
from ringbuffer import OsDisk, Ring, RingOptions
from tests.unit.ringbuffer.kit import FULL_OR_FAILING, FailingDisk, MemoryLog, Stream, epoch

OPTIONS = RingOptions(segment_s=1.0, flush_s=0.2)


class WatchedDisk(OsDisk):
    """Remembers what each partial file held when it was last synced: that is what a power cut leaves."""

    def __init__(self) -> None:
        self.safe: dict[Path, bytes] = {}
        self._paths: dict[int, Path] = {}

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self._paths[fd] = path
        return fd

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self.safe[self._paths[fd]] = self._paths[fd].read_bytes()


def test_a_power_cut_costs_about_a_segments_length_of_a_long_one(endless: Stream, tmp_path: Path) -> None:
    """The open segment is synced every segment_s, its name too: what the next attempt finds lacks no more than that."""
    stream, disk = endless.until(ns(5.5)), WatchedDisk()
    ring = Ring.open(tmp_path / "a", MemoryLog(), OPTIONS, attempt=1, disk=disk)
    ring.begin_epoch(epoch(), stream.tracks)
    for packet in stream.packets:
        ring.append(packet)
    [(path, data)] = disk.safe.items()
    assert path.suffix == ".tmp"
    after = tmp_path / "b" / "main"
    after.mkdir(parents=True)
    (after / path.name).write_bytes(data)
    again = Ring.open(tmp_path / "b", log := MemoryLog(), OPTIONS, attempt=2)
    assert [row.recovered for row in log.segments()] == [True]
    assert again.span()[1] > stream.end_ns - ns(1.1 + 2 * OPTIONS.flush_s)
    assert next(again.read(ns(3), ns(4))).is_keyframe
    ring.close()
    again.close()


@pytest.mark.parametrize("error", FULL_OR_FAILING)
def test_a_disk_that_fails_once_inside_a_long_segment_costs_nothing(
    error: int, endless: Stream, tmp_path: Path
) -> None:
    """At each of its calls, the syncs of the open file among them: its bytes go to a new file, once."""
    stream = endless.until(ns(3.5))
    for nth in itertools.count(1):
        folder, log, disk = tmp_path / str(nth), MemoryLog(), FailingDisk(nth, error)
        ring = Ring.open(folder, log, OPTIONS, attempt=1, disk=disk)
        ring.begin_epoch(epoch(), stream.tracks)
        for packet in stream.packets:
            ring.append(packet)
        ring.close()
        [row] = log.segments()
        assert row.end_ns == pytest.approx(stream.end_ns, abs=2)
        assert {p.data for p in ring.read(ns(0), stream.end_ns)} == {p.data for p in stream.packets}
        if not disk.failed:
            break
    assert nth > 20
