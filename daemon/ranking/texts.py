"""A model's texts on their way to people: short, plain, leading nowhere, calling nobody. Pure.

It may have been told to write anything. What holds a link, an address or a mention is not taken at all, since nothing
good is left of it; marks of formatting are taken off. HTML is escaped by whoever writes HTML.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from daemon.ranking.fence import plain

TITLE: Final = 80  # characters
DESCRIPTION: Final = 300
REASON: Final = 120
REASONS: Final = 3
HASHTAGS: Final = 5
_LINK: Final = re.compile(
    r"://|\bwww\b|\w[.](?=[^\W\d])\w{2,}|[a-z0-9][。｡](?=[a-z])[a-z]{2,}"  # also names without a scheme: example.com
    r"|\b(?:https?|ftp|javascript|mailto)\s*:|(?:[.]|\bdot)\s+(?:com|net|org|gg|ru|xyz)\b",
    re.IGNORECASE,
)
_CALLS: Final = re.compile(r"[@＠﹫]|<[#!&@]")
_MARKS: Final = re.compile(r"[*_`~|\[\]<>\\{}^]|^\s*(?:[#>+-]+|\d+[.)])\s")
_HASHTAG: Final = re.compile(r"#?([^\W_]\w{0,29})")


def shown(text: str, limit: int) -> str:
    """Fit for a title or a line, else "". Cut between words."""
    flat = plain(text, 8 * limit)
    for form in (flat, unicodedata.normalize("NFKC", flat)):
        if _LINK.search(form) or _CALLS.search(form):
            return ""
    return _cut(" ".join(_MARKS.sub("", flat).split()).strip(" \"'“”#"), limit)


def shown_all(texts: Iterable[str], limit: int, most: int) -> tuple[str, ...]:
    """Those that are fit, each once."""
    return tuple(dict.fromkeys(text for each in texts if (text := shown(each, limit))))[:most]


def hashtags(texts: Iterable[str]) -> tuple[str, ...]:
    """`#word` of letters, digits and _, each once."""
    found = (_HASHTAG.fullmatch(plain(text, 60)) for text in texts)
    return tuple(dict.fromkeys(f"#{each[1]}" for each in found if each))[:HASHTAGS]


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return (text[:limit].rpartition(" ")[0] or text[: limit - 1]).rstrip(" ,;:-") + "…"
