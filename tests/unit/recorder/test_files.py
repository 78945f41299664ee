"""Matroska made of live frames: files that a crash may cut, and streams that a pipe carries."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from recorder.frames import CLOCK_RATES, Codec, EncodedFrame
from recorder.livemux import LiveMux
from recorder.writer import TrackWriter
from tests.webrtc import Sent, coded_opus, coded_video


def frames_of(codec: Codec, sent: tuple[Sent, ...], begin_ms: float = 5_000.0) -> list[EncodedFrame]:
    return [
        EncodedFrame(
            track="mic" if codec == "opus" else "cam",
            codec=codec,
            rtp=one.pts,
            clock_rate=CLOCK_RATES[codec],
            arrival_ns=0,
            room_ms=begin_ms + one.pts * 1000 / one.rate,
            is_keyframe=one.is_keyframe,
            data=one.data,
        )
        for one in sent
    ]


def decoded(data: bytes) -> list[Any]:
    """Frames of the first track, as a reader of a cut file gets them."""
    frames: list[Any] = []
    with av.open(io.BytesIO(data), "r", format="matroska") as container, contextlib.suppress(av.FFmpegError):
        frames += container.decode(container.streams[0])
    return frames


def packet_times(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [packet.pts for packet in container.demux() if packet.size and packet.pts is not None]


@pytest.mark.parametrize("codec", ["h264", "vp8", "opus"])
def test_a_file_holds_every_frame_on_room_time(codec: Codec, tmp_path: Path) -> None:
    """Times are room milliseconds; the decoder gives back as many frames as were sent."""
    sent = coded_opus(50) if codec == "opus" else coded_video(codec, 45)
    frames = frames_of(codec, sent)
    writer = TrackWriter(tmp_path / "backup-1.mkv")
    for frame in frames:
        writer.put(frame)
    writer.close()
    writer.close()
    assert packet_times(writer.path) == [round(frame.room_ms) for frame in frames]
    assert len(decoded(writer.path.read_bytes())) == len(frames)
    assert (writer.frames, writer.start_room_ms, writer.dropped) == (len(frames), 5_000.0, {})
    assert writer.bytes == writer.path.stat().st_size


def test_whatever_a_crash_leaves_can_be_played_up_to_the_cut(tmp_path: Path) -> None:
    """A file cut at any byte behind its header: no frame before the cut is lost."""
    writer = TrackWriter(tmp_path / "cut.mkv")
    frames = frames_of("vp8", coded_video("vp8", 45))
    for frame in frames:
        writer.put(frame)
    writer.close()
    whole = writer.path.read_bytes()
    ends = [whole.index(frame.data) + len(frame.data) for frame in frames]
    for cut in range(ends[0], len(whole), len(whole) // 9):
        assert len(decoded(whole[:cut])) >= sum(end <= cut for end in ends) - 1


def test_a_file_begins_with_a_keyframe_and_its_times_only_grow(tmp_path: Path) -> None:
    """What comes before is counted; so are frames of another codec; clocks that go back do not."""
    frames = frames_of("h264", coded_video("h264", 45))
    writer = TrackWriter(tmp_path / "late.mkv")
    for frame in frames[20:]:
        writer.put(frame)
    back = replace(frames[-1], rtp=0, room_ms=1.0)
    writer.put(back)
    writer.put(frames_of("opus", coded_opus(1))[0])
    writer.close()
    times = packet_times(writer.path)
    assert (len(times), writer.start_room_ms) == (16, frames[30].room_ms)
    assert all(b > a for a, b in pairwise(times))
    assert writer.dropped == {"no_keyframe_yet": 10, "other_codec": 1}


def test_a_disk_that_refuses_is_told_once(tmp_path: Path) -> None:
    """Frames after that are counted; `close` still returns."""
    told: list[OSError] = []
    writer = TrackWriter(tmp_path / "nowhere" / "x.mkv", on_failed=told.append)
    for frame in frames_of("opus", coded_opus(50)):
        writer.put(frame)
    writer.close()
    writer.put(frames_of("opus", coded_opus(1))[0])
    assert [type(err) for err in told] == [FileNotFoundError]
    assert writer.dropped["disk"] >= 1


class Reader:
    """What a live stream is read as."""

    def __init__(self) -> None:
        self.streams = [bytearray()]
        self.room = True
        self.mux = LiveMux(on_bytes=self.take, on_restart=lambda: self.streams.append(bytearray()))

    def give(self, frames: list[EncodedFrame]) -> None:
        """All of these; then nothing more."""
        for frame in frames:
            self.mux.put(frame)
        self.mux.finish()

    def take(self, data: bytes) -> bool:
        self.streams[-1] += data
        return self.room

    def codecs(self, number: int = -1) -> list[tuple[str, int]]:
        """Codec and width by track."""
        with av.open(io.BytesIO(bytes(self.streams[number])), "r", format="matroska") as container:
            return [(one.codec_context.name, getattr(one, "width", 0)) for one in container.streams]


def both(codec: Codec = "h264", count: int = 30) -> list[EncodedFrame]:
    """A second of sound and picture, as they come."""
    frames = frames_of(codec, coded_video(codec, count)) + frames_of("opus", coded_opus(count * 5 // 3))
    return sorted(frames, key=lambda frame: frame.room_ms)


def test_a_live_stream_begins_when_both_tracks_are_there() -> None:
    """The picture first; nothing that came before is lost, and times begin at 0."""
    reader = Reader()
    reader.give(both())
    assert reader.codecs() == [("h264", 320), ("opus", 0)]
    with av.open(io.BytesIO(bytes(reader.streams[0])), "r", format="matroska") as container:
        packets = [packet for packet in container.demux() if packet.size]
    assert len(packets) == len(both())
    assert min(packet.pts for packet in packets if packet.pts is not None) == 0


def test_a_track_that_does_not_come_is_not_waited_for_long() -> None:
    """When it does come, another stream begins with both."""
    reader = Reader()
    sound = frames_of("opus", coded_opus(150))
    for frame in sound[:100]:
        reader.mux.put(frame)
    assert reader.codecs() == [("opus", 0)]
    reader.give(frames_of("vp8", coded_video("vp8", 30), begin_ms=7_000.0))
    assert len(reader.streams) == 2
    assert sorted(reader.codecs()) == [("opus", 0), ("vp8", 320)]


def test_another_picture_size_begins_another_stream() -> None:
    """At its keyframe, with its own parameter sets; the same ones again do not."""
    reader = Reader()
    for frame in both():
        reader.mux.put(frame)
    reader.give(frames_of("h264", coded_video("h264", 31), begin_ms=6_000.0))
    assert len(reader.streams) == 1
    reader.give(frames_of("h264", coded_video("h264", 30, 160, 90), begin_ms=8_000.0))
    assert [reader.codecs(n)[0] for n in (0, 1)] == [("h264", 320), ("h264", 160)]


def test_a_reader_that_falls_behind_gets_whole_pictures_again() -> None:
    """What it has no room for is counted; then the picture waits for a keyframe, the sound for nothing."""
    reader = Reader()
    frames = frames_of("vp8", coded_video("vp8", 60)) + frames_of("opus", coded_opus(100))
    frames.sort(key=lambda frame: frame.room_ms)
    for n, frame in enumerate(frames):
        if n == 20:
            reader.room = False
        if n == 40:
            reader.room = True
            reader.mux.resume()
        reader.mux.put(frame)
    reader.mux.finish()
    dropped = reader.mux.dropped["reader_slow"]
    assert 19 <= dropped < 45
    with av.open(io.BytesIO(bytes(reader.streams[0])), "r", format="matroska") as container:
        packets = [(one.stream.type, one.pts or 0, one.is_keyframe) for one in container.demux() if one.size]
    pictures = [(at, is_keyframe) for kind, at, is_keyframe in packets if kind == "video"]
    assert len(packets) == len(frames) - dropped
    assert [keyframe for (before, _), (at, keyframe) in pairwise(pictures) if at - before > 100] == [True]


def test_a_new_stream_has_its_sound_from_its_first_picture_on() -> None:
    """The picture comes a fifth of a second behind the sound: frames go out in the order of their times."""
    reader = Reader()
    pictures = frames_of("vp8", coded_video("vp8", 30)) + frames_of("vp8", coded_video("vp8", 30, 160, 90), 6_000.0)
    arriving = [(frame.room_ms + 200, frame) for frame in pictures]
    arriving += [(frame.room_ms, frame) for frame in frames_of("opus", coded_opus(100))]
    reader.give([frame for _, frame in sorted(arriving, key=lambda one: one[0])])
    assert len(reader.streams) == 2
    with av.open(io.BytesIO(bytes(reader.streams[1])), "r", format="matroska") as container:
        first: dict[str, int] = {}
        for packet in container.demux():
            if packet.size:
                first.setdefault(packet.stream.type, packet.pts or 0)
    assert first["video"] == 1_000
    assert 0 <= first["audio"] - first["video"] <= 20
