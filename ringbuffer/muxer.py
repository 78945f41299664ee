"""Placed packets in, bytes of one segment out. Touches no disk."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple, cast

import av
from av.stream import Stream

from core.errors import BadMedia
from core.media import Kind, Packet, Track
from core.times import Ns, ns_to_ticks, ticks_to_ns
from ringbuffer.containers import START_NS, Container
from ringbuffer.framing import epoch_tag

SETTLED_NS: Final = 1_000  # libav's interleaver keeps packets whose DTS are within max_interleave_delta (1 us)


class Times(NamedTuple):
    """A packet's media times as the file will give them back: on the container's ticks."""

    dts_ns: Ns
    pts_ns: Ns
    end_ns: Ns


class _Collector:
    """The file that libav writes to: it only grows, in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


@dataclass(slots=True)
class _Lane:
    """One stream of the segment."""

    stream: Stream
    time_base: Fraction
    next_dts: int = 0


class SegmentMuxer:
    """One muxer a segment, so that every file can be read alone."""

    def __init__(self, container: Container, tracks: Sequence[Track], *, epoch: int, flush_ns: Ns) -> None:
        """Raises BadMedia when libav cannot write these tracks."""
        self.refused = 0
        self._collector = _Collector()
        self._output = av.open(self._collector, "w", format=container.format, options=container.mux_options(flush_ns))
        self._output.metadata[container.tag_key] = epoch_tag(epoch)
        try:
            self._lanes = self._open_lanes(tracks)
        except (av.FFmpegError, ValueError) as err:
            codecs = "+".join(track.codec for track in tracks)
            raise BadMedia(
                f"No segment can be written of {codecs} ({err})", remedy="Choose another variant of the stream."
            ) from err

    def put(self, packet: Packet) -> Times:
        """Write a packet. What libav refuses is counted and left out: a damaged frame must not end a recording.

        The interleaver runs one packet behind, so a refusal may mean the one before; times are given all the same, and
        a reader copes with a packet that is not there.
        """
        lane = self._lanes[packet.kind]
        dts = max(ns_to_ticks(packet.dts_ns + START_NS, lane.time_base), lane.next_dts)
        pts = max(ns_to_ticks(packet.pts_ns + START_NS, lane.time_base), dts)
        lane.next_dts = dts + 1
        coded = av.Packet(packet.data)
        coded.stream = lane.stream
        coded.time_base = lane.time_base
        coded.pts, coded.dts = pts, dts
        coded.duration = ns_to_ticks(packet.end_ns - packet.pts_ns, lane.time_base)
        coded.is_keyframe = packet.is_keyframe
        try:
            self._output.mux_one(coded)
        except av.FFmpegError:
            self.refused += 1
        pts_ns = media_time(pts, lane.time_base)
        return Times(media_time(dts, lane.time_base), pts_ns, Ns(pts_ns + packet.end_ns - packet.pts_ns))

    def take(self) -> bytes:
        """What came out since the last call."""
        if not self._collector.data:
            return b""
        data = bytes(self._collector.data)
        self._collector.data.clear()
        return data

    def finish(self) -> bytes:
        """Close the container; the rest of its bytes. What libav then refuses was refused packet by packet before."""
        with contextlib.suppress(av.FFmpegError):
            self._output.close()
        return self.take()

    def _open_lanes(self, tracks: Sequence[Track]) -> dict[Kind, _Lane]:
        streams: dict[Kind, Stream] = {}
        for track in tracks:
            template = cast(Stream, track.template)
            # opaque: take libav's own codec, since a decoder's name (libdav1d) need not be an encoder's
            stream = self._output.add_stream_from_template(template, opaque=True)
            stream.time_base = track.time_base
            streams[track.kind] = stream
        self._output.start_encoding()
        return {kind: _Lane(stream, Fraction(cast(Fraction, stream.time_base))) for kind, stream in streams.items()}


def media_time(ticks: int, time_base: Fraction) -> Ns:
    """File ticks to media time; `SegmentMuxer.put` and the reader share it, so they agree to the nanosecond."""
    return Ns(ticks_to_ns(ticks, time_base) - START_NS)
