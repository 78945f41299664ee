"""How good a picture of a clip is as its poster: sharp, well exposed, with a face. Pure; all marks are 0 (bad) to 1.

Blur is the measure of Crete, Dolmiere, Ladret and Nicolas, "The blur effect" (SPIE 6492, 2007): how little a picture
changes when it is blurred once more. It is taken along rows and columns apart and the worse one counts, so that the
blur of a movement, which lies in one direction, is seen although edges across it stay sharp.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
_WINDOW: Final = 9  # pixels that the second blur averages, as in the paper
_SHARP, _BLURRED = 0.28, 0.62  # of the blur effect at 360 px: footage in focus; a face that cannot be made out
_DARK, _DIM, _BRIGHT, _WHITE = (
    28.0,
    65.0,
    190.0,
    235.0,
)  # mean luma; below _DARK and above _WHITE there is nothing to see
_CRUSHED, _CLIPPED = 20, 250  # luma at which a pixel has no detail
_MOST_LOST: Final = 0.45  # share of such pixels at which a picture counts as badly exposed; letterboxes have a quarter
_FLAT: Final = 4.0  # standard deviation of luma below which there is nothing to see
_LARGE_FACE: Final = 0.24  # of the picture's height; a head and shoulders shot
_WEIGHTS: Final = {"sharp": 0.4, "exposed": 0.2, "faced": 0.4}
_NEAR: Final = 0.15  # what lying at the anchor is worth; halved every _HALF_S
_HALF_S: Final = 4.0


class FaceBox(NamedTuple):
    """A face in pixels of the picture it was found in: left, top, width, height."""

    x: float
    y: float
    w: float
    h: float


FaceFinder = Callable[[Image], Sequence[FaceBox]]  # takes RGB of shape (height, width, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Of one picture. `faced` is None where nobody looked for faces."""

    sharp: float
    exposed: float
    faced: float | None = None


def marks_of(image: Image, faces: Sequence[FaceBox] | None) -> Marks:
    """`image` is RGB, about 360 px on its shorter side. With faces, the sharpness is that of the largest one."""
    luma = luma_of(image)
    sharp = sharpness(luma)
    if faces:
        face = max(faces, key=lambda box: box.w * box.h)
        sharp = min(sharp + 0.1, 0.3 * sharp + 0.7 * sharpness(_inside(luma, face)))
    faced = None if faces is None else max((_face_mark(box, luma.shape) for box in faces), default=0.0)
    return Marks(
        sharp=round(sharp, 4), exposed=round(exposure(luma), 4), faced=None if faced is None else round(faced, 4)
    )


def total(marks: Marks, away_s: float) -> float:
    """One number to choose by; `away_s` is how far from the clip's anchor. Black, white and flat pictures get < 0."""
    if marks.exposed <= 0:
        return -1.0
    given = {"sharp": marks.sharp, "exposed": marks.exposed, "faced": marks.faced}
    counted = {name: value for name, value in given.items() if value is not None}
    weight = sum(_WEIGHTS[name] for name in counted)
    near = _NEAR * float(2.0 ** (-abs(away_s) / _HALF_S))
    return sum(_WEIGHTS[name] * value for name, value in counted.items()) / weight + near


def luma_of(image: Image) -> NDArray[np.float32]:
    """BT.601 luma of RGB, 0..255, of shape (height, width)."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    return np.asarray(image.astype(np.float32) @ weights, np.float32)


def sharpness(luma: NDArray[np.float32]) -> float:
    """1 for footage in focus and at rest, 0 for what cannot be made out."""
    if min(luma.shape) < 2 * _WINDOW:
        return 0.0
    worst = max(blur_effect(luma, 0), blur_effect(luma, 1))
    return float(np.clip((_BLURRED - worst) / (_BLURRED - _SHARP), 0.0, 1.0))


def blur_effect(luma: NDArray[np.float32], axis: int) -> float:
    """0 (sharp) to 1 along one axis: 0 is up and down."""
    again = _mean_along(luma, axis)
    cut = _WINDOW // 2
    before = np.abs(np.diff(_cropped(luma, axis, cut), axis=axis))
    after = np.abs(np.diff(_cropped(again, axis, 0), axis=axis))
    changed = float(np.maximum(0.0, before - after).sum())
    whole = float(before.sum())
    return 1.0 if whole <= 0 else (whole - changed) / whole


def exposure(luma: NDArray[np.float32]) -> float:
    """0 for black, white and flat pictures and for those with half of their pixels lost."""
    mean, spread = float(luma.mean()), float(luma.std())
    if spread < _FLAT or not _DARK < mean < _WHITE:
        return 0.0
    level = float(np.interp(mean, [_DARK, _DIM, _BRIGHT, _WHITE], [0.2, 1.0, 1.0, 0.2]))
    lost = float(((luma < _CRUSHED) | (luma > _CLIPPED)).mean())
    contrast = min(1.0, spread / 40)
    return level * (0.4 + 0.6 * contrast) * max(0.1, 1.0 - 0.5 * lost / _MOST_LOST)


def _face_mark(box: FaceBox, shape: tuple[int, ...]) -> float:
    """Large and whole: a face that is cut off at the picture's edge counts half."""
    height, width = shape[:2]
    whole = box.x >= 0 and box.y >= 0 and box.x + box.w <= width and box.y + box.h <= height
    return math.sqrt(min(1.0, box.h / height / _LARGE_FACE)) * (1.0 if whole else 0.5)


def _inside(luma: NDArray[np.float32], box: FaceBox) -> NDArray[np.float32]:
    height, width = luma.shape
    top, left = (int(max(0, edge)) for edge in (box.y, box.x))
    bottom, right = int(min(height, box.y + box.h)), int(min(width, box.x + box.w))
    return luma[top:bottom, left:right]


def _mean_along(luma: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Averages of _WINDOW pixels that lie within the picture."""
    sums = np.cumsum(luma, axis=axis)
    first = np.take(sums, [_WINDOW - 1], axis=axis)
    rest = _slice(sums, axis, _WINDOW, None) - _slice(sums, axis, None, -_WINDOW)
    return np.asarray(np.concatenate([first, rest], axis=axis) / _WINDOW, np.float32)


def _cropped(luma: NDArray[np.float32], axis: int, cut: int) -> NDArray[np.float32]:
    return luma if not cut else _slice(luma, axis, cut, -cut)


def _slice(array: NDArray[Any], axis: int, start: int | None, stop: int | None) -> NDArray[Any]:
    return array[start:stop] if axis == 0 else array[:, start:stop]
