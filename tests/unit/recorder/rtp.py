"""RTP packets as senders make them, by aiortc's own packetisers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder

from recorder.frames import Codec
from recorder.packets import Released, RtpIn
from tests.webrtc import Sent

SSRC = 7


def payloads(codec: Codec, data: bytes) -> list[bytes]:
    """The payloads of one frame."""
    if codec == "opus":
        return [data]
    if codec == "vp8":
        return list(Vp8Encoder._packetize(data, 1))
    return list(H264Encoder._packetize(H264Encoder._split_bitstream(data)))


def packets_of(codec: Codec, frames: Iterable[Sent], *, seq: int = 65_500, stamp: int = 2**32 - 9_000) -> list[RtpIn]:
    """Packets that come when they are due; numbers and timestamps wrap soon."""
    out: list[RtpIn] = []
    for frame in frames:
        parts = payloads(codec, frame.data)
        for n, payload in enumerate(parts):
            number, ticks = (seq + len(out)) % 2**16, (stamp + frame.pts) % 2**32
            arrival_ns = frame.pts * 1_000_000_000 // frame.rate
            out.append(RtpIn(SSRC, number, ticks, n == len(parts) - 1, payload, arrival_ns))
    return out


def in_order(packets: Sequence[RtpIn]) -> list[Released]:
    """As a reorder buffer releases them when nothing is lost."""
    return [Released(packet, 0) for packet in packets]
