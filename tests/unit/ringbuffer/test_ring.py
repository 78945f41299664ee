"""What a reader sees while the ring is written, what is kept and for how long, and who may write."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import CutRefused, StorageError
from core.times import Ns, ns
from ringbuffer import Ring, RingOptions
from tests.unit.ringbuffer.kit import MemoryLog, Stream, encode, epoch, load

SHORT = RingOptions(segment_s=0.5, flush_s=0.2)


def open_ring(folder: Path, stream: Stream, options: RingOptions = SHORT, log: MemoryLog | None = None) -> Ring:
    """A ring in its first epoch."""
    ring = Ring.open(folder, log or MemoryLog(), options, attempt=1)
    ring.begin_epoch(epoch(), stream.tracks)
    return ring


def feed(ring: Ring, stream: Stream) -> None:
    """All packets, in order."""
    for packet in stream.packets:
        ring.append(packet)


@pytest.mark.parametrize("name", ["h264_aac", "vp9_opus", "vp8_vorbis", "aac"])
def test_a_reader_sees_the_open_segment_up_to_its_last_flush(name: str, ring_media: Path, tmp_path: Path) -> None:
    """Nothing newer than flush_s twice is hidden, and what is promised by `span` can be read, at every packet."""
    stream = load(encode(ring_media, name)).until(ns(3))
    ring = open_ring(tmp_path, stream, RingOptions(segment_s=10, flush_s=0.2))
    for number, packet in enumerate(stream.packets):
        ring.append(packet)
        start_ns, end_ns = ring.span()
        assert end_ns <= packet.end_ns + ns(0.2)
        if packet.dts_ns > ns(0.8):
            assert end_ns > packet.dts_ns - ns(0.5)
        if number % 40 == 39 and end_ns:
            got = list(ring.read(start_ns, end_ns))
            assert max(p.end_ns for p in got) > end_ns - ns(0.05)
            assert set(ring.keyframes(start_ns, end_ns)) <= {p.pts_ns for p in got if p.is_keyframe}


def test_reading_goes_on_while_packets_come(talk: Stream, tmp_path: Path) -> None:
    """A clip thread reads again and again through segments that open and close under it."""
    ring = open_ring(tmp_path, talk, RingOptions(segment_s=0.2, flush_s=0.05))
    done = threading.Event()
    counts: list[int] = []

    def reads() -> None:
        while not done.is_set():
            end_ns = ring.span()[1]
            if end_ns > ns(0.3):
                counts.append(len(list(ring.read(Ns(max(0, end_ns - ns(2))), end_ns))))

    reader = threading.Thread(target=reads)
    reader.start()
    fed = 0
    while fed < 3 or (not counts and reader.is_alive()):
        feed(ring, talk)
        talk = talk.moved(ns(8))
        fed += 1
    done.set()
    reader.join(60)
    assert counts
    assert min(counts) > 0


def test_a_read_stays_in_the_epoch_of_its_start(talk: Stream, tmp_path: Path) -> None:
    """Two stretches of time never mix: a clip that reaches over a reconnect ends at it."""
    ring = open_ring(tmp_path, talk.until(ns(4)))
    feed(ring, talk.until(ns(4)))
    ring.begin_epoch(epoch(1, ns(60)), talk.tracks)
    feed(ring, talk.moved(ns(60)))
    ring.close()
    assert max(p.dts_ns for p in ring.read(ns(3), ns(65))) < ns(4.1)
    assert min(p.pts_ns for p in ring.read(ns(30), ns(65))) == ns(60)
    assert ring.epoch_span(ns(61))[0] == ns(60)
    assert ring.epoch_span(ns(1))[1] < ns(4.2)


def test_sound_alone_starts_where_it_is_asked(ring_media: Path, tmp_path: Path) -> None:
    """Without video there is no keyframe to wait for."""
    stream = load(encode(ring_media, "aac"))
    ring = open_ring(tmp_path, stream)
    feed(ring, stream)
    first, *_ = ring.read(ns(3), ns(4))
    assert first.pts_ns <= ns(3) < first.end_ns
    assert ring.keyframes(ns(0), ns(9)) == []


def test_footage_that_is_gone_is_refused(talk: Stream, tmp_path: Path) -> None:
    """Before anything was recorded, and after its end."""
    ring = open_ring(tmp_path, talk)
    with pytest.raises(CutRefused):
        list(ring.read(ns(0), ns(1)))
    with pytest.raises(CutRefused):
        ring.tracks(ns(0))
    feed(ring, talk)
    with pytest.raises(CutRefused):
        list(ring.read(ns(100), ns(101)))


def test_a_segment_that_vanished_is_named(talk: Stream, tmp_path: Path) -> None:
    """Someone deletes a file under our hands: the clip is refused with a code, nothing crashes."""
    log = MemoryLog()
    ring = open_ring(tmp_path, talk, log=log)
    feed(ring, talk)
    (tmp_path / "main" / log.segments()[3].name).unlink()
    with pytest.raises(CutRefused) as refused:
        list(ring.read(ns(0), ns(8)))
    assert refused.value.code == "segment_lost"


def test_old_footage_goes_by_age(talk: Stream, tmp_path: Path) -> None:
    """What is older than `minutes` is evicted, file and row, and counted."""
    log = MemoryLog()
    ring = open_ring(tmp_path, talk, RingOptions(minutes=3 / 60, segment_s=0.5), log)
    feed(ring, talk)
    start_ns, end_ns = ring.span()
    assert ns(3) <= end_ns - start_ns <= ns(5.2)  # a GOP that is only partly too old, and the open one
    assert set(log.evicted) == {(f"1-{n:08d}.ts", "age") for n in range(ring.evicted["age"])}
    assert {p.name for p in (tmp_path / "main").glob("*.ts")} == set(log.rows)


def test_old_footage_goes_by_size_unless_pinned(talk: Stream, tmp_path: Path) -> None:
    """A promised clip's segments outlive the limit; released, they go."""
    log = MemoryLog()
    ring = open_ring(tmp_path, talk, RingOptions(max_gb=1e-4, segment_s=0.5), log)
    feed(ring, talk.until(ns(1)))
    ring.pin("clip", ns(0), ns(0.6))
    feed(ring, Stream(talk.tracks, talk.packets[len(talk.until(ns(1)).packets) :]))
    assert min(row.seq for row in log.segments()) == 0
    assert list(ring.read(ns(0), ns(0.6)))
    assert log.pins() == {"clip": (0, ns(0.6))}
    ring.unpin("clip")
    feed(ring, talk.moved(ns(8)))
    assert ring.total_bytes <= 100_000
    assert min(row.seq for row in log.segments()) > 0
    assert ring.evicted["bytes"] == len(log.evicted)


def test_pins_survive_a_restart(talk: Stream, tmp_path: Path) -> None:
    """What one attempt promised, the next one keeps."""
    log = MemoryLog()
    ring = open_ring(tmp_path, talk, log=log)
    feed(ring, talk)
    ring.pin("clip", ns(0), ns(2))
    ring.close()
    again = Ring.open(tmp_path, log, RingOptions(minutes=1e-3, max_gb=1e-6), attempt=2)
    assert again.span() == (0, ring.span()[1])
    again.evict()
    assert ns(2) <= again.span()[1] <= ns(3)
    assert list(again.read(ns(0), ns(2)))
    again.unpin("clip")
    again.evict()
    assert not log.segments()


def test_a_second_writer_is_refused(talk: Stream, tmp_path: Path) -> None:
    """Two workers on one folder cannot happen; after the first let go, the second may."""
    ring = open_ring(tmp_path, talk)
    with pytest.raises(StorageError) as refused:
        Ring.open(tmp_path, MemoryLog(), SHORT, attempt=2)
    assert refused.value.code == "ring_locked"
    ring.close()
    ring.close()
    Ring.open(tmp_path, MemoryLog(), SHORT, attempt=2).close()


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    """The message names the folder."""
    (tmp_path / "main").write_text("in the way")
    with pytest.raises(StorageError, match=str(tmp_path)):
        Ring.open(tmp_path, MemoryLog(), SHORT, attempt=1)


def test_bytes_that_are_no_picture_are_counted_and_left_out(talk: Stream, tmp_path: Path) -> None:
    """One damaged keyframe does not end a recording: its GOP cannot be shown, what follows can."""
    ring = open_ring(tmp_path, talk)
    first, *rest = talk.packets
    for packet in (replace(first, data=b"\xff" * 40), *rest):
        ring.append(packet)
    ring.close()
    assert ring.packets_refused == 1
    start_ns, end_ns = ring.span()
    got = [p for p in ring.read(start_ns, Ns(end_ns + 1)) if p.kind == "video"]
    assert got[0].pts_ns == pytest.approx(ns(1), abs=2)


def test_packets_without_an_epoch_are_a_mistake_of_ours(talk: Stream, tmp_path: Path) -> None:
    """They have no place on media time."""
    ring = Ring.open(tmp_path, MemoryLog(), SHORT, attempt=1)
    with pytest.raises(ValueError, match="epoch"):
        ring.append(talk.packets[0])


def test_pictures_whose_keyframe_was_evicted_are_refused(endless: Stream, tmp_path: Path) -> None:
    """The rest of a GOP cannot be shown; its sound alone would be no clip of a stream with pictures."""
    log = MemoryLog()
    ring = open_ring(tmp_path, endless, log=log)
    feed(ring, endless)
    ring.close()
    log.evict_segments(log.segments()[:1], reason="age")
    again = Ring.open(tmp_path, log, SHORT, attempt=2)
    with pytest.raises(CutRefused):
        list(again.read(ns(4), ns(5)))
