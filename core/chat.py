"""Which chat belongs to a source: what was asked for, else the source's own where it has one. Pure.

A chat is named by a path or URL of JSON lines, by `twitch:NAME`, as `api` (what is posted to the session), or it is
`off`.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

from core.errors import UsageError

OFF: Final = "off"
POSTED: Final = "api"
POSTED_FILE: Final = "chat.jsonl"  # in the session's folder; its supervisors append to it, its worker follows it
TWITCH: Final = "twitch:"
_NAME: Final = re.compile(r"[a-z0-9_]{1,25}")  # Twitch's rule for logins; what goes into an IRC command
_TWITCH_HOSTS: Final = frozenset({"twitch.tv", "www.twitch.tv", "m.twitch.tv", "go.twitch.tv"})
_TWITCH_PAGES: Final = frozenset(
    {
        "directory", "downloads", "drops", "friends", "inventory", "jobs", "messages", "p", "prime", "products",
        "search", "settings", "store", "subscriptions", "turbo", "videos", "wallet",
    }
)  # fmt: skip


def chat_for(source: str, asked: str | None) -> str | None:
    """The chat to read beside a source, `off`, or None where nothing was asked for and the source has none we know.

    Raises UsageError for a channel's name that cannot be one.
    """
    if asked is None:
        name = twitch_channel(source)
        return None if name is None else TWITCH + name
    name = twitch_channel(asked)
    if name is not None:
        return TWITCH + name
    if asked.lower().startswith(TWITCH):
        name = asked[len(TWITCH) :].removeprefix("#").lower()
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{asked[:60]!r} names no Twitch channel", remedy="Write --chat twitch:NAME, as in twitch.tv/NAME."
            )
        return TWITCH + name
    return asked


def chat_channel(chat: str) -> str | None:
    """The channel of a `twitch:NAME`, None for every other chat. Raises UsageError as `chat_for` does."""
    if not chat.lower().startswith(TWITCH):
        return None
    return (chat_for("", chat) or "").removeprefix(TWITCH)


def is_local_chat(chat: str) -> bool:
    """Whether a chat is a path."""
    return chat not in (OFF, POSTED) and not chat.startswith(TWITCH) and "://" not in chat


def twitch_channel(url: str) -> str | None:
    """The channel whose live page this is; None for VODs, clips, other pages and other sites."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        asked = parse_qs(parts.query, max_num_fields=20).get("channel", [""])[0]
    except ValueError:
        return None
    if parts.scheme not in ("http", "https"):
        return None
    name = parts.path.strip("/").lower() if host in _TWITCH_HOSTS else ""
    if host == "player.twitch.tv":
        name = asked.lower()
    return name if _NAME.fullmatch(name) and name not in _TWITCH_PAGES else None


def lacks_chat(source: str, chat: str | None) -> bool:
    """Whether a source surely has a chat that nobody gave: YouTube's, which has no open door."""
    if chat is not None:
        return False
    try:
        host = (urlsplit(source).hostname or "").rstrip(".")
    except ValueError:
        return False
    return host in ("youtube.com", "youtu.be") or host.endswith(".youtube.com")


def hashed(user: object) -> str:
    """A name for counting people by; the same in every session, so that a replayed chat counts the same."""
    text = user if isinstance(user, str) else "" if user is None else str(user)[:100]
    return hashlib.blake2s(text[:1000].encode("utf-8", "replace"), digest_size=8, person=b"clipchat").hexdigest()
