"""Names of streams, sessions, moments and clips. Ids are generated, safe as file names, never taken from user text."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime
from typing import Final, NewType

StreamId = NewType("StreamId", str)
SessionId = NewType("SessionId", str)
MomentId = NewType("MomentId", str)
ClipId = NewType("ClipId", str)
OwnerId = NewType("OwnerId", str)

_SAFE: Final = re.compile(r"^[a-z0-9][a-z0-9._-]{0,79}$")


def is_safe_id(text: str) -> bool:
    """Whether a text from outside may be an id and so a folder name: no separators, no leading dot or dash."""
    return bool(_SAFE.match(text)) and ".." not in text


def new_session_id(started: datetime) -> SessionId:
    """`s<UTC date>t<time>-<6 hex>`: sorts by start, unique without a coordinator. `started` is aware."""
    return SessionId(f"s{started:%Y%m%dt%H%M%S}-{secrets.token_hex(3)}")


def moment_id(session: SessionId, anchor_ns: int) -> MomentId:
    """The same anchor in the same session always names the same moment, so a re-run is idempotent."""
    return MomentId("m" + _digest(session, str(anchor_ns)))


def clip_id(moment: MomentId) -> ClipId:
    """One clip per moment; revisions keep the id."""
    return ClipId("c" + _digest(moment))


def manual_clip_id(session: SessionId, start_ns: int, end_ns: int, *how: str) -> ClipId:
    """The clip of `clipd cut`: the same range, cut in the same way (`how`), asked for twice is the same clip."""
    return ClipId("c" + _digest(session, "manual", str(start_ns), str(end_ns), *how))


def slug(text: str, *, limit: int = 40) -> str:
    """Lower-case ASCII words joined by dashes, for folder names that people read; never empty."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words)[:limit].strip("-") or "clip"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:12]
