"""What a page said when it was asked for its stream, as one of a few named codes. Pure.

Plugins say it in prose; `code_of` is the table that turns prose into a code. Its patterns are the texts of streamlink
8.6's plugins (twitch, youtube, kick and the phrases several others share), of Twitch's and YouTube's own answers that
those plugins pass on, and of yt-dlp 2026.10's YouTube extractor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from core.errors import BadMedia, ClipdError, MissingPart, SourceRefused, SourceUnreachable

Code = Literal[
    "live",
    "offline",
    "recording",
    "bot_check",
    "login_required",
    "subscriber_only",
    "geo_block",
    "not_found",
    "rate_limited",
    "unreachable",
    "unsupported",
    "stream_kind",
    "address_refused",
    "ytdlp_missing",
]
CODES: Final = frozenset(get_args(Code))
MAX_TEXT: Final = 200  # of a message, which a hostile page may have written
MAX_URL: Final = 8192  # YouTube's manifest URLs have about 1,500 characters
NO_WORD: Final[frozenset[Code]] = frozenset(("rate_limited", "unreachable"))  # the platform did not say
NOT_ON_AIR: Final[frozenset[Code]] = frozenset(("offline", "recording", "not_found"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of a page. `url` and `headers` only with `live`; `retry_after_s` only where the server named it."""

    code: Code
    message: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None


REMEDIES: Final[Mapping[Code, str]] = {
    "live": "",
    "offline": "It is watched when it goes live.",
    "recording": "clipd vod clips recordings; name the channel's own page to wait for the next stream.",
    "bot_check": "The platform takes this machine for a robot. Try again later or from another address; cookies of an "
    "account are not used.",
    "login_required": "Only people who have logged in see it, and accounts are not used. Ask the channel's owner for a "
    "stream of your own (RTMP or SRT).",
    "subscriber_only": "Only paying members see it. Ask the channel's owner for a stream of your own (RTMP or SRT).",
    "geo_block": "The platform does not show it in this country. Run clipd where it may be seen.",
    "not_found": "Check the address for typing errors.",
    "rate_limited": "The platform asked for a pause; it is asked again after it.",
    "unreachable": "Check the network; it is tried again.",
    "unsupported": "Give the stream's own URL.",
    "stream_kind": "HLS and plain http streams are supported.",
    "address_refused": "Add its network to the setting net.allow when it is meant to be reached.",
    "ytdlp_missing": "Install it with: pip install 'clipd[ytdlp]'",
}

_PATTERNS: Final[tuple[tuple[Code, str], ...]] = (
    ("bot_check", r"not a (ro)?bot\b|failed integrity check|captcha|unusual traffic|403 status response"),
    ("geo_block", r"geo-?(restrict|block)|(your|this) (country|region|location)\b|restricted in region"),
    (
        "subscriber_only",
        r"\bmembers?[- ]only|members-?only|available to this channel's members|join this channel"
        r"|subscri(ption|ber)s?\b|unauthorized_entitlements|premium stream",
    ),
    ("rate_limited", r"\b429\b|too many requests|rate[- ]limit|service timeout"),
    (
        "login_required",
        r"LOGIN_REQUIRED|confirm your age|age-?restricted|(requires?|required|need).{0,20}\blog ?in\b"
        r"|log ?in (is )?required|requires a login|sign in to|private (video|stream)|password protected"
        r"|PERMISSION_DENIED|for adults only",
    ),
    ("recording", r"does not support (VOD content|protected videos)|stream recording is not available"),
    (
        "offline",
        r"LIVE_STREAM_OFFLINE|live event (will begin|has ended)|premieres? in"
        r"|not (currently )?live\b|is (currently )?offline|currently unavailable|broadcast has ended"
        r"|no live stream|Could not find videoId|starts at\b|transcode_does_not_exist",
    ),
    (
        "not_found",
        r"\b(404|410)\b (Client Error|Not Found)|HTTP Error (404|410)|(user|channel|page|video) not found"
        r"|(user|channel|page|video) does(n't| not) exist|video (is )?(unavailable|not available|inaccessible)"
        r"|Unknown channel|can not find channel|has been (removed|terminated)|removed by the uploader",
    ),
    (
        "unreachable",
        r"Unable to open URL|\b5\d\d Server Error|timed out|Name or service|name resolution"
        r"|Connection (refused|reset)",
    ),
)
_TABLE: Final = tuple((code, re.compile(pattern, re.IGNORECASE)) for code, pattern in _PATTERNS)


def code_of(text: str) -> Code | None:
    """The code for a plugin's message; None for one that the table does not know."""
    short = text[:2000]
    return next((code for code, pattern in _TABLE if pattern.search(short)), None)


def short(text: str) -> str:
    """One line of a message: no control characters, no query strings (they may hold tokens), MAX_TEXT characters."""
    without = re.sub(r"(https?://[^\s?#]{1,300})[?#]\S*", r"\1", text[:4000])
    return " ".join("".join(c if c.isprintable() else " " for c in without).split())[:MAX_TEXT]


def as_error(answer: Answer) -> ClipdError:
    """The exception for an answer without a stream."""
    what, remedy = answer.message or _WHAT[answer.code], REMEDIES[answer.code]
    kind: type[ClipdError] = SourceRefused
    if answer.code in NO_WORD:
        kind = SourceUnreachable
    elif answer.code in ("unsupported", "stream_kind"):
        kind = BadMedia
    elif answer.code == "ytdlp_missing":
        kind = MissingPart
    return kind(what, remedy=remedy, code=_ERROR_CODES.get(answer.code, answer.code))


_ERROR_CODES: Final[Mapping[Code, str]] = {"unreachable": "source_unreachable", "unsupported": "html_page"}
_WHAT: Final[Mapping[Code, str]] = {
    "live": "The page is live",
    "offline": "The page has no stream now",
    "recording": "The page has a recording and no stream",
    "bot_check": "The platform asks for a proof that this is no robot",
    "login_required": "The page wants a login",
    "subscriber_only": "The stream is for paying members",
    "geo_block": "The stream is not shown in this country",
    "not_found": "The page does not exist",
    "rate_limited": "The platform was asked too often",
    "unreachable": "The page cannot be read",
    "unsupported": "No plugin knows this page",
    "stream_kind": "The page's stream comes in a form that is not supported",
    "address_refused": "The page leads to an address that may not be reached",
    "ytdlp_missing": "Recordings on this page need yt-dlp, which is not installed",
}
