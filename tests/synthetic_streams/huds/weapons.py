"""Weapons as silhouettes made of a few figures. Two styles, one a game, so that no icon of the one is in the other."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Final

from tests.synthetic_streams.huds.drawing import WHITE, Colour, Patch, Points, shape

SHORT: Final = ("usp_silencer", "hkp2000", "glock", "deagle", "p250", "cz75a", "hegrenade", "inferno", "bayonet")


@lru_cache(maxsize=256)
def weapon_icon(weapon: str, height: int, style: str, colour: Colour = WHITE) -> Patch:
    """A barrel, a body, a grip, a magazine, a stock; their sizes are the weapon's name's and the style's."""
    code = zlib.crc32(f"{style}:{weapon}".encode())
    a, b, c, d = ((code >> shift & 0xFF) / 255 for shift in (0, 8, 16, 24))
    length = (1.3 if weapon in SHORT else 2.6) + 0.5 * a
    deep, back = 0.22 + 0.12 * b, (0.15 if weapon in SHORT else 0.7) + 0.2 * c
    front = length - 0.5 - 0.3 * d
    slant = 0.12 if style == "angular" else 0.02
    parts: list[Points] = [
        _box(back, 0.28, front, 0.28 + deep),
        _box(front - 0.05, 0.34, length - 0.04, 0.42 + 0.06 * a),
        [(back, 0.45), (back + 0.28, 0.45), (back + 0.16 + slant, 0.95), (back - 0.12 + slant, 0.95)],
    ]
    if weapon not in SHORT:
        parts.append([(0.05, 0.32 + slant), (back, 0.3), (back, 0.5), (0.05, 0.66 + slant)])
        parts.append([(back + 0.55, 0.45), (back + 0.85, 0.45), (back + 0.95 - slant, 0.9), (back + 0.65, 0.9)])
    if weapon in ("awp", "ssg08"):
        parts.append(_box(back + 0.2, 0.08, front - 0.2, 0.22))
    return shape(round(length * height), height, [(part, colour) for part in parts])


@lru_cache(maxsize=8)
def headshot_icon(height: int, colour: Colour = WHITE) -> Patch:
    """A head with a line through it."""
    head: Points = [
        (0.3, 0.1),
        (0.7, 0.1),
        (0.85, 0.4),
        (0.7, 0.75),
        (0.65, 0.92),
        (0.35, 0.92),
        (0.3, 0.75),
        (0.15, 0.4),
    ]
    return shape(height, height, [(head, colour), ([(0, 0.42), (0.6, 0.36), (0.6, 0.44)], (30, 30, 30))])


def _box(left: float, top: float, right: float, bottom: float) -> Points:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]
