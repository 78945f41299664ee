"""What a token may be narrowed to: areas of the API, read or write. A scope takes from a role and never adds to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

# The first part of a path behind /api/v1; none: what everybody may ask about themselves
AREA_OF: Final[Mapping[str, str | None]] = {
    "streams": "streams", "live": "streams", "profiles": "streams", "sessions": "sessions", "clips": "clips",
    "jobs": "jobs", "uploads": "jobs", "events": "events", "channels": "channels", "deliveries": "channels",
    "tokens": "admin", "members": "admin", "workspaces": "admin", "audit": "admin", "usage": "admin",
    "rooms": "rooms", "llm": "streams", "me": None, "sign-out": None,
}  # fmt: skip
AREAS: Final = tuple(dict.fromkeys(area for area in AREA_OF.values() if area is not None))
SCOPES: Final = tuple(f"{area}:{does}" for area in AREAS for does in ("read", "write"))


def area_of(path: str) -> str | None:
    """Of a path below /api/v1. Raises KeyError for one that belongs to none: every row of the table does."""
    return AREA_OF[path.split("/")[3]]


def needed(method: str, path: str) -> str | None:
    """The scope that a narrowed token has to have for a row of the table: `clips:read`."""
    area = area_of(path)
    return None if area is None else f"{area}:{'read' if method == 'GET' else 'write'}"


def covers(scopes: Collection[str], wanted: str | None) -> bool:
    """Whether a token with these scopes has this one. Writing takes reading along; no scopes are all."""
    if not scopes or wanted is None:
        return True
    return wanted in scopes or wanted.replace(":read", ":write") in scopes
