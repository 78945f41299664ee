"""Packets in order to coded frames: VP8 (RFC 7741), H.264 (RFC 6184: single NAL, STAP-A, FU-A) and Opus (RFC 7587).

A video frame comes out only whole, and after a loss only from the next keyframe on, since what refers to lost pictures
would show as rubbish. Pure; malformed payloads are counted and never raise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from typing import Final, NamedTuple

from recorder.bitstream import (
    FILLER,
    IDR,
    PPS,
    SLICE,
    SPS,
    START_CODE,
    nal_type,
    opus_us,
    starts_picture,
    vp8_is_keyframe,
)
from recorder.frames import Codec
from recorder.packets import Released, RtpIn

MAX_FRAME_BYTES: Final = 8 << 20
MAX_OPUS_BYTES: Final = 1275 * 6 + 7  # 120 ms
_STAP_A: Final = 24
_FU_A: Final = 28
_START: Final = 0x80
_END: Final = 0x40


class Coded(NamedTuple):
    """A whole frame. `timestamp` has 32 bits; `arrival_ns` is of its last packet, `first_ns` of its first."""

    timestamp: int
    data: bytes
    is_keyframe: bool
    first_ns: int
    arrival_ns: int
    lost_before: bool


class Depacketizer(ABC):
    """One codec's packets of one SSRC, in order."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()  # dropped frames and packets by reason

    @abstractmethod
    def feed(self, released: Released) -> list[Coded]:
        """Take the next packet; the frames that are now whole."""

    @property
    def wants_keyframe(self) -> bool:
        """Whether nothing comes out until a keyframe does."""
        return False


class OpusDepacketizer(Depacketizer):
    """Every packet is a frame."""

    def __init__(self) -> None:
        super().__init__()
        self._lost = False

    def feed(self, released: Released) -> list[Coded]:
        """See Depacketizer."""
        packet = released.packet
        self._lost = self._lost or released.lost > 0
        if not packet.payload:
            return []
        if len(packet.payload) > MAX_OPUS_BYTES or opus_us(packet.payload) is None:
            self.counts["malformed"] += 1
            return []
        lost, self._lost = self._lost, False
        return [Coded(packet.timestamp, packet.payload, True, packet.arrival_ns, packet.arrival_ns, lost)]


class VideoDepacketizer(Depacketizer):
    """What VP8 and H.264 share: a frame is the packets of one timestamp, up to the marker."""

    def __init__(self) -> None:
        super().__init__()
        self._timestamp: int | None = None  # of the frame that is being put together
        self._first_ns = 0
        self._last_ns = 0
        self._size = 0
        self._broken: str | None = None  # why the frame cannot come out
        self._after_loss = False  # packets right before it are missing: they may be its own
        self._lost = True  # frames are missing, so the next one has to be a keyframe
        self._began = False  # a first frame has come out

    @property
    def wants_keyframe(self) -> bool:
        """See Depacketizer."""
        return self._lost

    def feed(self, released: Released) -> list[Coded]:
        """See Depacketizer."""
        packet, lost = released
        out: list[Coded] = []
        if self._timestamp is not None and packet.timestamp != self._timestamp:
            if lost:
                self._break("incomplete")
            out += self._finish()
        if lost:
            self._lost = True
            if self._timestamp is not None:
                self._break("incomplete")
        if not packet.payload:
            return out
        if self._timestamp is None:
            self._timestamp, self._first_ns, self._after_loss = packet.timestamp, packet.arrival_ns, lost > 0
        self._take(packet)
        if packet.marker:
            out += self._finish()
        return out

    @abstractmethod
    def _add(self, payload: bytes) -> None:
        """Take one payload of the frame; `_break` where it cannot be of one."""

    @abstractmethod
    def _whole(self) -> tuple[bytes, bool] | None:
        """The frame's bytes and whether it is a keyframe; None where it is none (`_break` says why, else it is no
        loss). What was collected is forgotten."""

    def _break(self, reason: str) -> None:
        self._broken = self._broken or reason

    def _take(self, packet: RtpIn) -> None:
        self._last_ns = packet.arrival_ns
        self._size += len(packet.payload)
        if self._size > MAX_FRAME_BYTES:
            self._break("too_big")
        if self._broken is None:
            self._add(packet.payload)

    def _finish(self) -> list[Coded]:
        timestamp, self._timestamp = self._timestamp, None
        whole = self._whole()
        broken, self._broken, self._size = self._broken, None, 0
        if broken is not None:
            self.counts[broken] += 1
            self._lost = True
            return []
        if whole is None or timestamp is None:
            return []
        data, is_keyframe = whole
        if self._lost and not is_keyframe:
            self.counts["waiting_for_keyframe"] += 1
            return []
        lost_before, self._lost, self._began = self._lost and self._began, False, True
        return [Coded(timestamp, data, is_keyframe, self._first_ns, self._last_ns, lost_before)]


class Vp8Depacketizer(VideoDepacketizer):
    """VP8."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def _add(self, payload: bytes) -> None:
        begin = _vp8_descriptor(payload)
        if begin is None:
            self._break("malformed")
            return
        first = payload[0] & 0x10 and not payload[0] & 0x07  # S, partition 0
        if not self._parts and not first:
            self._break("incomplete")
            return
        self._parts.append(payload[begin:])

    def _whole(self) -> tuple[bytes, bool] | None:
        data = b"".join(self._parts)
        self._parts = []
        if not data:
            self._break("malformed")
            return None
        if not data[0] & 1 and not vp8_is_keyframe(data):
            self._break("malformed")
        return data, vp8_is_keyframe(data)


def _vp8_descriptor(payload: bytes) -> int | None:
    """Where the VP8 payload begins behind its descriptor; None where there is none."""
    at = 1
    if payload[0] & 0x80:
        if len(payload) < 2:
            return None
        flags = payload[1]
        at = 2
        if flags & 0x80:
            if len(payload) <= at:
                return None
            at += 2 if payload[at] & 0x80 else 1
        at += (1 if flags & 0x40 else 0) + (1 if flags & 0x30 else 0)
    return at if at < len(payload) else None


class H264Depacketizer(VideoDepacketizer):
    """H.264. Parameter sets are remembered and stand before every IDR picture, wherever the sender put them."""

    def __init__(self) -> None:
        super().__init__()
        self._nals: list[bytes] = []
        self._fragments: list[bytes] = []  # of the NAL unit that comes in pieces
        self._sets: dict[int, list[bytes]] = {}  # the newest SPS and PPS; there may be several of each

    def _add(self, payload: bytes) -> None:
        kind = payload[0] & 0x1F
        if self._fragments and kind != _FU_A:
            self._break("incomplete")
        elif 1 <= kind <= 23:
            self._nals.append(payload)
        elif kind == _STAP_A:
            self._unpack(payload)
        elif kind == _FU_A and len(payload) > 2:
            self._fragment(payload)
        else:
            self._break("malformed")

    def _unpack(self, payload: bytes) -> None:
        at = 1
        while at + 2 < len(payload):
            end = at + 2 + int.from_bytes(payload[at : at + 2], "big")
            if end == at + 2 or end > len(payload) or not 1 <= payload[at + 2] & 0x1F <= 23:
                break
            self._nals.append(payload[at + 2 : end])
            at = end
        if at != len(payload):
            self._break("malformed")

    def _fragment(self, payload: bytes) -> None:
        head = payload[1]
        if bool(head & _START) == bool(self._fragments):
            self._break("incomplete")
            return
        if head & _START:
            self._fragments.append(bytes((payload[0] & 0xE0 | head & 0x1F,)))
        self._fragments.append(payload[2:])
        if head & _END:
            self._nals.append(b"".join(self._fragments))
            self._fragments = []

    def _whole(self) -> tuple[bytes, bool] | None:
        nals, self._nals = self._nals, []
        if self._fragments:
            self._fragments = []
            self._break("incomplete")
        pictures = [nal for nal in nals if SLICE <= nal_type(nal) <= IDR]
        for kind in (SPS, PPS):
            if self._broken is None and (sets := [nal for nal in nals if nal_type(nal) == kind]):
                self._sets[kind] = sets
        if not pictures:
            return None  # parameter sets alone, or what a broken frame has left
        if self._after_loss and not starts_picture(pictures[0]):
            self._break("incomplete")
        is_keyframe = nal_type(pictures[0]) == IDR
        kept = [nal for nal in nals if nal_type(nal) not in (SPS, PPS, FILLER)]
        if is_keyframe:
            if len(self._sets) < 2:
                self._break("no_parameter_sets")
            kept = [*(nal for kind in sorted(self._sets) for nal in self._sets[kind]), *kept]
        return START_CODE + START_CODE.join(kept), is_keyframe


def depacketizer(codec: Codec) -> Depacketizer:
    """What takes this codec's packets."""
    made: dict[Codec, type[Depacketizer]] = {
        "opus": OpusDepacketizer,
        "vp8": Vp8Depacketizer,
        "h264": H264Depacketizer,
    }
    return made[codec]()
