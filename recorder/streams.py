"""Coded frames of live tracks as blocks of Matroska: what the writer of files and the live stream share. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from recorder.bitstream import (
    Parameters,
    Size,
    h264_size,
    opus_us,
    parameters_of,
    split_annex_b,
    vp8_size,
    with_lengths,
)
from recorder.frames import Codec, EncodedFrame
from recorder.matroska import MatroskaStream, MatroskaTrack

NO_SIZE: Final = Size(0, 0)


class Shape(NamedTuple):
    """What a reader has to know of a track before its first frame; another shape needs another header."""

    codec: Codec
    size: Size = NO_SIZE
    parameters: Parameters | None = None
    frame_us: int = 0  # of sound: how long a packet is


def shape_of(frame: EncodedFrame) -> Shape | None:
    """The shape that a keyframe begins; None where it cannot be told: then it is no beginning."""
    if frame.codec == "opus":
        return Shape("opus", frame_us=opus_us(frame.data) or 0)
    if not frame.is_keyframe:
        return None
    if frame.codec == "vp8":
        size = vp8_size(frame.data)
        return None if size is None else Shape("vp8", size)
    parameters = parameters_of(split_annex_b(frame.data))
    if parameters is None or (size := h264_size(parameters.sps[0])) is None:
        return None
    return Shape("h264", size, parameters)


class Blocks:
    """The Matroska of some tracks, whose times only grow, track by track, by at least 1 ms a frame."""

    def __init__(self, shapes: tuple[Shape, ...]) -> None:
        self._numbers = {shape.codec: number for number, shape in enumerate(shapes, 1)}
        self._last: dict[int, int] = {}
        self._stream = MatroskaStream(
            tuple(
                MatroskaTrack(
                    number=self._numbers[shape.codec],
                    codec=shape.codec,
                    size=shape.size,
                    parameters=shape.parameters,
                    frame_us=shape.frame_us,
                )
                for shape in shapes
            )
        )

    def header(self) -> bytes:
        """Everything before the first frame."""
        return self._stream.header()

    def block(self, frame: EncodedFrame, at_ms: float) -> bytes:
        """A frame of one of the tracks, at this time."""
        number = self._numbers[frame.codec]
        ms = max(round(at_ms), self._last.get(number, -1) + 1)
        self._last[number] = ms
        data = with_lengths(split_annex_b(frame.data)) if frame.codec == "h264" else frame.data
        return self._stream.block(
            number, ms, data, keyframe=frame.is_keyframe, cuts=frame.is_keyframe and frame.codec != "opus"
        )
