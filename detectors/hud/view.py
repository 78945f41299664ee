"""One region of one frame at the HUD's working height, in the shapes that rules look at. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.hud.frames import Picture
from detectors.hud.model import Colour, Gate

Grey = NDArray[np.uint8]  # (h, w)

# A flash is white nearly all over, in grey levels: text would spread more. Black is none: a dark room is as black.
_FLASH_MEAN: Final = 215.0
_FLASH_SD: Final = 8.0
_LARGEST: Final = 2160  # pixels a side: no region of a picture that we take is larger at a working height <= 1080


class View:
    """A crop, scaled so that the game's picture has the HUD's height. `scale`: working pixels a pixel of the crop."""

    def __init__(self, crop: Picture, scale: float) -> None:
        self.crop, self.scale = crop, scale
        height, width = crop.shape[:2]
        size = tuple(min(_LARGEST, max(1, round(side * scale))) for side in (width, height))
        how = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR  # the exact one costs four times as much
        self.rgb: Picture = (
            crop if size == (width, height) else np.asarray(cv2.resize(crop, size, interpolation=how), np.uint8)
        )

    @cached_property
    def grey(self) -> Grey:
        """Brightness."""
        return np.asarray(cv2.cvtColor(self.rgb, cv2.COLOR_RGB2GRAY), np.uint8)

    @cached_property
    def half(self) -> Grey:
        """Brightness at half the size, for a first look."""
        height, width = self.grey.shape
        size = (max(1, width // 2), max(1, height // 2))
        return np.asarray(cv2.resize(self.grey, size, interpolation=cv2.INTER_AREA), np.uint8)

    @cached_property
    def blind(self) -> bool:
        """A flash covers it: nothing is seen, and nothing is gone."""
        mean, spread = cv2.meanStdDev(self.grey)
        return float(mean[0, 0]) >= _FLASH_MEAN and float(spread[0, 0]) < _FLASH_SD

    @cached_property
    def _hsv(self) -> NDArray[np.uint8]:
        return np.asarray(cv2.cvtColor(self.rgb, cv2.COLOR_RGB2HSV_FULL), np.uint8)

    def coloured(self, gate: Gate) -> Grey:
        """255 where a pixel has one of the gate's colours, else 0; kept for the next one who asks."""
        known = self._masks.get(gate)
        if known is None:
            known = self._masks[gate] = in_colours(self._hsv, gate.colours)
        return known

    def coloured_half(self, gate: Gate) -> Grey:
        """The same at half the size: the share of four pixels, 0 to 255."""
        known = self._halves.get(gate)
        if known is None:
            mask = self.coloured(gate)
            size = (max(1, mask.shape[1] // 2), max(1, mask.shape[0] // 2))
            half = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)
            known = self._halves[gate] = half
        return known

    @cached_property
    def _halves(self) -> dict[Gate, Grey]:
        return {}

    @cached_property
    def _masks(self) -> dict[Gate, Grey]:
        return {}


def in_colours(hsv: NDArray[np.uint8], colours: Sequence[Colour]) -> Grey:
    """255 where a pixel of a COLOR_RGB2HSV_FULL picture (hue 0..255 for 360 degrees) has one of the colours."""
    result = np.zeros(hsv.shape[:2], np.uint8)
    for colour in colours:
        for low, high in _hues(colour):
            rest = [(round(255 * a), round(255 * b)) for a, b in (colour.saturation, colour.value)]
            lower = (low, rest[0][0], rest[1][0])
            upper = (high, rest[0][1], rest[1][1])
            result |= np.asarray(cv2.inRange(hsv, lower, upper), np.uint8)
    return result


def share(mask: Grey) -> float:
    """The share of pixels that are set."""
    return cv2.countNonZero(mask) / mask.size if mask.size else 0.0


def passes(gate: Gate, found: float) -> bool:
    """Whether a share lies within the gate's bounds."""
    return gate.share[0] <= found <= gate.share[1]


def _hues(colour: Colour) -> list[tuple[int, int]]:
    low, high = (round(degrees * 256 / 360) for degrees in colour.hue)
    if high - low >= 255:
        return [(0, 255)]
    return [(low, high)] if low <= high else [(low, 255), (0, high)]
