"""What the live tracks of a room or a WHIP publisher are made of, once WebRTC is behind them. Pure values.

A *track* is named by what it shows, whoever sends it: `mic`, `cam` or `screen`. A *generation* is one connection of one
publisher; its RTP timestamps are one line that only grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

TrackName = Literal["mic", "cam", "screen"]
Codec = Literal["opus", "h264", "vp8"]
VideoCodec = Literal["h264", "vp8"]

CLOCK_RATES: Final[dict[Codec, int]] = {"opus": 48_000, "h264": 90_000, "vp8": 90_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedFrame:
    """One coded frame of one live track, complete: every packet of it has come.

    `rtp` is the unwrapped RTP timestamp in ticks of `clock_rate`; it only grows within one generation. `arrival_ns` is
    the CLOCK_BOOTTIME of its last packet, `room_ms` when it was captured, on the room's clock (recorder/clock.py).
    H.264 is Annex B with the parameter sets before each IDR. `lost_before`: something is missing between the frame
    before and this one; for video it is then a keyframe, since what refers to lost pictures is left out.
    """

    track: TrackName
    codec: Codec
    rtp: int
    clock_rate: int
    arrival_ns: int
    room_ms: float
    is_keyframe: bool
    data: bytes = field(repr=False)
    lost_before: bool = False
