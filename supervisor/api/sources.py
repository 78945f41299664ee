"""What a caller of the API may name as a source or a chat. Looks at paths; opens, fetches and resolves nothing.

The same address policy as `clipd watch`, for origin `api`: public addresses only, unless `net.allow` lists the network;
the worker checks every address again when it connects. A file of this machine is another matter: whoever may name any
path can read any file that clipd can, and a token is no account on this machine. So files are for owners only, and only
below the folders that the settings list (`api.folders`, none by default), after links are followed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from configs.games import hud_names, is_folder, known_game
from core.chat import OFF, chat_for, is_local_chat
from core.errors import SourceRefused, UsageError
from core.game import NO_GAME
from core.netpolicy import ADDRESS_REFUSED, AddressPolicy
from supervisor.catalog.values import StreamRow

DOOR: Final = "door:"  # pushed to us, over the door that `clipd up` runs or a gateway that asks our hooks
WHIP: Final = "whip:"  # pushed to us over WHIP (RFC 9725), to the stream's own worker
ROOM: Final = "room:"  # a recording room's stream, which only the room makes
_WHIP_APP: Final = "whip:"  # no application of a door is called so
SCHEMES: Final = frozenset({"http", "https", "rtmp", "rtsp", "srt"})
DEFAULT_APP: Final = "live"
PUSH: Final = "push"  # the option that holds app and digest of a pushed stream's key
_APP: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_KEY: Final = re.compile(r"[A-Za-z0-9_.~!$*+,;:@=-]{16,256}")  # stands in a URL as one piece; too long to be guessed
_LISTENING: Final = frozenset({"rtmp", "srt"})  # schemes by which a worker listens when the host is its own machine
_NO_FILES: Final = "Files are for tokens of the role owner, below a folder that the setting api.folders lists."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who names a source: an owner may name files in `folders`; `allow` is the setting `net.allow`."""

    is_owner: bool
    folders: Sequence[str] = ()
    allow: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PushKey:
    """The key of a pushed stream, which is shown once and kept as a digest."""

    app: str
    key: str = field(repr=False)

    def options(self) -> dict[str, str]:
        """What the catalog keeps."""
        return {"app": self.app, "key_sha256": digest(self.key)}


def checked_source(text: str, asker: Asker) -> str:
    """The source as the catalog keeps it. Raises SourceRefused or UsageError, without secrets of it in their texts."""
    if text.startswith(DOOR):
        return DOOR
    if text == WHIP:
        return WHIP
    if "://" in text:
        return _checked_url(text, asker)
    return _checked_path(text, asker)


def checked_chat(source: str, chat: str | None, asker: Asker) -> str | None:
    """The chat beside a source, on the same terms; None: the source's own."""
    if chat is None:
        return None
    named = chat_for(source, chat) or OFF
    if "://" in named:
        AddressPolicy.for_source(named, "api", asker.allow).check_url(named)
        return named
    return _checked_path(named, asker) if is_local_chat(named) else named


def checked_folder(text: str | None, asker: Asker) -> str | None:
    """A folder of this machine, a brand kit's say."""
    return None if text is None else _checked_path(text, asker)


def checked_game(text: str | None, asker: Asker) -> str | None:
    """A shipped HUD, or the folder of one on this machine. Raises UsageError for what is neither."""
    if text is None or text == NO_GAME or text in hud_names():
        return text
    return known_game(_checked_path(text, asker)) if is_folder(text) else known_game(text)


def push_key(source: str, key: str | None) -> PushKey | None:
    """App and key of a source `door:`, `door:APP` or `whip:`; a new key where none is given. None for other sources."""
    if not source.startswith(DOOR) and source != WHIP:
        if key is not None:
            raise UsageError("Only pushed streams have a key", remedy="Give door: as the source.", code="no_door")
        return None
    app = _WHIP_APP if source == WHIP else source.removeprefix(DOOR) or DEFAULT_APP
    if source != WHIP and not _APP.fullmatch(app):
        raise UsageError("The application of a door has letters, digits and _ . - only", remedy="Example: door:live")
    if key is not None and not _KEY.fullmatch(key):
        raise UsageError(
            "A stream key has 16 to 256 letters, digits and _ . ~ -",
            remedy="Leave it out for a new one.",
            code="bad_key",
        )
    return PushKey(app=app, key=key or secrets.token_urlsafe(24))


def stream_of_key(streams: Iterable[StreamRow], app: str, key: str) -> StreamRow | None:
    """The stream that is pushed with this key, compared in constant time."""
    wanted, found = digest(key), None
    for row in streams:
        push = row.options.get(PUSH)
        if isinstance(push, Mapping) and push.get("app") == app and not row.deleted:
            found = row if hmac.compare_digest(str(push.get("key_sha256", "")), wanted) else found
    return found


def whip_stream_of_key(streams: Iterable[StreamRow], key: str) -> StreamRow | None:
    """The stream that is pushed over WHIP with this key."""
    return stream_of_key(streams, _WHIP_APP, key)


def kind_of(source: str) -> str:
    """What a stream stays: pushed through a door, over WHIP, a room, or (\"\") pulled."""
    return next((kind for kind in (DOOR, WHIP, ROOM) if source.startswith(kind)), "")


def digest(key: str) -> str:
    """What is kept of a key: it has 96 random bits or 16 chosen characters at least, so no salt is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def default_name(source: str) -> str:
    """What a stream is called that nobody named: a page's last part, a file's stem, else the host. No query, no key."""
    if source.startswith((DOOR, WHIP)):
        return "push"
    if "://" not in source:
        return Path(source).stem[:80] or "file"
    parts = urlsplit(source)
    last = parts.path.rstrip("/").rpartition("/")[2] if parts.scheme in ("http", "https") else ""
    plain = last if last.isprintable() and len(last) <= 40 and "=" not in last else ""
    return (plain or parts.hostname or "stream")[:80]


def public_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """What answers show: not the digest of the key."""
    return {name: value for name, value in options.items() if name != PUSH}


def _checked_url(url: str, asker: Asker) -> str:
    policy = AddressPolicy.for_source(url, "api", asker.allow)
    host = policy.check_url(url, schemes=SCHEMES)
    parts = urlsplit(url)
    if parts.scheme in _LISTENING and (_is_own(host) or "listener" in _modes(parts.query)):
        raise SourceRefused(
            "This address would be listened on",
            remedy="Give door: as the source, and push to the door of clipd up.",
            code=ADDRESS_REFUSED,
        )
    return url


def _is_own(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _modes(query: str) -> list[str]:
    return parse_qs(query, max_num_fields=16).get("mode", [])


def _checked_path(text: str, asker: Asker) -> str:
    if not asker.is_owner or not asker.folders:
        raise SourceRefused("This names a file of the server's", remedy=_NO_FILES, code="file_refused")
    if not text.isprintable() or not os.path.isabs(text):
        raise SourceRefused("A file is named by its absolute path", remedy=_NO_FILES, code="file_refused")
    path = Path(os.path.realpath(text))
    if not any(path.is_relative_to(os.path.realpath(folder)) for folder in asker.folders):
        raise SourceRefused("This path lies in no folder of api.folders", remedy=_NO_FILES, code="file_refused")
    if not path.exists():
        raise UsageError("There is no such file", remedy="Check the path.", code="no_file")
    return str(path)
