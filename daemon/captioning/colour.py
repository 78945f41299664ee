"""Colours of captions, and whether one can be read on another (WCAG 2.2: luminance, contrast ratio). Pure."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

_HEX: Final = re.compile(r"[0-9A-Fa-f]{6}\Z")
BLACK, WHITE = "000000", "FFFFFF"
LARGE_TEXT: Final = 3.0  # WCAG 2.2, 1.4.3: of bold text from 14 pt up; ours is four times that


def checked(text: str) -> str:
    """RRGGBB in capitals. Raises ValueError."""
    bare = text.removeprefix("#")
    if not _HEX.match(bare):
        raise ValueError("a colour is six hexadecimal digits, such as FFE600")
    return bare.upper()


Colour = Annotated[str, AfterValidator(checked)]


def luminance(colour: str) -> float:
    """Relative, 0 (black) to 1 (white)."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """1 (none) to 21 (black on white)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable_on(background: str) -> str:
    """Black or white, whichever stands out more."""
    return max((WHITE, BLACK), key=lambda colour: contrast(colour, background))
