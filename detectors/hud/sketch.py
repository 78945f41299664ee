"""From boxes that a person drew on a frame to the parts of a HUD: regions, colours, sizes. Pure."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.hud.frames import Box, Picture
from detectors.hud.model import Anchor, Colour, Gate, Region
from detectors.hud.view import Grey, in_colours

_THIRDS: Final = (1 / 3, 2 / 3)  # a box whose middle lies in an outer third hangs on that edge
_HUE: Final = 22.0  # degrees to either side: 4:2:0 coding moves the hue of thin strokes by about 15; judgement
_COLOURED: Final = 0.4  # saturation from which a hue means something; judgement
_LOOSE: Final = 0.6  # of what was measured, as a lower bound: strokes wash out in coding; judgement
_SHARE: Final = 0.4  # of the measured share of pixels, as a lower bound; judgement
_SHORTEST: Final = 0.25  # of a row that was drawn, what the shortest row has; judgement
_MARK_COLOURED: Final = 0.15  # share of a mark's pixels of one hue that makes it a colour of the mark; judgement


def region_of(box: Box, width: int, height: int) -> Region:
    """The box, hung on the nearest corner, edge or middle of the picture; lengths in heights of it."""
    x, across = _hung(box.x, box.w, width, height, ("left", "right"))
    y, down = _hung(box.y, box.h, height, height, ("top", "bottom"))
    names = [name for name in (down, across) if name]
    anchor: Anchor = "-".join(names) if names else "centre"  # type: ignore[assignment]
    return Region(anchor=anchor, x=x, y=y, w=round(box.w / height, 4), h=round(box.h / height, 4))


def grown(box: Box, width: int, height: int) -> Box:
    """A box with room about it for a mark that is drawn a little elsewhere in another frame."""
    margin = max(4, round(0.25 * max(box.w, box.h)), round(height / 60))
    x0, y0 = max(0, box.x - margin), max(0, box.y - margin)
    x1, y1 = min(width, box.x + box.w + margin), min(height, box.y + box.h + margin)
    return Box(x0, y0, x1 - x0, y1 - y0)


def mark_gate(picture: Picture) -> Gate | None:
    """The colour of a mark that has one: where much of it is of one hue."""
    hsv = _hsv(picture)
    vivid = (hsv[..., 1] >= _COLOURED * 255) & (hsv[..., 2] >= 0.3 * 255)
    if vivid.mean() < _MARK_COLOURED:
        return None
    colour = _about(hsv[vivid])
    found = _share(in_colours(hsv, (colour,)))
    return Gate(colours=(colour,), share=(round(_SHARE * found, 3), 1.0)) if found >= _MARK_COLOURED else None


def letters_gate(row: Picture, region: Picture) -> Gate:
    """The colour of a row's letters, and how much of a scanline of the region they take at the least."""
    hsv = _hsv(row)
    _, bright = cv2.threshold(np.ascontiguousarray(hsv[..., 2]), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    colour = _about(hsv[np.asarray(bright) > 0])
    mask = in_colours(hsv, (colour,))
    lines = np.count_nonzero(mask, axis=1) / max(1, region.shape[1])
    written = lines[lines > 0]
    usual = float(np.median(written)) if written.size else 0.02
    return Gate(colours=(colour,), share=(round(max(0.004, _SHORTEST * usual), 4), 1.0))


def words_gate(picture: Picture) -> Gate:
    """The colour of digits or words in a box of their own."""
    gate = letters_gate(picture, picture)
    found = _share(in_colours(_hsv(picture), gate.colours))
    return gate.model_copy(update={"share": (round(max(0.004, _SHARE * found), 4), 1.0)})


def _about(pixels: NDArray[np.uint8]) -> Colour:
    """The range about the middle of some HSV pixels (hue 0..255), shape (n, 3)."""
    if not len(pixels):
        return Colour(value=(0.6, 1.0))
    saturation, value = (float(np.median(pixels[:, i])) / 255 for i in (1, 2))
    least = round(_LOOSE * value, 2)
    if saturation < _COLOURED:
        return Colour(saturation=(0.0, 0.4), value=(least, 1.0))
    angles = pixels[:, 0].astype(np.float64) * 2 * np.pi / 256
    hue = float(np.degrees(np.angle(np.exp(1j * angles).mean()))) % 360
    low, high = round((hue - _HUE) % 360), round((hue + _HUE) % 360)
    return Colour(hue=(low, high), saturation=(round(_LOOSE * saturation, 2), 1.0), value=(least, 1.0))


def _hung(at: int, size: int, room: int, height: int, edges: tuple[str, str]) -> tuple[float, str]:
    middle = (at + size / 2) / room
    if middle < _THIRDS[0]:
        return round(at / height, 4), edges[0]
    if middle > _THIRDS[1]:
        return round((room - at - size) / height, 4), edges[1]
    return round((at + size / 2 - room / 2) / height, 4), ""


def _hsv(picture: Picture) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2HSV_FULL), np.uint8)


def _share(mask: Grey) -> float:
    return cv2.countNonZero(mask) / mask.size
