"""RTMP's media messages as an FLV stream, which is what the demuxer reads. Pure; nothing is decoded.

Bodies pass through as they are, Enhanced RTMP's too (HEVC, AV1, VP9 by FourCC). Metadata is written anew from the few
values that are known: libav would act on others, an index of file positions for one.
"""

from __future__ import annotations

import math
from typing import Final

from daemon.doors.api import Refused
from daemon.doors.rtmp.amf import Value, encode, encode_ecma
from daemon.doors.rtmp.chunks import AUDIO, DATA, VIDEO, Message

HOLD_MS: Final = 1_000  # media that may pass before the header says which kinds there are
HOLD_BYTES: Final = 4 << 20
VIDEO_CODECS: Final = frozenset({b"avc1", b"hvc1", b"av01", b"vp09"})
AUDIO_CODECS: Final = frozenset({b"mp4a", b"Opus", b".mp3", b"ac-3", b"ec-3", b"fLaC"})
METADATA: Final = frozenset(
    {
        "width", "height", "framerate", "videocodecid", "videodatarate",
        "audiocodecid", "audiodatarate", "audiosamplerate", "audiosamplesize", "stereo",
    }
)  # fmt: skip
_AVC, _AAC, _MP3, _ENHANCED_AUDIO = 7, 10, 2, 9
_EX_START, _EX_MULTITRACK, _EX_MOD = 0, 6, 7  # packet types of Enhanced RTMP's video
_EX_AUDIO_MULTITRACK: Final = 5
_COMMAND_FRAME: Final = 5  # a seek marker, no picture
_MOD: Final = "Packets with sub-millisecond times (ModEx) are not accepted: turn them off"
_PLAIN: Final = "H.264, H.265, AV1 or VP9 with AAC, Opus, MP3 or AC-3"


class FlvWriter:
    """One publisher's FLV. `preamble` is what a reader that joins later needs first."""

    def __init__(self) -> None:
        self._metadata = b""
        self._starts: dict[int, bytes] = {}  # codec settings by kind of message, as tags
        self._held: list[bytes] = []
        self._held_from: int | None = None
        self._seen: set[int] = set()
        self._open = False
        self.restarted = False  # codec settings have changed: what was returned begins a new FLV

    def data(self, values: list[Value]) -> bytes:
        """A data message: `onMetaData` is kept for the header, captions and cue points are left out."""
        values = values[1:] if values and values[0] == "@setDataFrame" else values
        if len(values) >= 2 and values[0] == "onMetaData" and isinstance(values[1], dict) and not self._open:
            known = {name: value for name, value in values[1].items() if name in METADATA and _is_plain(value)}
            self._metadata = _tag(DATA, 0, encode("onMetaData") + encode_ecma(known))
        return b""

    def media(self, message: Message) -> bytes:
        """A video or audio message: the bytes to pass on, b"" while they are held. Raises Refused (codec)."""
        self.restarted = False
        if not message.body:
            return b""
        is_start = _check_video(message.body) if message.kind == VIDEO else _check_audio(message.body)
        if is_start is None:
            return b""
        fresh = message.kind not in self._seen
        self._seen.add(message.kind)
        if is_start:
            before, now = self._starts.get(message.kind), _tag(message.kind, 0, message.body)
            self._starts[message.kind] = now
            self.restarted = self._open and before != now  # some repeat them with every keyframe: no change
            return self.preamble() if self.restarted else b""
        tag = _tag(message.kind, message.time_ms, message.body)
        if not self._open:
            return self._hold(message, tag)
        self.restarted = fresh
        return self.preamble() + tag if fresh else tag

    def preamble(self) -> bytes:
        """Header, metadata and codec settings."""
        flags = (1 if VIDEO in self._seen else 0) | (4 if AUDIO in self._seen else 0)
        header = b"FLV\x01" + bytes([flags]) + (9).to_bytes(4) + bytes(4)
        return header + self._metadata + b"".join(self._starts[kind] for kind in sorted(self._starts, reverse=True))

    def finish(self) -> bytes:
        """What is still held when the publisher leaves."""
        return b"" if self._open or not self._held else self._begin()

    def _hold(self, message: Message, tag: bytes) -> bytes:
        self._held.append(tag)
        if self._held_from is None:
            self._held_from = message.time_ms
        passed = (message.time_ms - self._held_from) & 0xFFFFFFFF
        both = self._seen >= {VIDEO, AUDIO}
        if both or HOLD_MS < passed < 1 << 31 or sum(map(len, self._held)) > HOLD_BYTES:
            return self._begin()
        return b""

    def _begin(self) -> bytes:
        self._open = True
        held, self._held = b"".join(self._held), []
        return self.preamble() + held


def _tag(kind: int, time_ms: int, body: bytes) -> bytes:
    """Tag header, body, and the size that closes it. The high byte of the time stands after the other three."""
    head = bytes([kind]) + len(body).to_bytes(3) + (time_ms & 0xFFFFFF).to_bytes(3) + bytes([time_ms >> 24, 0, 0, 0])
    return b"".join((head, body, (len(body) + 11).to_bytes(4)))


def _check_video(body: bytes) -> bool | None:
    """Whether it holds codec settings; None: nothing to keep. Raises Refused for a codec that is not accepted."""
    first = body[0]
    if not first & 0x80:
        if first & 15 != _AVC:
            raise Refused("codec", f"Video codec {first & 15} is not accepted: use {_PLAIN}")
        return None if first >> 4 == _COMMAND_FRAME else len(body) > 1 and body[1] == 0
    packet = first & 15
    if first >> 4 & 7 == _COMMAND_FRAME or packet == _EX_MULTITRACK:
        return None  # of several tracks the first is taken: it comes outside of this packet type
    if packet == _EX_MOD:
        raise Refused("codec", _MOD)
    _check_fourcc(body, VIDEO_CODECS)
    return packet == _EX_START


def _check_audio(body: bytes) -> bool | None:
    first = body[0]
    if first >> 4 == _ENHANCED_AUDIO:
        if first & 15 == _EX_AUDIO_MULTITRACK:
            return None
        if first & 15 == _EX_MOD:
            raise Refused("codec", _MOD)
        _check_fourcc(body, AUDIO_CODECS)
        return first & 15 == _EX_START
    if first >> 4 not in (_AAC, _MP3):
        raise Refused("codec", f"Audio codec {first >> 4} is not accepted: use {_PLAIN}")
    return first >> 4 == _AAC and len(body) > 1 and body[1] == 0


def _check_fourcc(body: bytes, known: frozenset[bytes]) -> None:
    name = body[1:5]
    if name not in known:
        text = name.decode("ascii", "replace") if name.isalnum() else name.hex()
        raise Refused("codec", f"Codec {text} is not accepted: use {_PLAIN}")


def _is_plain(value: Value) -> bool:
    if isinstance(value, str):
        return len(value) <= 16  # the codec as a FourCC
    return isinstance(value, bool) or (isinstance(value, float) and math.isfinite(value) and 0 <= value < 1e9)
