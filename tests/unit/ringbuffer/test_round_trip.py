"""Packets come back from the ring as they went in, whatever the codecs and wherever on media time."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.media import Packet
from core.times import Ns, ns
from ringbuffer import Ring, RingOptions
from tests.unit.ringbuffer.kit import RECIPES, MemoryLog, Stream, encode, epoch, load

SUFFIX = {
    "h264_aac": "ts",
    "h264_mp3": "ts",
    "h264_ac3": "ts",
    "hevc_aac": "ts",
    "h264": "ts",
    "aac": "ts",
    "aac_441": "ts",
    "aac_51": "ts",
    "mp3": "ts",
    "av1_opus": "m4s",
    "vp9_opus": "m4s",
    "vp9_flac": "m4s",
    "h264_opus": "m4s",
    "vp8_vorbis": "mkv",
    "vp8_opus": "mkv",
}
TICK_NS = {"ts": 11_112, "m4s": 62_501, "mkv": 1_000_000}
TS_WRAP_NS = (1 << 33) * 1_000_000_000 // 90_000


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


def record(folder: Path, stream: Stream, options: RingOptions | None = None) -> Ring:
    ring = Ring.open(folder, MemoryLog(), options or RingOptions(), attempt=1)
    ring.begin_epoch(epoch(start_ns=stream.packets[0].pts_ns), stream.tracks)
    for packet in stream.packets:
        ring.append(packet)
    return ring


def assert_same(got: list[Packet], put: list[Packet], tick_ns: int) -> None:
    assert len(got) == len(put)
    for back, packet in zip(got, put, strict=True):
        assert back.data == packet.data
        assert back.is_keyframe == packet.is_keyframe
        assert abs(back.pts_ns - packet.pts_ns) <= tick_ns
        assert abs(back.dts_ns - packet.dts_ns) <= tick_ns


@pytest.mark.parametrize("name", RECIPES)
def test_every_packet_comes_back_byte_for_byte_within_a_tick(name: str, media: Path, tmp_path: Path) -> None:
    """B-frames, 5.1, 44.1 kHz, sound or picture alone: bytes are identical, times within one tick of the container."""
    stream = load(encode(media, name))
    ring = record(tmp_path, stream)
    ring.close()
    start_ns, end_ns = ring.span()
    got = list(ring.read(start_ns, Ns(end_ns + ns(1))))
    [suffix] = {row.suffix for row in MemoryRows(ring)}
    assert suffix == SUFFIX[name]
    for track in stream.tracks:
        same_bytes = not (track.codec == "h264" and suffix == "m4s")
        put = stream.of(track.kind)
        back = [packet for packet in got if packet.kind == track.kind]
        if same_bytes:
            assert_same(back, put, TICK_NS[suffix])
        assert [p.pts_ns for p in back] == pytest.approx([p.pts_ns for p in put], abs=TICK_NS[suffix])
    assert [packet.dts_ns for packet in got] == sorted(packet.dts_ns for packet in got)


def MemoryRows(ring: Ring) -> list[object]:
    return list(ring._index.rows)
