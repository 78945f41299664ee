"""Coded packets to bytes: HLS segments (MPEG-TS or fragmented MP4) and whole files. The muxing half of render.py.

Each segment is written by a muxer of its own, so any segment can be made again; what a long-lived muxer would carry
from one to the next (TS continuity counters, fragment numbers) is carried here.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

TS_HZ: Final = 90_000
_TS_PACKET: Final = 188
Template = VideoStream | AudioStream


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """One coded frame on the stream's own time, in ticks of its template's time base."""

    pts: int
    dts: int
    duration: int
    is_keyframe: bool
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lane:
    """The packets of one elementary stream for one segment or file, in dts order, and where their time base lives."""

    template: Template
    time_base: Fraction
    packets: Sequence[Coded]


def ts_segment(lanes: Sequence[Lane], counters: dict[int, int]) -> bytes:
    """One MPEG-TS segment that begins with PAT and PMT. `counters` (by PID) goes on where the last segment ended."""
    out = io.BytesIO()
    _mux(out, "mpegts", lanes, {})
    return _continue_counters(out.getbuffer().tobytes(), counters)


def fmp4_segment(lanes: Sequence[Lane], number: int) -> tuple[bytes, bytes]:
    """The init section and one media segment of fragmented MP4, on absolute time; `number` counts from 0."""
    out = io.BytesIO()
    flags = "empty_moov+default_base_moof+frag_custom+frag_discont+skip_trailer"
    options = {"movflags": flags, "use_editlist": "0", "avoid_negative_ts": "disabled"}
    _mux(out, "mp4", lanes, {**options, "fragment_index": str(number + 1)})
    whole = out.getvalue()
    at = _box_offset(whole, b"moof")
    return whole[:at], whole[at:]


def write_whole(path: Path, lanes: Sequence[Lane]) -> None:
    """One file; the container follows from the suffix (.mp4, .ts, .mkv)."""
    kind = {".mp4": "mp4", ".ts": "mpegts", ".mkv": "matroska"}[path.suffix]
    with path.open("wb") as out:
        _mux(out, kind, lanes, {"movflags": "faststart"} if kind == "mp4" else {})


def _mux(out: io.IOBase, kind: str, lanes: Sequence[Lane], options: dict[str, str]) -> None:
    with av.open(out, "w", format=kind, options=options) as container:
        streams = [container.add_stream_from_template(lane.template) for lane in lanes]
        for index, coded in _by_time(lanes):
            packet = av.Packet(coded.data)
            packet.stream = streams[index]
            packet.time_base = lanes[index].time_base
            packet.pts, packet.dts, packet.duration = coded.pts, coded.dts, coded.duration
            packet.is_keyframe = coded.is_keyframe
            container.mux(packet)


def _by_time(lanes: Sequence[Lane]) -> Iterable[tuple[int, Coded]]:
    every = [(c.dts * lane.time_base, i, c) for i, lane in enumerate(lanes) for c in lane.packets]
    return ((i, c) for _, i, c in sorted(every, key=lambda item: item[:2]))


def _continue_counters(segment: bytes, counters: dict[int, int]) -> bytes:
    """Rewrite the 4-bit continuity counters, which a muxer of its own starts again in every segment."""
    out = bytearray(segment)
    for at in range(0, len(out), _TS_PACKET):
        pid = (out[at + 1] & 0x1F) << 8 | out[at + 2]
        has_payload = bool(out[at + 3] & 0x10)
        counters[pid] = (counters.get(pid, -1) + has_payload) % 16
        out[at + 3] = out[at + 3] & 0xF0 | counters[pid]
    return bytes(out)


def _box_offset(data: bytes, name: bytes) -> int:
    at = 0
    while at + 8 <= len(data):
        if data[at + 4 : at + 8] == name:
            return at
        at += int.from_bytes(data[at : at + 4], "big")
    raise ValueError(f"no {name!r} box")
