"""Where a HUD's regions lie in a picture of any size. Pure arithmetic."""

from __future__ import annotations

from detectors.hud.frames import Box
from detectors.hud.model import Hud, Region


def region_box(hud: Hud, region: Region, width: int, height: int) -> Box:
    """The region in pixels of a picture, clipped to it, with even numbers, at least 2 by 2."""
    screen = hud.screen
    left, top = screen.x * width, screen.y * height
    wide, high = screen.w * width, screen.h * height
    w, h = region.w * high, region.h * high
    x = left + _offset(region.x, region.anchor, ("left", "right"), high, w, wide)
    y = top + _offset(region.y, region.anchor, ("top", "bottom"), high, h, high)
    x0, x1 = _even(x, width), _even(x + w, width)
    y0, y1 = _even(y, height), _even(y + h, height)
    x0, y0 = min(x0, max(0, _even(width, width) - 2)), min(y0, max(0, _even(height, height) - 2))
    return Box(x0, y0, max(2, x1 - x0), max(2, y1 - y0))


def screen_lines(hud: Hud, height: int) -> float:
    """How many of the picture's lines the game has: what marks are scaled by."""
    return hud.screen.h * height


def most_lines(hud: Hud, heights: float) -> int:
    """A length of a region in working pixels, rounded up to what even boxes may add."""
    return round(heights * hud.height) + 2


def _offset(inwards: float, anchor: str, edges: tuple[str, str], unit: float, size: float, room: float) -> float:
    words = anchor.split("-")
    if edges[0] in words:
        return inwards * unit
    if edges[1] in words:
        return room - inwards * unit - size
    return (room - size) / 2 + inwards * unit


def _even(value: float, most: int) -> int:
    """The nearest even number within 0..most."""
    return 2 * round(min(max(value, 0.0), float(most - most % 2)) / 2)
