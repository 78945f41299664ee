"""A composed span as segments on media time, like those that a clip keeps of a ring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
from av.audio.stream import AudioStream
from av.stream import Stream
from av.video.stream import VideoStream

from core.errors import CutRefused
from core.media import Epoch, Gap, Packet, Track
from core.protocols import SegmentRow
from core.times import NS_PER_S, Ns, ticks_to_ns
from daemon.avopen import open_media
from ringbuffer import OsDisk, Ring, RingOptions
from ringbuffer.links import Linkable, link_segments

OPTIONS: Final = RingOptions(minutes=24 * 60, max_gb=1000, segment_s=4)


class _Rows:
    """A ring's log that is forgotten with it."""

    def __init__(self) -> None:
        self.rows: list[SegmentRow] = []

    def add_segment(self, row: SegmentRow) -> None:
        self.rows.append(row)

    def evict_segments(self, rows: Sequence[SegmentRow], *, reason: str) -> None:
        raise AssertionError(f"nothing of {len(rows)} segments is evicted here ({reason})")

    def segments(self) -> list[SegmentRow]:
        return list(self.rows)

    def add_gap(self, gap: Gap) -> None:
        """There are none in what we composed."""

    def pin(self, name: str, start_ns: Ns, end_ns: Ns) -> None:
        """Nothing is evicted."""

    def unpin(self, name: str) -> None:
        """Nothing is evicted."""

    def pins(self) -> dict[str, tuple[Ns, Ns]]:
        return {}


def write_segments(video: Path, folder: Path, start_ns: Ns, *, epoch: int, attempt: int) -> None:
    """Fill `folder` from an MP4 of ours whose 0 is at `start_ns`; `LinkedFootage` reads it. Raises CutRefused,
    StorageError."""
    log, parts = _Rows(), folder.with_name(f"{folder.name}-parts")
    with ExitStack() as stack:
        media = stack.enter_context(open_media(video, "mov"))
        streams: list[VideoStream | AudioStream] = [*media.streams.video[:1], *media.streams.audio[:1]]
        ring = Ring.open(parts, log, OPTIONS, attempt=attempt)
        stack.callback(ring.close)
        ring.begin_epoch(
            Epoch(number=epoch, start_ns=start_ns, reason="composed", by="source"), tuple(map(_track, streams))
        )
        for packet in _in_order(media, streams, start_ns):
            ring.append(packet)
        ring.close()
        found = [Linkable(row, parts / "main" / row.name) for row in log.rows]
        if not found:
            raise CutRefused("The composed span is empty", remedy="Ask for another span.", code="compose_failed")
        link_segments(OsDisk(), found, folder)


def _track(stream: VideoStream | AudioStream) -> Track:
    context = stream.codec_context
    if isinstance(stream, VideoStream):
        return Track(
            kind="video",
            codec=context.codec.canonical_name,
            time_base=Fraction(cast(Fraction, stream.time_base)),
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            fps=float(stream.average_rate or 0),
            extradata=context.extradata or b"",
            template=stream,
        )
    return Track(
        kind="audio",
        codec=context.codec.canonical_name,
        time_base=Fraction(cast(Fraction, stream.time_base)),
        rate=stream.codec_context.sample_rate,
        channels=stream.codec_context.channels,
        extradata=context.extradata or b"",
        template=stream,
    )


def _in_order(
    media: av.container.InputContainer, streams: Sequence[av.stream.Stream], start_ns: Ns
) -> Iterator[Packet]:
    """By DTS; an MP4 of ours interleaves to within a second."""
    packets = [
        _placed(coded, start_ns)
        for coded in media.demux(list(streams))
        if coded.pts is not None and coded.dts is not None and coded.size
    ]
    return iter(sorted(packets, key=lambda packet: packet.dts_ns))


def _placed(coded: av.Packet[Stream], start_ns: Ns) -> Packet:
    time_base = Fraction(coded.time_base)
    pts_ns = Ns(start_ns + ticks_to_ns(cast(int, coded.pts), time_base))
    length_ns = ticks_to_ns(coded.duration, time_base) if coded.duration else NS_PER_S // 30
    return Packet(
        kind="video" if coded.stream.type == "video" else "audio",
        pts=cast(int, coded.pts),
        dts=cast(int, coded.dts),
        duration=coded.duration or 0,
        time_base=time_base,
        is_keyframe=coded.is_keyframe,
        data=bytes(coded),
        pts_ns=pts_ns,
        dts_ns=Ns(start_ns + ticks_to_ns(cast(int, coded.dts), time_base)),
        end_ns=Ns(pts_ns + length_ns),
    )
