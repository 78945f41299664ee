"""Ids of parameter sets: which a stream uses, which are free, and giving a stream of ours others. Pure.

Two streams share one sample entry when no id of the one is an id of the other: then every picture finds its own sets.
x264 takes the id as an option. x265 has none, so its units are rewritten here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from daemon.clips.smart.nal import HEVC_IRAP, escaped, is_parameter_set, nal_type, unescaped

H264_SPS, H264_PPS = 7, 8
HEVC_VPS, HEVC_SPS, HEVC_PPS = 32, 33, 34
# Ids from 15 to 30 have a code of 9 bits, id 0 one of 1 bit: a slice header grows by a whole byte, and all that
# follows in it keeps its place in its byte.
_WIDE_IDS: Final = range(15, 31)
_HEADER_BYTES: Final = 8  # of a slice, enough to hold its ids
_TIER_BITS: Final = 96  # profile_tier_level() of a stream without temporal sub-layers (Rec. H.265, 7.3.3)


@dataclass(frozen=True, slots=True)
class SetIds:
    """Ids for a stream of ours. H.264 uses `sps` for both of its kinds."""

    vps: int
    sps: int
    pps: int


class Bits:
    """Reads a payload bit by bit. Raises ValueError at its end: what is read comes from a stream."""

    def __init__(self, raw: bytes) -> None:
        self._value, self._length = int.from_bytes(raw), 8 * len(raw)
        self.at = 0

    def take(self, count: int) -> int:
        """The next bits as a number."""
        if self.at + count > self._length:
            raise ValueError("the parameter set ends early")
        self.at += count
        return self._value >> (self._length - self.at) & ((1 << count) - 1)

    def ue(self) -> int:
        """An Exp-Golomb code, ue(v)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise ValueError("no Exp-Golomb code")
        return (1 << zeros) - 1 + self.take(zeros)


def free_ids(codec: str, sets: Iterable[bytes]) -> SetIds | None:
    """Ids that none of the sets has; None when the sets cannot be read or no id is left."""
    used: dict[int, set[int]] = {}
    try:
        for unit in sets:
            used.setdefault(nal_type(codec, unit), set()).add(_id_of(codec, unit))
    except ValueError:
        return None
    if codec == "h264":
        taken = used.get(H264_SPS, set()) | used.get(H264_PPS, set())
        both = next((n for n in range(1, 32) if n not in taken), None)
        return None if both is None else SetIds(0, both, both)
    vps = next((n for n in range(1, 16) if n not in used.get(HEVC_VPS, set())), None)
    sps = next((n for n in range(1, 16) if n not in used.get(HEVC_SPS, set())), None)
    pps = next((n for n in _WIDE_IDS if n not in used.get(HEVC_PPS, set())), None)
    return None if vps is None or sps is None or pps is None else SetIds(vps, sps, pps)


def renamed(unit: bytes, ids: SetIds) -> bytes:
    """An H.265 unit of a stream whose ids are all 0 (x265's), with these ids. Raises ValueError for another stream."""
    kind, raw = nal_type("hevc", unit), unescaped(unit)
    if kind == HEVC_VPS:
        return escaped(raw[:2] + bytes((ids.vps << 4 | raw[2] & 15,)) + raw[3:])
    if kind == HEVC_SPS:
        head = raw[:2] + bytes((ids.vps << 4 | raw[2] & 15,))
        return escaped(head + _swapped(raw[3:], _TIER_BITS, [ids.sps]))
    if kind == HEVC_PPS:
        return escaped(raw[:2] + _swapped(raw[2:], 0, [ids.pps, ids.sps]))
    if kind < 32:
        at = 2 if kind in HEVC_IRAP else 1  # behind first_slice_segment_in_pic_flag, no_output_of_prior_pics_flag
        return escaped(raw[:2] + _swapped(raw[2:_HEADER_BYTES], at, [ids.pps]) + raw[_HEADER_BYTES:])
    return unit


def level_of(codec: str, sets: Sequence[bytes]) -> int:
    """level_idc of the first SPS of an H.264 stream (31 is level 3.1); 0 where there is none."""
    found = (unit for unit in sets if codec == "h264" and nal_type(codec, unit) == H264_SPS and len(unit) > 3)
    return next((unit[3] for unit in found), 0)


def _id_of(codec: str, unit: bytes) -> int:
    raw = unescaped(unit)
    if codec == "h264":
        return Bits(raw[4:] if nal_type(codec, unit) == H264_SPS else raw[1:]).ue()
    kind = nal_type(codec, unit)
    if kind == HEVC_VPS:
        return Bits(raw[2:]).take(4)
    bits = Bits(raw[2:])
    if kind == HEVC_SPS:
        bits.take(4)
        layers = bits.take(3)
        bits.take(1)
        _skip_tier(bits, layers)
    return bits.ue()


def _skip_tier(bits: Bits, layers: int) -> None:
    bits.take(_TIER_BITS)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile, level in present:
        bits.take(88 * profile + 8 * level)


def _swapped(raw: bytes, at: int, ids: Sequence[int]) -> bytes:
    """The payload with other ids in place of zeros (code `1`) that stand at a bit. Its trailing bits close the byte.

    In a slice header the new code is 8 bits longer, so nothing behind it moves in its byte.
    """
    text = f"{int.from_bytes(raw):0{8 * len(raw)}b}"
    if text[at : at + len(ids)] != "1" * len(ids):
        raise ValueError("the stream's ids are not 0")
    text = text[:at] + "".join(map(_ue, ids)) + text[at + len(ids) :]
    if len(text) % 8:  # a parameter set: its end is a 1 and zeros
        text = text[: text.rindex("1") + 1]
        text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8)


def _ue(value: int) -> str:
    code = f"{value + 1:b}"
    return "0" * (len(code) - 1) + code


def sets_in(codec: str, parts: Iterable[bytes]) -> list[bytes]:
    """The parameter sets among a packet's units."""
    return [unit for unit in parts if is_parameter_set(codec, unit)]
