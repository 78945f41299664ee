"""Compares names that a machine read off the screen with one that a person typed. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final

from rapidfuzz import fuzz

from detectors.hud.model import ANY_PLAYER

_ALIKE: Final = 80.0  # of 100: one letter of five misread, beyond those that look alike; judgement
_SHORT: Final = 3  # letters up to which a name has to be read exactly
_TAGGED: Final = 5  # letters from which a name may stand behind a clan's tag

# What readers of screens take for each other in a game's small, bold type.
_LOOKALIKES: Final = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "!": "l", "5": "s", "$": "s", "8": "b"})


def fold(name: str) -> str:
    """Letters and digits only, lower-case, those that look alike made the same."""
    plain = unicodedata.normalize("NFKC", name).casefold().translate(_LOOKALIKES)
    return "".join(c for c in plain if c.isalnum())


def is_player(read: str, player: str) -> bool:
    """Whether a name that was read is the player's. `player` may be "any"; without one nobody is."""
    if player == ANY_PLAYER:
        return True
    seen, wanted = fold(read), fold(player)
    if not seen or not wanted:
        return False
    if len(wanted) <= _SHORT:
        return seen == wanted
    if fuzz.ratio(seen, wanted) >= _ALIKE:
        return True
    return len(wanted) >= _TAGGED and fuzz.ratio(seen[-len(wanted) :], wanted) >= _ALIKE
