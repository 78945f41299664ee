"""The mood of a chat, as a small signal of its crowd. Pure; what a line feels like is asked of a `Valence`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from detectors.chat.options import MoodOptions

Valence = Callable[[str, tuple[str, ...]], float]
"""A line and its emotes to -1 (all bad) .. 1 (all good)."""

_THOUSANDTHS: Final = 1000


def whole(valence: float) -> int:
    """As whole thousandths, so that adding and removing leaves no rounding behind; what is out of bounds is bounded."""
    return round(_THOUSANDTHS * min(max(valence, -1.0), 1.0)) if math.isfinite(valence) else 0


def change(total: int, lines: int, users: int, usual: float, options: MoodOptions) -> float:
    """Signed change of a window's mean from its usual, shrunk by how few lines there are; 0 for too few people."""
    if users < options.users or lines <= 0:
        return 0.0
    return (total / _THOUSANDTHS / lines - usual) * lines / (lines + options.prior_lines)


def mood_text(total: int, lines: int, usual: float) -> str:
    """In words, for people."""
    now = total / _THOUSANDTHS / max(lines, 1)
    return f"the chat's mood {'rises' if now > usual else 'falls'} from {usual:+.1f} to {now:+.1f} ({lines} lines)"
