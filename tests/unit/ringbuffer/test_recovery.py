"""What the next attempt finds after a crash: all that was acknowledged, the flushed part, gaps for what is gone."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import StorageError
from core.times import Ns, ns
from ringbuffer import OsDisk, Ring, RingOptions
from ringbuffer.framing import TS_PACKET
from tests.unit.ringbuffer.kit import FailingDisk, MemoryLog, Stream, crash, encode, epoch, load

OPTIONS = RingOptions(segment_s=1.0, flush_s=0.2)
NAMES = ["h264_aac", "vp9_opus", "vp8_vorbis", "aac"]


def reopen(ring: Path, log: MemoryLog, attempt: int = 2) -> Ring:
    """The next attempt."""
    return Ring.open(ring, log, OPTIONS, attempt=attempt)


def partials(ring: Path) -> list[Path]:
    """Files that recovery should have settled."""
    return list((ring / "main").glob("*.tmp"))


@pytest.mark.parametrize("name", NAMES)
def test_the_flushed_part_of_the_open_segment_is_recovered(name: str, ring_media: Path, tmp_path: Path) -> None:
    """After kill -9 at most what was not flushed is missing; the row says it was recovered; it can be read."""
    stream, log = load(encode(ring_media, name)).until(ns(3.7)), MemoryLog()
    ring = reopen(crash(tmp_path, log, stream, OPTIONS, number=7), log)
    assert ring.recovered.recovered_segments == 1
    assert [row.recovered for row in log.segments()][-2:] == [False, True]
    assert ring.recovered.end_ns > stream.end_ns - ns(0.6)
    assert ring.recovered.epoch == 7
    assert {row.epoch for row in log.segments()} == {7}
    assert ring.span()[1] == ring.recovered.end_ns
    assert ring.recovered.lost == ()
    assert not partials(tmp_path / "ring")
    got = list(ring.read(ns(0), ring.recovered.end_ns))
    put = [p for p in stream.packets if p.dts_ns < got[-1].dts_ns - ns(0.1)]
    assert {p.data for p in put} <= {p.data for p in got}


@pytest.mark.parametrize("name", NAMES)
def test_a_torn_write_costs_no_more_than_one_flush(name: str, ring_media: Path, tmp_path: Path) -> None:
    """The last write reached the disk in part: pictures cut in half are left out, whatever the byte."""
    stream, log = load(encode(ring_media, name)).until(ns(3.7)), MemoryLog()
    folder = crash(tmp_path, log, stream, OPTIONS)
    [partial] = partials(folder)
    whole = partial.read_bytes()
    sizes = {p.data for p in stream.packets}
    for number, cut in enumerate((len(whole) - 1, len(whole) * 2 // 3, len(whole) // 2 + 77)):
        copy, rows = tmp_path / f"copy{number}", replace(log, rows=dict(log.rows))
        shutil.copytree(folder, copy)
        (copy / "main" / partial.name).write_bytes(whole[:cut])
        ring = reopen(copy, rows)
        got = list(ring.read(Ns(0), ns(9)))
        assert {p.data for p in got} <= sizes
        assert not partials(copy)


def test_pages_that_never_reached_the_disk_end_a_transport_stream(talk: Stream, tmp_path: Path) -> None:
    """After a power cut a file may hold zeros: what comes before them is kept."""
    log = MemoryLog()
    folder = crash(tmp_path, log, talk.until(ns(3.7)), OPTIONS)
    [partial] = partials(folder)
    data = partial.read_bytes()
    partial.write_bytes(data[: len(data) // 2] + bytes(len(data) // 2))
    ring = reopen(folder, log)
    assert ring.recovered.recovered_segments == 1
    assert (folder / "main" / log.segments()[-1].name).stat().st_size % TS_PACKET == 0


def test_a_missing_file_becomes_a_gap(talk: Stream, tmp_path: Path) -> None:
    """Somebody deleted a segment, another lost a byte: two gaps in the ledger, the rest is there."""
    log = MemoryLog()
    folder = crash(tmp_path, log, talk, OPTIONS)
    gone, cut = log.segments()[1], log.segments()[3]
    (folder / "main" / gone.name).unlink()
    OsDisk().cut(folder / "main" / cut.name, cut.bytes - 1)
    ring = reopen(folder, log)
    assert [(g.start_ns, g.end_ns, g.reason) for g in log.gaps] == [
        (row.start_ns, row.end_ns, "segment_lost") for row in (gone, cut)
    ]
    assert ring.recovered.lost == tuple(log.gaps)
    assert log.evicted == [(gone.name, "lost"), (cut.name, "lost")]
    assert not (folder / "main" / cut.name).exists()


def test_a_finished_file_without_a_row_is_adopted(talk: Stream, tmp_path: Path) -> None:
    """Killed between the rename and the journal: the file is whole, it gets its row."""
    log = MemoryLog()
    folder = crash(tmp_path, log, talk, OPTIONS)
    [partial] = partials(folder)
    last = max(log.rows)
    row = log.rows.pop(last)
    partial.unlink()
    ring = reopen(folder, log)
    assert ring.recovered.recovered_segments == 1
    assert log.rows[last] == replace(row, recovered=True)


def test_what_eviction_left_behind_is_removed(talk: Stream, tmp_path: Path) -> None:
    """Killed between the row and the file: evicted footage does not come back."""
    log = MemoryLog()
    folder = crash(tmp_path, log, talk, OPTIONS)
    first = log.segments()[0]
    log.evict_segments([first], reason="age")
    ring = reopen(folder, log)
    assert not (folder / "main" / first.name).exists()
    assert ring.recovered.lost == ()


@pytest.mark.parametrize("data", [b"", b"\x00" * 5000, b"#EXTM3U\nfile:///etc/passwd\n", b"\x47" * 1880])
@pytest.mark.parametrize("finished", [True, False])
def test_a_file_that_is_no_media_is_removed(data: bytes, finished: bool, talk: Stream, tmp_path: Path) -> None:
    """The start of a first flush is nothing that was there before; a finished file was: a gap of unknown length."""
    log = MemoryLog()
    folder = crash(tmp_path, log, talk, OPTIONS)
    [partial] = partials(folder)
    partial.write_bytes(data)
    if finished:
        partial.rename(partial.with_suffix(""))
    ring = reopen(folder, log)
    assert ring.recovered.recovered_segments == 0
    assert [gap.reason for gap in log.gaps] == (["segment_damaged"] if finished else [])
    assert {path.name for path in (folder / "main").iterdir()} == set(log.rows)


def test_files_of_others_are_left_alone(talk: Stream, tmp_path: Path) -> None:
    """We remove what carries our names and nothing else."""
    log = MemoryLog()
    folder = crash(tmp_path, log, talk, OPTIONS)
    (folder / "main" / "notes.txt").write_text("mine")
    reopen(folder, log)
    assert (folder / "main" / "notes.txt").read_text() == "mine"


def test_a_new_attempt_takes_new_names_and_goes_on(talk: Stream, tmp_path: Path) -> None:
    """Even under an attempt number that was used before, no name comes twice; both attempts can be read."""
    log = MemoryLog()
    ring = reopen(crash(tmp_path, log, talk, OPTIONS), log, attempt=1)
    before = set(log.rows)
    start_ns = ring.recovered.end_ns + ns(5)
    later = talk.moved(start_ns)
    ring.begin_epoch(epoch(1, start_ns), later.tracks)
    for packet in later.packets:
        ring.append(packet)
    ring.close()
    assert before < set(log.rows)
    assert list(ring.read(ns(1), ns(2)))
    assert list(ring.read(Ns(start_ns + ns(1)), Ns(start_ns + ns(2))))


@pytest.mark.parametrize("name", NAMES)
def test_a_crash_during_recovery_changes_nothing(name: str, ring_media: Path, tmp_path: Path) -> None:
    """Recovery dies at its first change to the disk, then the second, until it comes through: always the same end."""
    stream, log = load(encode(ring_media, name)).until(ns(3.7)), MemoryLog()
    folder = crash(tmp_path, log, stream, OPTIONS)
    (folder / "main" / log.segments()[0].name).unlink()
    ends = set()
    for nth in range(1, 20):
        copy, rows = tmp_path / f"copy{nth}", replace(log, rows=dict(log.rows), evicted=list(log.evicted), gaps=[])
        shutil.copytree(folder, copy)
        disk = FailingDisk(nth, error=5, for_good=True)
        with contextlib.suppress(StorageError):
            Ring.open(copy, rows, OPTIONS, attempt=2, disk=disk).close()
        again = reopen(copy, rows)
        ends.add((again.recovered.end_ns, len(rows.rows)))
        if not disk.failed:
            break
    assert len(ends) == 1
    assert nth > 3


def test_a_lost_journal_is_rebuilt_from_the_files(talk: Stream, tmp_path: Path) -> None:
    """Every file says its epoch and its times: with an empty log all of them are adopted, in order."""
    log = MemoryLog()
    folder = crash(tmp_path, log, talk, OPTIONS, number=3)
    fresh = MemoryLog()
    ring = reopen(folder, fresh, attempt=9)
    assert ring.recovered.recovered_segments == len(log.rows) + 1
    for name, row in log.rows.items():
        found = fresh.rows[name]
        assert replace(found, recovered=False, end_ns=row.end_ns) == row
        assert abs(found.end_ns - row.end_ns) <= ns(0.04)
    assert len(list(ring.read(ns(0), ns(7)))) > 300
