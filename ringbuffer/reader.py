"""Packets and tracks out of segment files. Those of one epoch are read as one stream: a GOP may span several.

libav gets bytes from us and nothing else: the format is forced and no other file is ever opened.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import Any, Final, TypeAlias, cast
from zlib import crc32

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from core.errors import CutRefused
from core.media import Kind, Packet, Track
from core.times import NS_PER_S, Ns, ns, ns_to_ticks
from ringbuffer.containers import FRAGMENTED_MP4, MP4_CODECS, START_NS, TS_CODECS, Container
from ringbuffer.framing import tagged_epoch
from ringbuffer.muxer import media_time

CodedPacket: TypeAlias = "av.Packet[Any]"  # PyAV's
Load = Callable[[], bytes]  # the bytes of one segment, read when their turn comes

_DECODERS: Final = ",".join(  # what ingest takes, under the names of the decoders that open it
    sorted({*TS_CODECS, *MP4_CODECS, "libdav1d", "mp3float", "pcm_f32le", "pcm_s16be", "pcm_s16le", "pcm_s24le",
            "pcm_s32le", "pcm_u8", "vorbis", "vp8"})
)  # fmt: skip
REORDER_NS: Final = ns(1.5)  # a fragment holds one track after the other, and is at most flush_s (1 s) long
FRAME_NS: Final = ns(1 / 30)  # the length of a frame that says nothing about it, when no frame before it did


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a segment without a row says about itself."""

    epoch: int
    start_ns: Ns
    end_ns: Ns
    keyframes_ns: tuple[Ns, ...]
    bytes: int
    crc32: int


class _Joined:
    """Segments as one byte stream: the first whole, of the others what follows the container's header."""

    def __init__(self, container: Container, loads: Iterable[Load]) -> None:
        self._container = container
        self._loads = iter(loads)
        self._rest = memoryview(b"")
        self._first = True

    def read(self, size: int) -> bytes:
        while not self._rest:
            load = next(self._loads, None)
            if load is None:
                return b""
            data = load()
            self._rest = memoryview(data)[0 if self._first else self._container.after_header(data) :]
            self._first = False
        piece, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return piece


def open_joined(container: Container, loads: Iterable[Load]) -> InputContainer:
    """libav's view of some segments. Raises CutRefused when they are no media (after rot, or a stranger's hand)."""
    try:
        return av.open(
            _Joined(container, loads),
            "r",
            format=container.format,
            options=dict(container.read_options),
            container_options={
                "protocol_whitelist": "",
                "format_whitelist": container.format,
                "codec_whitelist": _DECODERS,
            },
            metadata_errors="replace",
        )
    except (av.FFmpegError, ValueError) as err:
        raise _unreadable(err) from err


def read_packets(container: Container, loads: Iterable[Load], near_ns: Ns) -> Iterator[Packet]:
    """Packets in DTS order. `near_ns` is roughly where the first is, for clocks that wrap. Raises CutRefused."""
    with open_joined(container, loads) as source:
        yield from _in_dts_order(_placed(source, container, near_ns))


def read_tracks(container: Container, loads: Iterable[Load]) -> tuple[Track, ...]:
    """Tracks whose templates fit the packets that come back; the template keeps its container open."""
    source = open_joined(container, loads)
    video = tuple(_video_track(stream, container) for stream in source.streams.video[:1])
    audio = tuple(_audio_track(stream) for stream in source.streams.audio[:1])
    return (*video, *audio)


def scan(container: Container, data: bytes, near_ns: Ns) -> Scan | None:
    """Read a segment that nobody knows; None when there is no media of ours in it."""
    try:
        with open_joined(container, [lambda: data]) as source:
            packets = list(_placed(source, container, near_ns))
            tag = source.metadata.get(container.tag_key) or source.metadata.get(container.tag_key.upper(), "")
    except CutRefused:
        return None
    # a transport stream says it in its first table, which PyAV does not show
    epoch = tagged_epoch(tag.encode()) if tag else tagged_epoch(data[:188])
    if not packets or epoch is None:
        return None
    return Scan(
        epoch=epoch,
        start_ns=min(packet.pts_ns for packet in packets),
        end_ns=max(packet.end_ns for packet in packets),
        keyframes_ns=tuple(p.pts_ns for p in packets if p.kind == "video" and p.is_keyframe),
        bytes=len(data),
        crc32=crc32(data),
    )


def _placed(source: InputContainer, container: Container, near_ns: Ns) -> Iterator[Packet]:
    """Demuxed packets on media time, in file order."""
    durations: dict[Kind, Ns] = {}
    try:
        for coded in source.demux([*source.streams.video[:1], *source.streams.audio[:1]]):
            if not coded.size or coded.pts is None:
                continue  # libav's flush markers
            kind = cast(Kind, coded.stream.type)
            packet = _packet(coded, kind, container.wrap_ticks, near_ns, durations)
            near_ns = packet.dts_ns
            yield packet
    except av.FFmpegError as err:
        raise _unreadable(err) from err


def _packet(coded: CodedPacket, kind: Kind, wrap_ticks: int | None, near_ns: Ns, durations: dict[Kind, Ns]) -> Packet:
    time_base = Fraction(coded.time_base)
    near = ns_to_ticks(near_ns + START_NS, time_base)
    pts = _unwrap(cast(int, coded.pts), wrap_ticks, near)
    dts = pts if coded.dts is None else _unwrap(coded.dts, wrap_ticks, near)
    if coded.duration:
        durations[kind] = Ns(round(coded.duration * time_base * NS_PER_S))
    pts_ns = media_time(pts, time_base)
    return Packet(
        kind=kind,
        pts=pts - ns_to_ticks(START_NS, time_base),
        dts=dts - ns_to_ticks(START_NS, time_base),
        duration=coded.duration or 0,
        time_base=time_base,
        is_keyframe=coded.is_keyframe,
        data=bytes(coded),
        pts_ns=pts_ns,
        dts_ns=media_time(dts, time_base),
        end_ns=Ns(pts_ns + durations.get(kind, FRAME_NS)),
    )


def _unwrap(ticks: int, wrap_ticks: int | None, near: int) -> int:
    """The time nearest to `near` that a clock of this range shows as `ticks`."""
    if wrap_ticks is None:
        return ticks
    return ticks + (near - ticks + wrap_ticks // 2) // wrap_ticks * wrap_ticks


def _in_dts_order(packets: Iterable[Packet]) -> Iterator[Packet]:
    """Undo the interleaving of fragments and of libav's parsers."""
    order = count()
    waiting: list[tuple[int, int, Packet]] = []
    for packet in packets:
        heapq.heappush(waiting, (packet.dts_ns, next(order), packet))
        while packet.dts_ns - waiting[0][0] > REORDER_NS:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def _video_track(stream: VideoStream, container: Container) -> Track:
    codec = stream.codec_context.codec.canonical_name
    turned = container is FRAGMENTED_MP4 and codec in TS_CODECS  # else it would be a transport stream
    return Track(
        kind="video",
        codec=codec,
        time_base=Fraction(cast(Fraction, stream.time_base)),
        width=stream.codec_context.width,
        height=stream.codec_context.height,
        fps=float(stream.average_rate or 0),
        rotation=_rotation(cast(InputContainer, stream.container)) if turned else 0,
        extradata=stream.codec_context.extradata or b"",
        template=stream,
    )


def _audio_track(stream: AudioStream) -> Track:
    return Track(
        kind="audio",
        codec=stream.codec_context.codec.canonical_name,
        time_base=Fraction(cast(Fraction, stream.time_base)),
        rate=stream.codec_context.sample_rate,
        channels=stream.codec_context.channels,
        extradata=stream.codec_context.extradata or b"",
        template=stream,
    )


def _rotation(source: InputContainer) -> int:
    """Degrees clockwise. libav tells them with a decoded frame only, and only MP4 segments carry them."""
    try:
        frame = next(source.decode(video=0), None)
    except av.FFmpegError:
        return 0
    return -frame.rotation % 360 if isinstance(frame, av.VideoFrame) else 0


def _unreadable(err: Exception) -> CutRefused:
    return CutRefused(
        f"The buffered footage cannot be read ({err})",
        remedy="Check the volume; other footage of the session may still be cut.",
        code="footage_unreadable",
    )
