"""Media values that flow between rooms: tracks, packets, decoded audio, small frames, gaps. Pure.

Raw ticks ride inside `Packet`; only daemon/ingest, ringbuffer, daemon/clips and recorder read them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from core.times import NS_PER_S, Ns

Kind = Literal["video", "audio"]

AUDIO_RATE: Final = 16_000  # Hz; what every detector and the speech recogniser take


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One elementary stream of a source. `template` is PyAV's stream, opaque here; equality ignores it."""

    kind: Kind
    codec: str  # libav's decoder-independent name: h264, hevc, av1, vp9, vp8, aac, opus, ...
    time_base: Fraction
    width: int = 0
    height: int = 0
    fps: float = 0.0  # average, 0 when unknown
    rate: int = 0  # audio sample rate in Hz
    channels: int = 0
    rotation: int = 0  # degrees clockwise that a player applies
    extradata: bytes = field(default=b"", repr=False)
    template: object = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One coded frame, placed on media time.

    `pts`/`dts` are the source's own ticks; `pts_ns`, `dts_ns` and `end_ns` are media time (set by the timeline).
    """

    kind: Kind
    pts: int
    dts: int
    duration: int
    time_base: Fraction
    is_keyframe: bool
    data: bytes = field(repr=False)
    pts_ns: Ns = Ns(0)
    dts_ns: Ns = Ns(0)
    end_ns: Ns = Ns(0)
    offset: int = -1  # byte offset in a source file, -1 when unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """A stretch of continuous timestamps. `wall_ns` is the UTC time (ns since 1970) of `start_ns`, when known.

    `by` says where the elapsed time since the old end came from: start, pdt, boottime, source (a replayed file).
    """

    number: int
    start_ns: Ns
    reason: str
    by: str
    wall_ns: int | None = None


SPEECH_TRACK: Final = "speech"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Media that is not there. `track` is `all`, `audio` or `video`; `reason` is a code users can see.

    On the track SPEECH_TRACK the media is there, and what is said in it was not transcribed.
    """

    start_ns: Ns
    end_ns: Ns
    reason: str
    track: str = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioBlock:
    """Decoded sound, 16 kHz mono float32 in -1..1, shape (n,); holes are already zeros and named as gaps."""

    start_ns: Ns
    samples: NDArray[np.float32] = field(repr=False)

    @property
    def end_ns(self) -> Ns:
        """Media time just after the last sample."""
        return Ns(self.start_ns + len(self.samples) * NS_PER_S // AUDIO_RATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyframeImage:
    """A decoded keyframe, small: uint8 grey of shape (height, width), longest side <= 160 px."""

    t_ns: Ns
    grey: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One chat line on media time. `user` is a hash; `kind` is msg, sub, raid, bits or announcement; `n` its size."""

    t_ns: Ns
    user: str
    text: str
    emotes: tuple[str, ...] = ()
    kind: str = "msg"
    n: int = 1
