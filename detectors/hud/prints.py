"""Fingerprints: tells whether two patches show the same writing, over a scenery that moves. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.hud.view import Grey

Patch = NDArray[np.float32]  # (h, w)

SAME: Final = 0.8  # correlation from which two patches are one row; coding and scenery take 0.1 off; judgement
OTHER: Final = 0.5  # below it they are two, between them the text decides; judgement
_SHIFT: Final = 2  # pixels by which the same thing may be placed otherwise: half a pixel of scaling, a jolt
_COARSE: Final = 4  # times smaller, for a first look that a shift hardly changes
_SURELY_OTHER: Final = 0.25  # correlation of the small ones below which the large ones are not compared; judgement
_FLAT: Final = 1.0  # spread of a patch without writing


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """A patch that can be compared. `small` is of unit length, empty where the patch is flat."""

    whole: Patch = field(repr=False)
    small: NDArray[np.float32] = field(repr=False)  # (n,)


def strokes(grey: Grey) -> Patch:
    """Writing on translucent rows: what is brighter or darker than its surroundings of about a row's height."""
    size = max(3, grey.shape[0] // 2 * 2 + 1)
    wide = grey.astype(np.float32)
    return np.asarray(wide - cv2.blur(wide, (size, size)), np.float32)


def shape(mask: Grey) -> Patch:
    """Pixels that have a gate's colours, a little soft; of plates, only what is in them."""
    size = max(3, mask.shape[0] // 2 * 2 + 1)
    soft = np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0), np.float32)
    return np.asarray(soft - cv2.blur(soft, (size, 1)), np.float32)


def nothing() -> Print:
    """No writing: like nothing, not even itself."""
    return Print(np.zeros((0, 0), np.float32), np.zeros(0, np.float32))


def all_alike(one: Sequence[Print], other: Sequence[Print]) -> float:
    """How alike the least alike of several patches are; those that are flat in both say nothing."""
    both = [(mine, yours) for mine, yours in zip(one, other, strict=False) if mine.small.size or yours.small.size]
    return min((alike(mine, yours) for mine, yours in both), default=0.0)


def alike(one: Print, other: Print) -> float:
    """Correlation of two patches about their middles, -1..1, at the best of a few shifts; 0 where one has nothing."""
    if not one.small.size or not other.small.size:
        return 0.0
    if one.whole.shape == other.whole.shape:
        coarse = float(one.small @ other.small)
        if coarse < _SURELY_OTHER:
            return coarse
    height = min(one.whole.shape[0], other.whole.shape[0])
    width = min(one.whole.shape[1], other.whole.shape[1])
    if height <= 2 * _SHIFT + 2 or width <= 2 * _SHIFT + 2:
        return 0.0
    whole = _middle(one.whole, height, width)
    inner = _middle(other.whole, height - 2 * _SHIFT, width - 2 * _SHIFT)
    _, best, _, _ = cv2.minMaxLoc(cv2.matchTemplate(whole, inner, cv2.TM_CCOEFF_NORMED))
    return min(1.0, best) if np.isfinite(best) else 0.0


def fingerprint(patch: Patch) -> Print:
    """Of any patch."""
    _, spread = cv2.meanStdDev(patch)
    if float(spread[0, 0]) < _FLAT:
        return Print(patch, np.zeros(0, np.float32))
    size = (max(1, patch.shape[1] // _COARSE), max(1, patch.shape[0] // _COARSE))
    small = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.float32).ravel()
    small = small - small.mean()
    return Print(patch, small / max(float(np.linalg.norm(small)), 1e-6))


def _middle(patch: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    y, x = (patch.shape[0] - height) // 2, (patch.shape[1] - width) // 2
    return np.ascontiguousarray(patch[y : y + height, x : x + width])
