"""A clip keeps its source: linked segments, readable by the same reader after the ring is gone."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from core.errors import CutRefused, StorageError, UsageError
from core.times import ns
from ringbuffer import LinkedFootage, OsDisk, Ring, RingOptions
from tests.unit.ringbuffer.kit import MemoryLog, Stream, epoch

OPTIONS = RingOptions(segment_s=1.0, flush_s=0.2)


@pytest.fixture
def long_ring(talk: Stream, tmp_path: Path) -> Ring:
    """95.5 s of footage; the last segment is open."""
    ring = fill(Ring.open(tmp_path / "ring", MemoryLog(), OPTIONS, attempt=1), talk, repeats=11)
    for packet in talk.until(ns(7.5)).moved(ns(88)).packets:
        ring.append(packet)
    return ring


def fill(ring: Ring, talk: Stream, *, repeats: int) -> Ring:
    """The same eight seconds again and again."""
    ring.begin_epoch(epoch(), talk.tracks)
    for n in range(repeats):
        for packet in talk.moved(n * ns(8)).packets:
            ring.append(packet)
    return ring


def test_a_source_has_30_seconds_of_handles(long_ring: Ring, tmp_path: Path) -> None:
    """And no more; every file is a second name of the segment, known by its hash."""
    refs = long_ring.link_source(ns(40), ns(50), tmp_path / "source")
    assert ns(6.5) <= min(ref.start_ns for ref in refs) <= ns(10)
    assert ns(80) <= max(ref.end_ns for ref in refs) <= ns(82)
    for ref in refs:
        linked = tmp_path / "source" / ref.path
        assert linked.samefile(tmp_path / "ring" / "main" / ref.path)
        assert (ref.bytes, ref.sha256) == (linked.stat().st_size, hashlib.sha256(linked.read_bytes()).hexdigest())


def test_handles_end_where_footage_ends(long_ring: Ring, tmp_path: Path) -> None:
    """Near the start and at the live edge there is less, and the open segment is copied as far as it was flushed."""
    refs = long_ring.link_source(ns(90), ns(95), tmp_path / "source")
    assert max(ref.end_ns for ref in refs) == long_ring.span()[1]
    newest = max(refs, key=lambda ref: ref.end_ns)
    assert not (tmp_path / "ring" / "main" / newest.path).exists()
    assert (tmp_path / "source" / newest.path).stat().st_size == newest.bytes


def test_a_clip_can_be_cut_again_after_the_ring_is_gone(long_ring: Ring, tmp_path: Path) -> None:
    """The linked footage gives the same packets, tracks and keyframes."""
    long_ring.link_source(ns(40), ns(50), tmp_path / "source")
    wanted = list(long_ring.read(ns(40), ns(50)))
    keyframes = long_ring.keyframes(ns(38), ns(52))
    tracks = long_ring.tracks(ns(40))
    long_ring.close()
    shutil.rmtree(tmp_path / "ring")
    footage = LinkedFootage(tmp_path / "source")
    assert list(footage.read(ns(40), ns(50))) == wanted
    assert footage.keyframes(ns(38), ns(52)) == keyframes
    assert footage.tracks(ns(40)) == tracks
    assert footage.link_source(ns(40), ns(50), tmp_path / "again")
    assert list(LinkedFootage(tmp_path / "again").read(ns(40), ns(50))) == wanted


def test_a_second_revision_adds_to_the_source(talk: Stream, tmp_path: Path) -> None:
    """The copy of an open segment gives way to the closed one; what the first revision needed stays."""
    ring = fill(Ring.open(tmp_path / "ring", MemoryLog(), OPTIONS, attempt=1), talk, repeats=1)
    first = ring.link_source(ns(5), ns(7), tmp_path / "source")
    for packet in talk.moved(ns(8)).packets:
        ring.append(packet)
    second = ring.link_source(ns(9), ns(12), tmp_path / "source")
    assert {ref.path for ref in first} <= {ref.path for ref in second}
    for row in json.loads((tmp_path / "source" / "source.json").read_bytes())["rows"]:
        name = f"{row['attempt']}-{row['seq']:08d}.{row['suffix']}"
        assert (tmp_path / "source" / name).stat().st_size == row["bytes"]
    ring.close()
    shutil.rmtree(tmp_path / "ring")
    footage = LinkedFootage(tmp_path / "source")
    assert list(footage.read(ns(1), ns(3)))
    assert list(footage.read(ns(9), ns(12)))


def test_linked_files_survive_eviction(talk: Stream, tmp_path: Path) -> None:
    """The clip's names keep the bytes."""
    ring = fill(Ring.open(tmp_path / "ring", MemoryLog(), RingOptions(minutes=0.2), attempt=1), talk, repeats=1)
    ring.link_source(ns(1), ns(2), tmp_path / "source")
    for n in range(1, 4):
        for packet in talk.moved(n * ns(8)).packets:
            ring.append(packet)
    assert ring.evicted["age"]
    assert list(LinkedFootage(tmp_path / "source").read(ns(1), ns(2)))


class NoLinks(OsDisk):
    """A file system without hard links."""

    def link(self, old: Path, new: Path) -> None:
        """As exFAT says it."""
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))


class FullDisk(OsDisk):
    """Links need room in a directory too."""

    def link(self, old: Path, new: Path) -> None:
        """No."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_without_hard_links_the_source_is_copied(talk: Stream, tmp_path: Path) -> None:
    """Some volumes have none."""
    ring = fill(Ring.open(tmp_path / "ring", MemoryLog(), OPTIONS, attempt=1, disk=NoLinks()), talk, repeats=1)
    ring.link_source(ns(1), ns(2), tmp_path / "source")
    assert list(LinkedFootage(tmp_path / "source").read(ns(1), ns(2)))


def test_a_full_disk_is_told_with_its_remedy(talk: Stream, tmp_path: Path) -> None:
    """Not as a bare OSError in a clip thread."""
    ring = fill(Ring.open(tmp_path / "ring", MemoryLog(), OPTIONS, attempt=1, disk=FullDisk()), talk, repeats=1)
    with pytest.raises(StorageError) as refused:
        ring.link_source(ns(1), ns(2), tmp_path / "source")
    assert refused.value.code == "disk_full"


def test_nothing_to_link_is_refused(talk: Stream, tmp_path: Path) -> None:
    """A clip without source is no clip."""
    ring = Ring.open(tmp_path / "ring", MemoryLog(), OPTIONS, attempt=1)
    with pytest.raises(CutRefused):
        ring.link_source(ns(1), ns(2), tmp_path / "source")


@pytest.mark.parametrize("text", ["", "[]", '{"version": 9}', '{"version": 1, "rows": [{}]}'])
def test_a_folder_that_is_no_source_is_refused(text: str, tmp_path: Path) -> None:
    """`clipd render` on a damaged clip says what is wrong."""
    (tmp_path / "source.json").write_text(text)
    with pytest.raises(UsageError):
        LinkedFootage(tmp_path)


def test_a_source_cannot_name_files_elsewhere(long_ring: Ring, tmp_path: Path) -> None:
    """source.json travels with clips, so it is checked: only segment names are followed."""
    long_ring.link_source(ns(40), ns(50), tmp_path / "source")
    path = tmp_path / "source" / "source.json"
    document = json.loads(path.read_bytes())
    document["rows"][0]["suffix"] = "ts/../../../etc/passwd"
    path.write_text(json.dumps(document))
    with pytest.raises(UsageError):
        LinkedFootage(tmp_path / "source")


def test_a_missing_file_of_a_source_is_named(long_ring: Ring, tmp_path: Path) -> None:
    """The code tells a lost segment from a refused cut."""
    refs = long_ring.link_source(ns(40), ns(50), tmp_path / "source")
    for ref in refs:
        (tmp_path / "source" / ref.path).unlink()
    with pytest.raises(CutRefused) as refused:
        list(LinkedFootage(tmp_path / "source").read(ns(40), ns(50)))
    assert refused.value.code == "segment_lost"
