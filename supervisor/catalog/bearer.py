"""The form of every secret that stands for somebody: `<kind>_<id>_<secret>`, 256 random bits, kept as a SHA-256. Pure.

It is found by its id and then compared in constant time; an unknown id takes the same comparison.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final, Literal

Kind = Literal["cd", "cw", "cr", "cs"]  # a user's token, a worker's, its renewal secret, a cookie of the page
_FORM: Final = re.compile(r"(cd|cw|cr|cs)_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NOBODY: Final = hashlib.sha256(secrets.token_bytes(32)).hexdigest()


def new_text(kind: Kind) -> tuple[str, str, str]:
    """Text, id and digest."""
    id = secrets.token_hex(8)
    text, digest = text_of(kind, id)
    return text, id, digest


def text_of(kind: Kind, id: str) -> tuple[str, str]:
    """Another text under an id, and its digest."""
    secret = secrets.token_urlsafe(32)
    return f"{kind}_{id}_{secret}", _digest(secret)


def read_text(kind: Kind, text: str) -> tuple[str, str]:
    """Id and digest of a text, of any text."""
    found = _FORM.fullmatch(text)
    if found is None or found[1] != kind:
        return "", _digest("")
    return found[2], _digest(found[3])


def is_same(digest: str, kept: str | None) -> bool:
    """In constant time; None: there is nobody of that id."""
    return hmac.compare_digest(digest, _NOBODY if kept is None else kept)


def is_over(expires_ns: int | None, now_ns: int) -> bool:
    """Whether its time has come; None: it has none."""
    return expires_ns is not None and expires_ns <= now_ns


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
