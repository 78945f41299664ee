"""Cuts regions out of a decoded frame: from its planes, so that a picture is never converted as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.hud.frames import Box, Picture

Plane = NDArray[np.uint8]


class _Layout(NamedTuple):
    """How libav lays out planes of YUV: log2 of how much smaller chroma is across and down, and bits of a sample."""

    across: int
    down: int
    bits: int


_SHAPES: Final = {"yuv420p": (1, 1), "yuv422p": (1, 0), "yuv444p": (0, 0)}
_LAYOUTS: Final = {
    **{name: _Layout(*shape, 8) for name, shape in _SHAPES.items()},
    **{name.replace("yuv", "yuvj"): _Layout(*shape, 8) for name, shape in _SHAPES.items()},
    **{f"{name}{bits}le": _Layout(*shape, bits) for name, shape in _SHAPES.items() for bits in (10, 12)},
}
_LUMA: Final = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}  # libav's colour spaces
_FULL_RANGE: Final = 2
_HD_LINES: Final = 720  # a picture that does not say is BT.709 from here on, BT.601 below: what players assume


def cut_out(frame: Any, boxes: Mapping[str, Box]) -> dict[str, Picture]:
    """Every box of a PyAV frame as RGB, uint8 of shape (h, w, 3). The boxes lie in the picture and are even."""
    layout = _LAYOUTS.get(frame.format.name)
    if layout is None:  # RGB and rarer ones: screen codecs and odd captures
        whole = frame.to_ndarray(format="rgb24")
        return {name: np.ascontiguousarray(whole[b.y : b.y + b.h, b.x : b.x + b.w]) for name, b in boxes.items()}
    planes = [_plane(plane, layout.bits) for plane in frame.planes]
    matrix = _to_rgb(frame)
    return {name: _cut(planes, box, layout, matrix) for name, box in boxes.items()}


def _cut(planes: list[Plane], box: Box, layout: _Layout, matrix: NDArray[np.float32]) -> Picture:
    parts: list[Any] = [np.ascontiguousarray(planes[0][box.y : box.y + box.h, box.x : box.x + box.w])]
    x0, x1 = box.x >> layout.across, (box.x + box.w) >> layout.across
    y0, y1 = box.y >> layout.down, (box.y + box.h) >> layout.down
    for plane in planes[1:3]:
        small = np.ascontiguousarray(plane[y0:y1, x0:x1])
        parts.append(cv2.resize(small, (box.w, box.h), interpolation=cv2.INTER_LINEAR))
    return np.asarray(cv2.transform(cv2.merge(parts), matrix), np.uint8)


def _plane(plane: Any, bits: int) -> Plane:
    if bits == 8:
        return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
    deep = np.frombuffer(plane, "<u2").reshape(-1, plane.line_size // 2)[: plane.height, : plane.width]
    return (deep >> (bits - 8)).astype(np.uint8)


def _to_rgb(frame: Any) -> NDArray[np.float32]:
    """The 3 x 4 matrix from Y, U, V in 0..255 to R, G, B (ITU-R BT.601, BT.709 or BT.2020, as the frame says)."""
    red, blue = _LUMA.get(int(frame.colorspace), _LUMA[1] if frame.height >= _HD_LINES else _LUMA[6])
    green = 1.0 - red - blue
    full = int(frame.color_range) == _FULL_RANGE or frame.format.name.startswith("yuvj")
    luma, chroma, black = (1.0, 1.0, 0.0) if full else (255 / 219, 255 / 224, 16.0)
    v_red, u_blue = 2 * (1 - red) * chroma, 2 * (1 - blue) * chroma
    u_green, v_green = -u_blue * blue / green, -v_red * red / green
    colours = np.array([[luma, 0, v_red], [luma, u_green, v_green], [luma, u_blue, 0]], np.float32)
    offset = -colours @ np.array([black, 128, 128], np.float32)
    return np.hstack([colours, offset[:, None]]).astype(np.float32)
