"""How much a mouth moves between two pictures, beyond what the head does: pure. Weak evidence of who speaks."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.times import NS_PER_S
from daemon.framing.faces import Face, Picture
from daemon.framing.values import Box

_COLUMNS: Final = 16
_ROWS: Final = 8
_WIDE: Final = 0.6  # of the face's width
_TALL: Final = 0.32  # of its height
_PAIR_NS: Final = 35 * NS_PER_S // 100
_SAME: Final = 0.2  # IoU

Patch = NDArray[np.float32]


class Features(NamedTuple):
    """The mouth and the eyes of one face, small and grey, each with its mean taken away."""

    box: Box
    mouth: Patch
    eyes: Patch


def features_of(picture: Picture, face: Face) -> Features:
    """Cut out around the marks, so that a head that moves as a whole looks the same."""
    return Features(face.box, _patch(picture, face, face.mouth), _patch(picture, face, face.eyes))


def mouth_motion(now: Features, before: tuple[Features, ...], passed_ns: int) -> float | None:
    """Grey levels; None when the face was not there a moment ago."""
    near = [other for other in before if other.box.iou(now.box) > _SAME]
    if not near or not 0 < passed_ns <= _PAIR_NS:
        return None
    same = max(near, key=lambda other: other.box.iou(now.box))
    mouth, eyes = (float(np.abs(a - b).mean()) for a, b in ((now.mouth, same.mouth), (now.eyes, same.eyes)))
    return max(0.0, mouth - eyes)


def _patch(picture: Picture, face: Face, middle: tuple[float, float]) -> Patch:
    height, width = picture.shape[:2]
    xs = middle[0] + (np.arange(_COLUMNS) + 0.5 - _COLUMNS / 2) / _COLUMNS * _WIDE * face.box.w
    ys = middle[1] + (np.arange(_ROWS) + 0.5 - _ROWS / 2) / _ROWS * _TALL * face.box.h
    columns, rows = np.clip(xs, 0, width - 1).astype(int), np.clip(ys, 0, height - 1).astype(int)
    patch = picture[np.ix_(rows, columns)][..., 1].astype(np.float32)
    return np.asarray(patch - patch.mean(), np.float32)
