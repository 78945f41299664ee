"""NAL units of H.264 and H.265: start codes and lengths, parameter sets in headers, keyframes that decode on their own.

Pure. Written for one purpose: to put two streams of one codec one behind the other in one track.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

H264_IDR: Final = 5
H264_SETS: Final = frozenset({7, 8})  # SPS, PPS
HEVC_SETS: Final = frozenset({32, 33, 34})  # VPS, SPS, PPS
HEVC_CRA: Final = 21
HEVC_BLA_ALONE: Final = 18  # BLA_N_LP: broken link, no leading pictures
HEVC_IRAP: Final = range(16, 24)
_START: Final = b"\0\0\0\1"
_CODE: Final = re.compile(rb"\x00\x00\x01")
_TO_ESCAPE: Final = re.compile(rb"\x00\x00(?=[\x00-\x03])")


def nal_type(codec: str, unit: bytes) -> int:
    """nal_unit_type: Rec. H.264 table 7-1, Rec. H.265 table 7-1. -1 for an empty unit."""
    if not unit:
        return -1
    return unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63


def is_parameter_set(codec: str, unit: bytes) -> bool:
    """Whether the unit is a VPS, SPS or PPS."""
    return nal_type(codec, unit) in (H264_SETS if codec == "h264" else HEVC_SETS)


def length_size(codec: str, extradata: bytes) -> int:
    """Bytes of the length before each unit; 0 where start codes are used (extradata is Annex B, or empty)."""
    if extradata[:1] != b"\1":
        return 0
    at = 4 if codec == "h264" else 21
    return (extradata[at] & 3) + 1 if len(extradata) > at else 0


def units(data: bytes, size: int) -> list[bytes]:
    """The NAL units of a packet. `size` as from length_size. A length that reaches beyond the packet ends the list."""
    return list(_by_length(data, size) if size else _by_code(data))


def annexb(parts: Iterable[bytes]) -> bytes:
    """Units with start codes, which libav's MP4 muxer turns into lengths again."""
    return b"".join(_START + part for part in parts)


def parameter_sets(codec: str, extradata: bytes) -> list[bytes]:
    """VPS, SPS and PPS of avcC, hvcC or Annex B extradata, in their order; [] where it is none of these or damaged."""
    if extradata[:1] != b"\1":
        found = units(extradata, 0)
    else:
        found = list(_avcc(extradata) if codec == "h264" else _hvcc(extradata))
    return [unit for unit in found if is_parameter_set(codec, unit)]


def unescaped(unit: bytes) -> bytes:
    """Without emulation prevention bytes."""
    return unit.replace(b"\0\0\3", b"\0\0")


def escaped(raw: bytes) -> bytes:
    """With emulation prevention bytes (Rec. H.264 7.4.1, Rec. H.265 7.4.2)."""
    return _TO_ESCAPE.sub(b"\0\0\3", raw)


def stands_alone(codec: str, parts: Iterable[bytes]) -> bool:
    """Whether a picture resets the decoder, or can be made to (`as_entry`): IDR in H.264, any IRAP in H.265."""
    types = {nal_type(codec, unit) for unit in parts}
    if codec == "h264":
        return H264_IDR in types
    return any(kind in HEVC_IRAP for kind in types)


def as_entry(codec: str, unit: bytes) -> bytes:
    """A unit of the picture behind a joint: a CRA becomes a BLA, which is what Rec. H.265 calls a spliced CRA.

    Both have the same slice header. no_output_of_prior_pics_flag (its second bit) is cleared: what was decoded before
    the joint must still be shown.
    """
    kind = nal_type(codec, unit)
    if codec != "hevc" or kind not in HEVC_IRAP or len(unit) < 3:
        return unit
    kind = HEVC_BLA_ALONE if kind == HEVC_CRA else kind
    return bytes((unit[0] & 0x81 | kind << 1, unit[1], unit[2] & 0xBF)) + unit[3:]


def _by_length(data: bytes, size: int) -> Iterator[bytes]:
    at = 0
    while at + size < len(data):
        length = int.from_bytes(data[at : at + size])
        at += size
        if length > len(data) - at:
            return
        if length:
            yield data[at : at + length]
        at += length


def _by_code(data: bytes) -> Iterator[bytes]:
    """Zeros before a start code belong to it: a unit never ends with one."""
    starts = [match.end() for match in _CODE.finditer(data)]
    for start, after in zip(starts, [*(s - 3 for s in starts[1:]), len(data)], strict=False):
        if unit := data[start:after].rstrip(b"\0"):
            yield unit


def _avcc(extradata: bytes) -> Iterator[bytes]:
    """ISO/IEC 14496-15, 5.3.3.1: counts of SPS (5 bits) and PPS (8 bits), each unit with 16 bits of length."""
    at = 5
    for mask in (0x1F, 0xFF):
        count = extradata[at] & mask if at < len(extradata) else 0
        at += 1
        for _ in range(count):
            length = int.from_bytes(extradata[at : at + 2])
            yield extradata[at + 2 : at + 2 + length]
            at += 2 + length


def _hvcc(extradata: bytes) -> Iterator[bytes]:
    """ISO/IEC 14496-15, 8.3.3.1: arrays of units from byte 22 on."""
    at = 23
    for _ in range(extradata[22] if len(extradata) > 22 else 0):
        count = int.from_bytes(extradata[at + 1 : at + 3])
        at += 3
        for _ in range(count):
            length = int.from_bytes(extradata[at : at + 2])
            yield extradata[at + 2 : at + 2 + length]
            at += 2 + length
            if at > len(extradata):
                return
