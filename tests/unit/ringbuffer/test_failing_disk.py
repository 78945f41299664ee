"""Every change to the disk fails once, and then for good: nothing half is left, nothing acknowledged is lost."""

from __future__ import annotations

import errno
import itertools
from pathlib import Path

import pytest

from core.errors import StorageError
from core.times import Ns, ns
from ringbuffer import OsDisk, Ring, RingOptions
from tests.unit.ringbuffer.kit import FULL_OR_FAILING, FailingDisk, MemoryLog, Stream, crash, epoch

OPTIONS = RingOptions(segment_s=1.0, flush_s=0.4)
SHORT_WRITE = 0


def record(ring: Ring, stream: Stream) -> StorageError | None:
    """A whole recording; what stopped it."""
    try:
        ring.begin_epoch(epoch(), stream.tracks)
        for packet in stream.packets:
            ring.append(packet)
        ring.close()
    except StorageError as err:
        return err
    return None


def assert_whole(folder: Path, log: MemoryLog, stream: Stream) -> None:
    """After the next start every row has its file, every file its row, and all of it reads back as it was put in."""
    ring = Ring.open(folder, log, OPTIONS, attempt=2)
    files = {path.name: path.stat().st_size for path in (folder / "main").iterdir()}
    assert files == {row.name: row.bytes for row in log.segments()}
    if log.segments():
        start_ns, end_ns = ring.span()
        assert {p.data for p in ring.read(start_ns, Ns(end_ns + ns(1)))} <= {p.data for p in stream.packets}
    ring.close()


@pytest.mark.parametrize("error", [*FULL_OR_FAILING, SHORT_WRITE])
def test_a_disk_that_fails_once_costs_nothing(error: int, talk: Stream, tmp_path: Path) -> None:
    """The Nth call fails for N = 1, 2, ... until a whole recording passes: memory goes to a new file."""
    stream = talk.until(ns(2.5))
    for nth in itertools.count(1):
        folder, log, disk = tmp_path / str(nth), MemoryLog(), FailingDisk(nth, error)
        assert record(Ring.open(folder, log, OPTIONS, attempt=1, disk=disk), stream) is None
        assert log.gaps == []
        assert max(row.end_ns for row in log.segments()) == pytest.approx(stream.end_ns, abs=2)
        assert_whole(folder, log, stream)
        if not disk.failed:
            break
    assert nth > 15


@pytest.mark.parametrize("error", FULL_OR_FAILING)
def test_a_disk_that_fails_for_good_loses_no_closed_segment(error: int, talk: Stream, tmp_path: Path) -> None:
    """The worker is told, with a code and a remedy; what was closed before is there, the hole is in the ledger."""
    stream = talk.until(ns(2.5))
    for nth in itertools.count(1):
        folder, log, disk = tmp_path / str(nth), MemoryLog(), FailingDisk(nth, error, for_good=True)
        ring = Ring.open(folder, log, OPTIONS, attempt=1, disk=disk)
        err, acknowledged = record(ring, stream), set(log.rows)
        if not disk.failed:
            break
        assert err is not None
        assert err.code == ("disk_io" if error == errno.EIO else "disk_full")
        assert str(folder) in str(err)
        if error == errno.EIO and acknowledged != set(log.rows):
            assert [gap.reason for gap in log.gaps] == ["disk_io"]
        close_quietly(ring)  # the disk stays broken while the worker goes down
        assert_whole(folder, log, stream)
        assert acknowledged <= set(log.rows)
    assert nth > 15


def close_quietly(ring: Ring) -> None:
    """What a worker does on its way out."""
    try:
        ring.close()
    except StorageError:
        return


def test_a_full_disk_first_gives_up_old_footage(talk: Stream, tmp_path: Path) -> None:
    """All unpinned footage older than a minute goes before recording stops."""
    log = MemoryLog()
    disk = FailingDisk(fail_at=10**9, error=errno.ENOSPC)
    ring = Ring.open(tmp_path, log, OPTIONS, attempt=1, disk=disk)
    ring.begin_epoch(epoch(), talk.tracks)
    for n in range(10):
        for packet in talk.moved(n * ns(8)).packets:
            ring.append(packet)
    ring.pin("clip", ns(3), ns(4))
    disk.fail_at = disk.calls + 1
    for packet in talk.moved(ns(80)).packets:
        ring.append(packet)
    ring.close()
    assert disk.failed
    assert ring.evicted["disk_full"] > 10
    assert {reason for _, reason in log.evicted} == {"disk_full"}
    assert list(ring.read(ns(3), ns(4)))
    assert not [row for row in log.segments() if ns(6) < row.end_ns < ns(19)]
    assert ring.span()[1] == pytest.approx(ns(88), abs=ns(0.1))


def test_a_file_that_cannot_be_removed_goes_at_the_next_start(talk: Stream, tmp_path: Path) -> None:
    """A failed unlink neither stops the recording nor brings footage back."""
    log = MemoryLog()
    ring = Ring.open(tmp_path, log, RingOptions(segment_s=1.0, minutes=2 / 60), attempt=1, disk=StickyDisk())
    assert record(ring, talk) is None
    assert ring.evicted["left_behind"] == ring.evicted["age"] > 2
    assert_whole(tmp_path, log, talk)


class StickyDisk(OsDisk):
    """Keeps every file."""

    def unlink(self, path: Path) -> None:
        """Refused."""
        raise OSError(errno.EROFS, f"Read-only file system: {path}")


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_at_start_is_a_storage_error(error: int, talk: Stream, tmp_path: Path) -> None:
    """Recovery cannot write either: the code says why, and the folder is free for the next try."""
    log = MemoryLog()
    folder = crash(tmp_path, log, talk.until(ns(3)), OPTIONS)
    with pytest.raises(StorageError) as refused:
        Ring.open(folder, log, OPTIONS, attempt=2, disk=FailingDisk(1, error))
    assert refused.value.code == ("disk_io" if error == errno.EIO else "disk_full")
    assert_whole(folder, log, talk)
