"""Writes Matroska that is good at every byte: an endless segment of endless clusters, each block out as it comes.

Whatever a crash leaves of it can be played up to the cut, and a reader of a pipe waits for nothing. It is written here
and not by libav, whose muxer keeps a cluster back until the next begins. Pure: bytes out, no file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from recorder.bitstream import Parameters, Size
from recorder.frames import Codec

_EBML: Final = 0x1A45DFA3
_SEGMENT: Final = 0x18538067
_INFO: Final = 0x1549A966
_TRACKS: Final = 0x1654AE6B
_TRACK: Final = 0xAE
_CLUSTER: Final = 0x1F43B675
_BLOCK: Final = 0xA3
_UNKNOWN: Final = b"\x01" + b"\xff" * 7
_KEYFRAME: Final = 0x80
CLUSTER_MS: Final = 1_000
MAX_RELATIVE: Final = 30_000  # a block's time is 16 bits with a sign, relative to its cluster
SEEK_PREROLL_NS: Final = 80_000_000  # of Opus
_CODEC_IDS: Final[dict[Codec, str]] = {"opus": "A_OPUS", "h264": "V_MPEG4/ISO/AVC", "vp8": "V_VP8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MatroskaTrack:
    """One track of the segment. `size` is of video; `parameters` of H.264, whose blocks are NAL units with lengths;
    `frame_us` is how long each of its frames is, where they are all alike."""

    number: int
    codec: Codec
    size: Size | None = None
    parameters: Parameters | None = field(default=None, repr=False)
    frame_us: int = 0


def opus_head(channels: int = 2) -> bytes:
    """The identification header (RFC 7845 5.1); live sound has no pre-skip."""
    return b"OpusHead" + bytes((1, channels)) + b"\x00\x00" + (48_000).to_bytes(4, "little") + b"\x00\x00\x00"


class MatroskaStream:
    """`header` once, then `block` by block, in about the order of time."""

    def __init__(self, tracks: tuple[MatroskaTrack, ...], *, app: str = "clipd") -> None:
        self._tracks = tracks
        self._app = app
        self._cluster_ms: int | None = None

    def header(self) -> bytes:
        """Everything before the first cluster."""
        ebml = _element(
            _EBML,
            _number(0x4286, 1) + _number(0x42F7, 1) + _number(0x42F2, 4) + _number(0x42F3, 8)
            + _text(0x4282, "matroska") + _number(0x4287, 4) + _number(0x4285, 2),
        )  # fmt: skip
        info = _number(0x2AD7B1, 1_000_000) + _text(0x4D80, self._app) + _text(0x5741, self._app)
        entries = b"".join(_element(_TRACK, _entry(track)) for track in self._tracks)
        return ebml + _id(_SEGMENT) + _UNKNOWN + _element(_INFO, info) + _element(_TRACKS, entries)

    def block(self, number: int, at_ms: int, data: bytes, *, keyframe: bool, cuts: bool = False) -> bytes:
        """One frame. A cluster begins after CLUSTER_MS, and where it `cuts`: at keyframes of video."""
        lead = b""
        since_ms = None if self._cluster_ms is None else at_ms - self._cluster_ms
        if since_ms is None or since_ms >= CLUSTER_MS or since_ms < -MAX_RELATIVE or (cuts and since_ms > 0):
            lead = _id(_CLUSTER) + _UNKNOWN + _number(0xE7, max(0, at_ms))
            self._cluster_ms = max(0, at_ms)
        relative = at_ms - (self._cluster_ms or 0)
        head = bytes((0x80 | number,)) + relative.to_bytes(2, "big", signed=True)
        return lead + _element(_BLOCK, head + bytes((_KEYFRAME if keyframe else 0,)) + data)


def _entry(track: MatroskaTrack) -> bytes:
    kind: Literal[1, 2] = 2 if track.codec == "opus" else 1
    entry = _number(0xD7, track.number) + _number(0x73C5, track.number) + _number(0x83, kind) + _number(0x9C, 0)
    entry += _text(0x86, _CODEC_IDS[track.codec])
    if track.frame_us:
        entry += _number(0x23E383, track.frame_us * 1000)
    if track.parameters is not None:
        entry += _element(0x63A2, track.parameters.avcc())
    if kind == 1 and track.size is not None:
        return entry + _element(0xE0, _number(0xB0, track.size.width) + _number(0xBA, track.size.height))
    rate = _element(0xB5, b"\x40\xe7\x70\x00\x00\x00\x00\x00")  # 48 000.0
    entry += _element(0x63A2, opus_head()) + _number(0x56BB, SEEK_PREROLL_NS)
    return entry + _element(0xE1, rate + _number(0x9F, 2))


def _id(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _element(identity: int, body: bytes) -> bytes:
    size = len(body)
    if size < 0x7F:
        length = bytes((0x80 | size,))
    elif size < 0x3FFF:
        length = (0x4000 | size).to_bytes(2, "big")
    else:
        length = (0x10000000 | size).to_bytes(4, "big")  # up to 256 MiB
    return _id(identity) + length + body


def _number(identity: int, value: int) -> bytes:
    return _element(identity, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _text(identity: int, value: str) -> bytes:
    return _element(identity, value.encode())
