"""Fingerprints: tells whether two patches show the same writing, over a scenery that moves. Pure."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.hud.view import Grey

Print = NDArray[np.float32]  # (h, w)

SAME: Final = 0.8  # correlation from which two patches are one row; coding and scenery take 0.1 off; judgement
OTHER: Final = 0.5  # below it they are two, between them the text decides; judgement
_SHIFT: Final = 2  # pixels by which the same thing may be placed otherwise: half a pixel of scaling, a jolt


def strokes(grey: Grey) -> Print:
    """Writing on translucent rows: what is brighter or darker than its surroundings of about a row's height."""
    size = max(3, grey.shape[0] // 2 * 2 + 1)
    wide = grey.astype(np.float32)
    return wide - np.asarray(cv2.blur(wide, (size, size)), np.float32)


def shape(mask: Grey) -> Print:
    """Pixels that have a gate's colours, a little soft."""
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0), np.float32)


def alike(one: Print, other: Print) -> float:
    """Correlation of two patches about their middles, -1..1, at the best of a few shifts; 0 where one has nothing."""
    height, width = min(one.shape[0], other.shape[0]), min(one.shape[1], other.shape[1])
    if height <= 2 * _SHIFT + 2 or width <= 2 * _SHIFT + 2:
        return 0.0
    whole = _middle(one, height, width)
    inner = _middle(other, height - 2 * _SHIFT, width - 2 * _SHIFT)
    if float(whole.std()) < 1.0 or float(inner.std()) < 1.0:
        return 0.0
    scores = cv2.matchTemplate(whole, np.ascontiguousarray(inner), cv2.TM_CCOEFF_NORMED)
    best = float(np.nan_to_num(np.asarray(scores), nan=0.0, posinf=0.0, neginf=0.0).max())
    return min(1.0, best)


def _middle(patch: Print, height: int, width: int) -> Print:
    y, x = (patch.shape[0] - height) // 2, (patch.shape[1] - width) // 2
    return patch[y : y + height, x : x + width]
