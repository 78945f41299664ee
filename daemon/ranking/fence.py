"""Strangers' texts on their way into a question: cleaned, cut, and fenced by a marker nobody could have guessed. Pure.

Reliability.md section 4: transcript, chat and titles are data. A fence stops no model from obeying what lies inside; it
takes away the ways to look as if one stood outside. What an answer may do is bounded elsewhere (answer, bounds).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import unicodedata
from collections.abc import Mapping
from typing import Any


def new_key() -> str:
    """For the markers of one session."""
    return secrets.token_hex(16)


def marker_of(key: str, text: str) -> str:
    """Another one for each text, that only the key's owner can know: the same question twice is the same, so that its
    answer may be kept."""
    return hmac.new(key.encode(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:16]


def plain(text: str, limit: int) -> str:
    """One line of at most `limit` characters without any that break lines, hide, reorder or are nobody's."""
    shown = (" " if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Zs") else c for c in text[: 4 * limit])
    kept = "".join(c for c in shown if unicodedata.category(c)[0] != "C")
    return " ".join(kept.split())[:limit].rstrip()


def without(text: str, marker: str) -> str:
    """The text without the marker, however it is put together."""
    pattern = re.compile(re.escape(marker), re.IGNORECASE)
    while True:
        less = pattern.sub("", text)
        if less == text:
            return text
        text = less


def fenced(document: Mapping[str, Any], marker: str) -> str:
    """The document as JSON between two marks. Texts in it stay JSON strings: no quote, line or tag of theirs is one."""
    text = json.dumps(_stripped(document, marker), ensure_ascii=False, separators=(",", ":"))
    inside = text.replace("<", "\\u003c").replace(">", "\\u003e")
    return f"<data-{marker}>\n{inside}\n</data-{marker}>"


def _stripped(value: Any, marker: str) -> Any:
    if isinstance(value, str):
        return without(value, marker)
    if isinstance(value, Mapping):
        return {name: _stripped(each, marker) for name, each in value.items()}
    return [_stripped(each, marker) for each in value] if isinstance(value, list) else value
