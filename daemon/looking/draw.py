"""Draws on frames for people who make a HUD: what was found where, and rulers to read coordinates off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from detectors.hud.explain import Seen, boxes_of
from detectors.hud.frames import Box, Picture
from detectors.hud.model import LoadedHud

_SMALL: Final = 960  # a frame with fewer columns is drawn twice as large
_STEPS: Final = (20, 40, 50, 100, 200)  # px between the lines of a ruler
_ROW: Final = 6  # times as wide as high: labelled at its end
_LINES: Final = 24  # of them at most, across


def ruled(picture: Picture) -> bytes:
    """The frame as a JPEG with lines and numbers every few pixels of the frame; a small frame is drawn larger."""
    height, width = picture.shape[:2]
    zoom = 2 if width < _SMALL else 1
    canvas = _canvas(picture, zoom)
    step = next((one for one in _STEPS if width / one <= _LINES), _STEPS[-1])
    faint = canvas.copy()
    for at in range(step, max(width, height), step):
        cv2.line(faint, (at * zoom, 0), (at * zoom, height * zoom), (255, 255, 255), 1)
        cv2.line(faint, (0, at * zoom), (width * zoom, at * zoom), (255, 255, 255), 1)
    canvas = np.asarray(cv2.addWeighted(faint, 0.45, canvas, 0.55, 0), np.uint8)
    for at in range(step, width, step):
        _label(canvas, str(at), at * zoom + 2, height * zoom - 4, (255, 255, 0), 1)
    for at in range(step, height, step):
        _label(canvas, str(at), width * zoom - 34, at * zoom - 2, (255, 255, 0), 1)
    return _jpeg(canvas)


def annotated(picture: Picture, loaded: LoadedHud, seen: Sequence[Seen]) -> bytes:
    """The frame as a JPEG: regions grey, what was found green, what was nearest to it red. A small one drawn larger."""
    height, width = picture.shape[:2]
    zoom = 2 if width < _SMALL else 1
    canvas = _canvas(picture, zoom)
    line = max(1, round(height * zoom / 720))
    for name, box in boxes_of(loaded, width, height).items():
        _box(canvas, _zoomed(box, zoom), (200, 200, 200), name, line)
    for one in seen:
        label = one.text[:48] if one.text else f"{one.what} {one.score:.2f}"
        _box(canvas, _zoomed(one.box, zoom), (60, 230, 60) if one.found else (70, 70, 250), label, line)
    return _jpeg(canvas)


def _canvas(picture: Picture, zoom: int) -> Picture:
    size = (picture.shape[1] * zoom, picture.shape[0] * zoom)
    large = cv2.resize(np.ascontiguousarray(picture[..., ::-1]), size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(large, np.uint8)


def png_of(picture: Picture) -> bytes:
    """A cut-out as a PNG."""
    _, raw = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
    return raw.tobytes()


def _zoomed(box: Box, zoom: int) -> Box:
    return Box(*(value * zoom for value in box))


def _box(canvas: Picture, box: Box, colour: tuple[int, int, int], label: str, line: int) -> None:
    cv2.rectangle(canvas, (box.x, box.y), (box.x + box.w - 1, box.y + box.h - 1), colour, line)
    if box.w > _ROW * box.h and box.x + box.w < canvas.shape[1] * 0.6:  # a row has others above and below it
        _label(canvas, label, box.x + box.w + 6, box.y + box.h - 3, colour, line)
        return
    y = box.y - 4 if box.y > 16 * line else box.y + box.h + 12 * line
    _label(canvas, label, box.x, min(y, canvas.shape[0] - 3), colour, line)


def _label(canvas: Picture, label: str, x: int, y: int, colour: tuple[int, int, int], line: int) -> None:
    plain = "".join(c if " " <= c <= "~" else "?" for c in label)  # what OpenCV's font has
    size = 0.42 * line
    (wide, high), _ = cv2.getTextSize(plain, cv2.FONT_HERSHEY_SIMPLEX, size, line)
    x = max(0, min(x, canvas.shape[1] - wide - 2))
    cv2.rectangle(canvas, (x, y - high - 2), (x + wide, y + 3), (0, 0, 0), -1)
    cv2.putText(canvas, plain, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, colour, line, cv2.LINE_AA)


def _jpeg(canvas: Picture) -> bytes:
    _, raw = cv2.imencode(".jpg", canvas, (cv2.IMWRITE_JPEG_QUALITY, 85))
    return raw.tobytes()
