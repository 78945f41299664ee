"""`seed-v0`: 0.30 energy + 0.25 keyword + 0.15 scene density + 0.15 sentiment + 0.15 game, x recency. Pure.

The formula names its terms and weights and no units; each term is read as 0..1. A term that a stream does not have is
0, which is one of its known faults. Recency is the age of a window when it is scored: here every window is scored when
it ends, so it is 1 throughout and could only reorder what a live system has published already.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Feeling = Callable[[str], float]  # text -> -1..1, the shape of VADER's compound score

ENERGY, KEYWORD, SCENES, SENTIMENT, GAME = 0.30, 0.25, 0.15, 0.15, 0.15
LOUD_Z: Final = 4.0  # a z at which energy has said all it can
MOST_PHRASES: Final = 2
MOST_CUTS: Final = 5  # a cut every two seconds of a window
PHRASES: Final = (
    "oh my god", "no way", "let's go", "lets go", "clip that", "clip it", "what a", "are you kidding", "did you see",
    "holy", "insane", "unbelievable", "incredible", "crazy", "amazing", "wow", "goal", "wait what", "i can't believe",
)  # fmt: skip
_WORD: Final = re.compile(r"[a-z']+")
_GLAD: Final = frozenset(
    _WORD.findall(
        "amazing awesome beautiful best brilliant clean clutch crazy cool epic excellent fantastic fun funny glad good"
        " great happy hilarious huge incredible insane legend love lovely lucky nice perfect sick unbelievable win won"
        " wow yes"
    )
)
_SORRY: Final = frozenset(
    _WORD.findall(
        "angry annoying awful bad boring broke broken crap cry dead die died disgusting fail failed garbage gross hate"
        " horrible kill lost lose mad miss pain rip sad scared scary sorry stupid terrible trash ugly worst wrong"
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Ten seconds of a stream; `game` is 0..1."""

    energy_z: float
    text: str
    cuts: int
    game: float = 0.0
    age_s: float = 0.0


def seed_score(window: Window, feeling: Feeling, *, half_life_s: float = 3600.0) -> float:
    """The formula, 0..1."""
    text = " ".join(_WORD.findall(window.text.lower()))
    said = sum(f" {phrase} " in f" {text} " for phrase in PHRASES)
    total = (
        ENERGY * min(max(window.energy_z / LOUD_Z, 0.0), 1.0)
        + KEYWORD * min(said / MOST_PHRASES, 1.0)
        + SCENES * min(window.cuts / MOST_CUTS, 1.0)
        + SENTIMENT * min(abs(feeling(text)), 1.0)
        + GAME * window.game
    )
    return float(total * 0.5 ** (window.age_s / half_life_s))


def plain_feeling(text: str) -> float:
    """Good words minus bad ones, 0 for none: as blunt as the idea. VADER's compound score fits in its place."""
    words = _WORD.findall(text.lower())
    glad, sorry = sum(word in _GLAD for word in words), sum(word in _SORRY for word in words)
    return (glad - sorry) / max(glad + sorry + 2, 1)
