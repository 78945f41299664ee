"""Short pictures, really coded: a grey scene with a square that comes and goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np

from core.game import GameEvent, GameKind
from core.media import Packet, Track
from core.times import Ns, ns, ticks_to_ns, to_s
from detectors.hud.frames import Box, HudFrame

FPS = 20
WIDTH, HEIGHT = 160, 96
SQUARE = Box(120, 8, 32, 24)
OPTIONS = {
    "libx264": {"bf": "3", "x264-params": "scenecut=0:keyint={gop}:min-keyint={gop}:log-level=none"},
    "libx265": {"x265-params": "scenecut=0:keyint={gop}:min-keyint={gop}:log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "12", "svtav1-params": "keyint={gop}:scd=0"},
}
CODECS = {"libx264": "h264", "libx265": "hevc", "libvpx-vp9": "vp9", "libsvtav1": "av1"}
Shows = Callable[[float], bool]


def between(*spans: tuple[float, float]) -> Shows:
    """Whether the square shows at a second."""
    return lambda t_s: any(start <= t_s < end for start, end in spans)


def coded(
    length_s: float,
    shows: Shows,
    *,
    gop_s: float = 2.0,
    encoder: str = "libx264",
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> tuple[Track, list[Packet]]:
    """The scene in packets in the order of decoding, keyframes exactly `gop_s` apart."""
    gop = round(gop_s * FPS)
    context: Any = av.CodecContext.create(encoder, "w")
    context.width, context.height = size
    context.pix_fmt, context.time_base, context.framerate, context.gop_size = "yuv420p", Fraction(1, FPS), FPS, gop
    context.options = {key: value.format(gop=gop) for key, value in OPTIONS[encoder].items()}
    raw = []
    for n in range(round(length_s * FPS)):
        frame = av.VideoFrame.from_ndarray(scene(n / FPS, shows(n / FPS), size), format="rgb24").reformat(
            format="yuv420p"
        )
        frame.pts = n
        if encoder == "libvpx-vp9" and n % gop == 0:
            frame.pict_type = av.video.frame.PictureType.I
        raw += context.encode(frame)
    raw += context.encode(None)
    track = Track(
        kind="video", codec=CODECS[encoder], time_base=Fraction(1, FPS), width=size[0], height=size[1],
        extradata=bytes(context.extradata or b""),
    )  # fmt: skip
    return track, [_packet(one) for one in raw]


def scene(t_s: float, square: bool, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """A gradient that drifts, so that frames between keyframes hold something; and the square, white on it."""
    width, height = size
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = ((np.arange(width) + round(8 * t_s)) % 96)[None, :, None]
    if square:
        picture[SQUARE.y : SQUARE.y + SQUARE.h, SQUARE.x : SQUARE.x + SQUARE.w] = 250
    return picture


def _packet(raw: Any) -> Packet:
    pts, dts = ticks_to_ns(raw.pts, Fraction(1, FPS)), ticks_to_ns(raw.dts, Fraction(1, FPS))
    return Packet(
        kind="video", pts=raw.pts, dts=raw.dts, duration=1, time_base=Fraction(1, FPS), is_keyframe=raw.is_keyframe,
        data=bytes(raw), pts_ns=pts, dts_ns=dts, end_ns=Ns(pts + ns(1 / FPS)),
    )  # fmt: skip


class Eye:
    """A reader of the least kind: the square is there or not; an event when it was not there and is."""

    def __init__(self, shortest_s: float = 60.0) -> None:
        self.shortest_s = shortest_s
        self.looks: list[tuple[float, bool]] = []
        self.cuts = 0
        self._last: bool | None = None

    def boxes(self, width: int, height: int) -> dict[str, Box]:
        return {"square": SQUARE} if width >= WIDTH and height >= HEIGHT else {"square": Box(0, 0, 8, 8)}

    def differs(self, frame: HudFrame) -> bool:
        return self._last is not None and self._there(frame) != self._last

    def push(self, frame: HudFrame) -> list[GameEvent]:
        there = self._there(frame)
        came, self._last = there and self._last is False, there
        self.looks.append((round(to_s(frame.t_ns), 3), there))
        if not came:
            return []
        return [
            GameEvent(t_ns=frame.t_ns, known_ns=frame.t_ns, kind=GameKind.KILL, game="test", own=True, source="banner")
        ]

    def cut(self) -> None:
        self.cuts += 1
        self._last = None

    @property
    def times(self) -> list[float]:
        """When it looked."""
        return [t_s for t_s, _ in self.looks]

    def _there(self, frame: HudFrame) -> bool:
        return float(frame.crops["square"].mean()) > 170


def seconds(events: Sequence[GameEvent]) -> list[tuple[float, float]]:
    """When they happened and when they were known."""
    return [(round(to_s(event.t_ns), 3), round(to_s(event.known_ns), 3)) for event in events]
