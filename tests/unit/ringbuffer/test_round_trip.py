"""Packets come back from the ring as they went in, whatever the codecs and wherever on media time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import av
import pytest
from av.stream import Stream as AvStream

from core.errors import BadMedia
from core.media import Packet, Track
from core.times import Ns, ns
from ringbuffer import Ring, RingOptions
from tests.unit.ringbuffer.kit import RECIPES, MemoryLog, Stream, encode, epoch, load

SOUND = ["aac", "aac_441", "aac_51", "mp3"]
TS = [*(name for name in RECIPES if name.startswith("h264") and name != "h264_opus"), "hevc_aac", *SOUND]
MP4 = ["av1_opus", "vp9_opus", "vp9_flac", "h264_opus"]
SUFFIX = {name: "ts" if name in TS else "m4s" if name in MP4 else "mkv" for name in RECIPES}
TICK_NS = {"ts": 11_112, "m4s": 62_501, "mkv": 1_000_000}
TS_WRAP_NS = (1 << 33) * 1_000_000_000 // 90_000


def record(folder: Path, stream: Stream, log: MemoryLog | None = None, options: RingOptions | None = None) -> Ring:
    """A closed ring with one epoch."""
    ring = Ring.open(folder, log or MemoryLog(), options or RingOptions(), attempt=1)
    ring.begin_epoch(epoch(start_ns=stream.packets[0].pts_ns), stream.tracks)
    for packet in stream.packets:
        ring.append(packet)
    ring.close()
    return ring


def read_all(ring: Ring) -> list[Packet]:
    """All of it."""
    start_ns, end_ns = ring.span()
    return list(ring.read(start_ns, Ns(end_ns + ns(1))))


def assert_times(got: list[Packet], put: list[Packet], tick_ns: int) -> None:
    """PTS and DTS within a tick, and in order."""
    assert [p.pts_ns for p in got] == pytest.approx([p.pts_ns for p in put], abs=tick_ns)
    assert [p.dts_ns for p in got] == pytest.approx([p.dts_ns for p in put], abs=tick_ns)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("by_ns", [0, 123_456_789_012_345], ids=["at-0", "after-34h"])
def test_every_packet_comes_back(name: str, by_ns: int, ring_media: Path, tmp_path: Path) -> None:
    """B-frames, 5.1, 44.1 kHz, sound or picture alone: identical bytes, times within one tick of the container."""
    stream = load(encode(ring_media, name)).moved(by_ns)
    log = MemoryLog()
    ring = record(tmp_path, stream, log)
    assert {row.suffix for row in log.segments()} == {SUFFIX[name]}
    got = read_all(ring)
    for track in stream.tracks:
        put, back = stream.of(track.kind), [packet for packet in got if packet.kind == track.kind]
        assert [p.data for p in back] == [p.data for p in put]
        assert [p.is_keyframe for p in back] == [p.is_keyframe for p in put]
        assert_times(back, put, TICK_NS[SUFFIX[name]])
    assert [p.dts_ns for p in got] == sorted(p.dts_ns for p in got)


@pytest.mark.parametrize("before_s", [0.5, 1.1, 3.0])
def test_a_transport_stream_clock_may_wrap_anywhere(before_s: float, talk: Stream, tmp_path: Path) -> None:
    """MPEG-TS counts to 26.5 h; a session may pass that within a segment or between two."""
    stream = talk.moved(TS_WRAP_NS - ns(10) - ns(before_s))
    got = read_all(record(tmp_path, stream))
    for kind in ("video", "audio"):
        assert_times([p for p in got if p.kind == kind], stream.of(kind), TICK_NS["ts"])


@pytest.mark.parametrize("name", ["h264_aac", "vp9_opus", "vp8_vorbis"])
def test_index_and_files_agree_to_the_nanosecond(name: str, ring_media: Path, tmp_path: Path) -> None:
    """A keyframe's time from the index is the time its packet has when it is read."""
    ring = record(tmp_path, load(encode(ring_media, name)).moved(777_777_777_777))
    read_back = [p.pts_ns for p in read_all(ring) if p.kind == "video" and p.is_keyframe]
    assert ring.keyframes(*ring.span()) == read_back


@pytest.mark.parametrize("name", ["h264_aac", "hevc_aac", "av1_opus", "vp9_opus", "vp8_vorbis", "aac_51"])
def test_a_read_of_the_ring_can_be_remuxed_and_decoded(name: str, ring_media: Path, tmp_path: Path) -> None:
    """The tracks' templates fit the packets: a Matroska file made of them decodes to every frame."""
    stream = load(encode(ring_media, name))
    ring = record(tmp_path / "ring", stream)
    tracks = ring.tracks(ns(1))
    assert [(t.kind, t.codec, t.width, t.rate, t.channels) for t in tracks] == [
        (t.kind, t.codec, t.width, t.rate, t.channels) for t in stream.tracks
    ]
    path = tmp_path / "out.mkv"
    remux(path, tracks, read_all(ring))
    with av.open(str(path)) as made:
        pictures = sum(1 for _ in made.decode(video=0)) if made.streams.video else 0
    assert pictures == len(stream.of("video"))


def remux(path: Path, tracks: tuple[Track, ...], packets: list[Packet]) -> None:
    """What daemon/clips does, in short."""
    with av.open(str(path), "w") as output:
        streams = {t.kind: output.add_stream_from_template(cast(AvStream, t.template), opaque=True) for t in tracks}
        for packet in packets:
            coded = av.Packet(packet.data)
            coded.stream, coded.time_base = streams[packet.kind], packet.time_base
            coded.pts, coded.dts, coded.is_keyframe = packet.pts, packet.dts, packet.is_keyframe
            output.mux(coded)


def test_a_rotated_picture_stays_rotated(ring_media: Path, tmp_path: Path) -> None:
    """A phone's stream says how to hold it; a transport stream cannot, so it is kept as MP4."""
    plain = encode(ring_media, "h264")
    stream = load(rotated(plain, ring_media / "rotated.mp4"))
    turned = replace(stream, tracks=(replace(stream.tracks[0], rotation=270),))
    ring = record(tmp_path, turned)
    [track] = ring.tracks(ns(1))
    assert track.rotation == 270


def rotated(source: Path, target: Path) -> Path:
    """The same packets with a display matrix of 90 degrees counter-clockwise."""
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        video = given.streams.video[0]
        stream = made.add_stream_from_template(video, opaque=True)
        stream.set_display_rotation(90)
        for packet in given.demux(video):
            if packet.size:
                packet.stream = stream
                made.mux(packet)
    return target


def test_gops_longer_than_can_be_waited_for_span_files(endless: Stream, tmp_path: Path) -> None:
    """A single keyframe in 8 s, segments of 1 s: the first takes six of them, a read from behind it is complete."""
    log = MemoryLog()
    ring = record(tmp_path, endless, log, RingOptions(segment_s=1.0))
    lengths = [(row.end_ns - row.start_ns) / ns(1) for row in log.segments()]
    assert lengths == pytest.approx([6, 1.1, 0.9], abs=0.15)
    assert [len(row.keyframes_ns) for row in log.segments()] == [1, 0, 0]
    got = [p for p in ring.read(ns(7.3), ns(7.8)) if p.kind == "video"]
    assert got[0].is_keyframe
    wanted = [p.data for p in endless.of("video") if p.dts_ns < ns(7.8)]
    assert set(wanted) <= {p.data for p in got}


def test_every_segment_starts_on_a_keyframe_that_comes_in_time(ring_media: Path, tmp_path: Path) -> None:
    """Keyframes 1 s apart, segments of 0.4 s: a cut elsewhere would leave a player nothing to begin with."""
    log, stream = MemoryLog(), load(encode(ring_media, "h264"))
    record(tmp_path, stream, log, RingOptions(segment_s=0.4))
    assert [row.keyframes_ns for row in log.segments()] == [(at,) for at in stream.keyframes()]


def test_segments_start_on_keyframes_where_they_can(ring_media: Path, tmp_path: Path) -> None:
    """With a keyframe every second, every segment of 2 s starts on one and is 2 s long."""
    log = MemoryLog()
    record(tmp_path, load(encode(ring_media, "h264")), log)
    starts, ends = [row.start_ns for row in log.segments()], [row.end_ns for row in log.segments()]
    assert starts == pytest.approx([0, ns(2), ns(4), ns(6)], abs=2)
    assert ends == pytest.approx([ns(2), ns(4), ns(6), ns(8)], abs=2)


def test_equal_and_backward_dts_do_not_stop_a_recording(talk: Stream, tmp_path: Path) -> None:
    """A hostile stream repeats a time stamp: the packet is kept, a tick later."""
    first, second, *rest = [p for p in talk.packets if p.kind == "video"]
    bad = replace(second, dts_ns=first.dts_ns, pts_ns=Ns(first.dts_ns - 5))
    ring = record(tmp_path, replace(talk, packets=(first, bad, *rest), tracks=talk.tracks[:1]))
    assert len(read_all(ring)) == 2 + len(rest)


def test_tracks_that_the_container_refuses_are_bad_media(ring_media: Path, tmp_path: Path) -> None:
    """libav's refusal of a header is an error with a remedy, not a crash."""
    stream = load(encode(ring_media, "vp8_vorbis"))
    ring = Ring.open(tmp_path, MemoryLog(), RingOptions(), attempt=1)
    ring.begin_epoch(epoch(), (replace(stream.tracks[0], codec="vp9"),))
    with pytest.raises(BadMedia):
        ring.append(stream.packets[0])
