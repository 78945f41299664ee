"""Decodes as little of a clip as will do: its index and keyframes, then spans of single GOPs. PyAV lives here.

A full decode of 1080p60 costs 0.2 core-seconds a second. Frames that nothing refers to and the deblocking of the rest
are left out (0.11), and most GOPs are decoded for a part only (`observe`). Times are ns of the finished clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, cast

import av
import numpy as np
from numpy.typing import NDArray

from core.errors import BadMedia
from core.times import Ns, ns_to_ticks, ticks_to_ns
from daemon.avopen import open_media
from daemon.framing.faces import Picture
from daemon.framing.values import Size, even

WIDEST: Final = 640  # px of the pictures that are looked at
_THUMB: Final = (64, 36)  # about, of the thumbs that cuts are found with
_MAX_PACKETS: Final = 400_000
_US: Final = Fraction(1, 1_000_000)
_PLANAR: Final = frozenset({"yuv420p", "yuvj420p", "nv12", "yuv422p", "yuvj422p", "yuv444p"})

Thumb = NDArray[np.uint8]  # about 36 x 64 luma


class Gop(NamedTuple):
    """A keyframe and what follows to the next. `times_ns` are those of its frames, sorted; `sizes` its packets' bytes
    in decoding order, the keyframe's first."""

    seek: int
    times_ns: tuple[Ns, ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """How coded pictures become upright ones with square pixels. `size` is what comes out at full size."""

    size: Size
    turns: int  # quarter turns counter-clockwise
    stretched: bool

    @classmethod
    def of(cls, frame: av.VideoFrame, aspect: Fraction | None) -> Shape:
        """From a decoded frame and the sample aspect ratio that the stream states."""
        sane = aspect if aspect is not None and Fraction(1, 8) <= aspect <= 8 else Fraction(1)
        width, height, turns = even(float(frame.width * sane)), even(frame.height), round(frame.rotation / 90) % 4
        if sane == 1:  # an odd column or row stays outside
            width, height = frame.width // 2 * 2, frame.height // 2 * 2
        size = Size(height, width) if turns % 2 else Size(width, height)
        return cls(size, turns, sane != 1)

    def picture(self, frame: av.VideoFrame) -> Picture:
        """Upright RGB of at most WIDEST px a side."""
        scale = min(1.0, WIDEST / max(self.size))
        small = Size(even(self.size.width * scale), even(self.size.height * scale))
        width, height = small[::-1] if self.turns % 2 else small
        rgb = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
        return cast(Picture, np.ascontiguousarray(np.rot90(rgb, self.turns)))


class Footage:
    """The picture of a file over a span, open for looking; close it or use it as a context."""

    def __init__(self, path: Path, start_ns: int, end_ns: int) -> None:
        """Raises BadMedia: no picture, or bytes that are no media."""
        self._media = open_media(path, "mov")
        if not self._media.streams.video:
            self._media.close()
            raise BadMedia("The clip has no picture", remedy="Only its sound can be used.", code="no_picture")
        self._stream = self._media.streams.video[0]
        self._base = Fraction(cast(Fraction, self._stream.time_base))
        self._zero = ns_to_ticks(ticks_to_ns(self._media.start_time or 0, _US) + start_ns, self._base)
        self.length_ns = Ns(end_ns - start_ns)
        self.rate = self._rate()
        context = self._stream.codec_context
        context.thread_count = 1
        context.options = {"flags2": "fast", "skip_loop_filter": "all"}
        self.aspect = self._stream.sample_aspect_ratio

    def __enter__(self) -> Footage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._media.close()

    def gops(self) -> list[Gop]:
        """Of the span, in order, by reading without decoding. Raises BadMedia when there is none."""
        found: list[tuple[int, list[Ns], list[int]]] = []
        for count, packet in enumerate(self._media.demux(self._stream)):
            if packet.pts is None or count > _MAX_PACKETS:
                continue  # the flush at the end
            if packet.is_keyframe:
                found.append((packet.pts if packet.dts is None else packet.dts, [], []))
            if found:
                found[-1][1].append(self._time(packet.pts))
                found[-1][2].append(packet.size)
        gops = [Gop(seek, tuple(sorted(times)), tuple(sizes)) for seek, times, sizes in found]
        inside = [gop for gop in gops if gop.times_ns[-1] >= 0 and gop.times_ns[0] < self.length_ns]
        if not inside:
            raise BadMedia("The clip has no picture in that span", remedy="Cut elsewhere.", code="no_picture")
        return inside

    def frames(self, gop: Gop, *, every: bool = False) -> Iterator[tuple[Ns, av.VideoFrame]]:
        """Frames of a GOP as they are shown, of the span only; without `every` those that others refer to.

        Damaged ones are left out. Stop reading to stop decoding.
        """
        context = self._stream.codec_context
        context.flush_buffers()
        context.skip_frame = "DEFAULT" if every else "NONREF"
        for frame in self._decoded(gop):
            if frame.pts is None or frame.is_corrupt:
                continue
            t_ns = self._time(frame.pts)
            if gop.times_ns[0] <= t_ns < self.length_ns and t_ns >= 0:
                yield t_ns, frame

    def in_file(self, t_ns: Ns) -> Ns:
        """A time of the span as the file's own clock has it, whose first frame is at `start_time`."""
        return Ns(t_ns + ticks_to_ns(self._zero, self._base))

    def _decoded(self, gop: Gop) -> Iterator[av.VideoFrame]:
        try:
            self._media.seek(gop.seek, stream=self._stream)
            left = len(gop.sizes)
            for packet in self._media.demux(self._stream):
                at = packet.pts if packet.dts is None else packet.dts
                if at is not None and at < gop.seek:
                    continue
                left -= 1
                if left < 0 or packet.pts is None:
                    break
                yield from self._stream.codec_context.decode(packet)
            yield from self._stream.codec_context.decode(None)
        except (av.FFmpegError, ValueError):
            return  # what came before it is used

    def _time(self, ticks: int) -> Ns:
        return ticks_to_ns(ticks - self._zero, self._base)

    def _rate(self) -> Fraction:
        rates = (self._stream.average_rate, self._stream.guessed_rate)
        return next((Fraction(rate) for rate in rates if rate and 1 <= rate <= 1000), Fraction(30))


def thumb_of(frame: av.VideoFrame) -> Thumb:
    """Points of the luma plane, not averaged: 30 us where a scaled picture costs 1 ms. As coded, not upright."""
    if frame.format.name not in _PLANAR:
        small = frame.reformat(width=_THUMB[0], height=_THUMB[1], format="gray", interpolation="AREA")
        return cast(Thumb, small.to_ndarray())
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
    down, across = max(1, frame.height // _THUMB[1]), max(1, frame.width // _THUMB[0])
    return np.ascontiguousarray(rows[down // 2 :: down, across // 2 :: across])
