"""Texts of people made fit for other programs' files. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final

LONGEST: Final = 200  # characters; editors show less
# Orders of letters that a reader does not see: text could be shown as another one than it is.
_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NO_LETTERS: Final = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})


def shown(text: str, instead: str = "") -> str:
    """One line without control characters and what XML 1.0 has no place for; `instead` when nothing is left."""
    spaced = "".join(" " if letter.isspace() else letter for letter in text[: 4 * LONGEST])
    kept = (x for x in spaced if unicodedata.category(x) not in _NO_LETTERS and x not in _TURNING)
    return " ".join("".join(kept).split())[:LONGEST].strip() or instead


def ascii_shown(text: str, instead: str = "", longest: int = 70) -> str:
    """The same in printable ASCII, for formats older than Unicode: accents go, letters of other scripts too."""
    plain = unicodedata.normalize("NFKD", shown(text))
    kept = " ".join("".join(letter for letter in plain if " " <= letter <= "~").split())
    return kept[:longest].strip() if any(letter.isalnum() for letter in kept) else instead
