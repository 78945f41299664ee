"""What coded frames say about themselves: H.264, VP8 and Opus. Pure; damaged bytes give None and never raise."""

from __future__ import annotations

from typing import Final, NamedTuple

SLICE: Final = 1
IDR: Final = 5
SPS: Final = 7
PPS: Final = 8
FILLER: Final = 12
START_CODE: Final = b"\x00\x00\x00\x01"
MAX_SIDE: Final = 8192
_HIGH_PROFILES: Final = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128})
_FRAME_US: Final = (
    (10_000, 20_000, 40_000, 60_000),  # SILK, configurations 0..11
    (10_000, 20_000),  # hybrid, 12..15
    (2_500, 5_000, 10_000, 20_000),  # CELT, 16..31
)


class Size(NamedTuple):
    """Of a picture, in pixels."""

    width: int
    height: int


def nal_type(nal: bytes) -> int:
    """The type of a NAL unit that is not empty."""
    return nal[0] & 0x1F


def split_annex_b(data: bytes) -> list[bytes]:
    """The NAL units of an Annex B stream, without start codes and trailing zeros."""
    nals: list[bytes] = []
    at = data.find(b"\x00\x00\x01")
    while at >= 0:
        begin = at + 3
        at = data.find(b"\x00\x00\x01", begin)
        nal = data[begin : at if at >= 0 else len(data)].rstrip(b"\x00")
        if nal:
            nals.append(nal)
    return nals


def starts_picture(nal: bytes) -> bool:
    """Whether a slice is the first of its picture: `first_mb_in_slice` is 0, whose code is a single one bit."""
    return len(nal) > 1 and bool(nal[1] & 0x80)


class Parameters(NamedTuple):
    """The parameter sets of an H.264 stream, at least one of each."""

    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]

    def avcc(self) -> bytes:
        """The AVCDecoderConfigurationRecord (ISO 14496-15 5.3.3), with NAL lengths of four bytes."""
        return b"".join(
            (
                bytes((1, *self.sps[0][1:4], 0xFF, 0xE0 | len(self.sps))),
                *(len(nal).to_bytes(2, "big") + nal for nal in self.sps),
                bytes((len(self.pps),)),
                *(len(nal).to_bytes(2, "big") + nal for nal in self.pps),
            )
        )


def parameters_of(nals: list[bytes]) -> Parameters | None:
    """The parameter sets among these NAL units; None unless both kinds are there and can be written down."""
    sps = tuple(nal for nal in nals if nal_type(nal) == SPS)
    pps = tuple(nal for nal in nals if nal_type(nal) == PPS)
    if not 0 < len(sps) < 32 or not 0 < len(pps) < 256 or len(sps[0]) < 4 or max(map(len, sps + pps)) > 0xFFFF:
        return None
    return Parameters(sps, pps)


def with_lengths(nals: list[bytes]) -> bytes:
    """NAL units as MP4 and Matroska store them: each behind its length."""
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


class _Bits:
    """Reads exp-Golomb codes. Raises IndexError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data.replace(b"\x00\x00\x03", b"\x00\x00")  # emulation prevention
        self._at = 0

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            byte = self._data[self._at >> 3]
            value = value << 1 | byte >> (7 - (self._at & 7)) & 1
            self._at += 1
        return value

    def unsigned(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise IndexError
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        code = self.unsigned()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def h264_size(sps: bytes) -> Size | None:
    """The cropped picture size that a sequence parameter set gives; None where it gives none that can be."""
    try:
        size = _sps_size(sps)
    except IndexError:
        return None
    return size if 0 < size.width <= MAX_SIDE and 0 < size.height <= MAX_SIDE else None


def _sps_size(sps: bytes) -> Size:
    bits = _Bits(sps[1:])
    profile = bits.take(8)
    bits.take(16)
    bits.unsigned()  # seq_parameter_set_id
    chroma = _high_profile(bits) if profile in _HIGH_PROFILES else 1
    bits.unsigned()  # log2_max_frame_num
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.unsigned(), 256)):
            bits.signed()
    bits.unsigned()  # max_num_ref_frames
    bits.take(1)
    width = (bits.unsigned() + 1) * 16
    map_units = (bits.unsigned() + 1) * 16
    frame_only = bits.take(1)
    height = map_units * (2 - frame_only)
    if not frame_only:
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        across = 2 if chroma in (1, 2) else 1
        down = (2 if chroma == 1 else 1) * (2 - frame_only)
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width -= (left + right) * across
        height -= (top + bottom) * down
    return Size(width, height)


def _high_profile(bits: _Bits) -> int:
    """Pass what only high profiles have; the chroma format."""
    chroma = bits.unsigned()
    if chroma == 3:
        bits.take(1)
    bits.unsigned()
    bits.unsigned()
    bits.take(1)
    if bits.take(1):
        for number in range(8 if chroma != 3 else 12):
            if bits.take(1):
                _scaling_list(bits, 16 if number < 6 else 64)
    return chroma


def _scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def vp8_is_keyframe(data: bytes) -> bool:
    """Whether a VP8 frame is a whole keyframe header's worth of one (RFC 6386 9.1)."""
    return len(data) >= 10 and not data[0] & 1 and data[3:6] == b"\x9d\x01\x2a"


def vp8_size(data: bytes) -> Size | None:
    """The picture size in a keyframe; None in others."""
    if not vp8_is_keyframe(data):
        return None
    size = Size(int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF)
    return size if 0 < size.width <= MAX_SIDE and 0 < size.height <= MAX_SIDE else None


def opus_us(data: bytes) -> int | None:
    """How much sound an Opus packet holds, in microseconds (RFC 6716 3.1); None for what is no Opus packet."""
    if not data:
        return None
    config, code = data[0] >> 3, data[0] & 3
    if config < 12:
        frame_us = _FRAME_US[0][config & 3]
    else:
        frame_us = _FRAME_US[1][config & 1] if config < 16 else _FRAME_US[2][config & 3]
    if code == 3 and len(data) < 2:
        return None
    frames = (1, 2, 2, data[1] & 0x3F if code == 3 else 0)[code]
    length_us = frames * frame_us
    return length_us if 0 < length_us <= 120_000 else None
