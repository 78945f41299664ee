"""Takes secrets out of what leaves the process as text: URLs, log fields, tracebacks. Pure.

Rather too much than too little: a value that only looks like a token goes too. What a person needs to recognise a
source (scheme, host, short path, short harmless query values such as a video's id) stays.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

MASK: Final = "***"
LONG_VALUE: Final = 24  # a query value this long is taken for a token; video, channel and event ids are shorter
LONG_SEGMENT: Final = 64  # some origins carry their signature in the path; titles in words are shorter
_LONG_RUN: Final = re.compile(r"[A-Za-z0-9]{20}")  # no word in a title is that long

_FIELD_WORDS: Final = frozenset(
    {"authorization", "bearer", "cookie", "cookies", "credentials", "jwt", "passphrase", "passwd", "password", "pwd"}
)
_QUERY_WORDS: Final = _FIELD_WORDS | {
    "auth", "hdnea", "hdntl", "hdnts", "hmac", "keyid", "pass", "policy", "session", "sessionid", "sid", "sig", "sign",
    "streamid", "tkn",
}  # fmt: skip
_SECRET_ENDS: Final = ("token", "secret", "password", "signature", "key")
_PUSH_SCHEMES: Final = frozenset({"rtmp", "rtmps", "srt", "rtsp", "rtsps"})  # the last part of the path is the key
_URL: Final = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\s\"'<>`\\^{}|]+")
_BEARER: Final = re.compile(r"\b(bearer|basic|oauth)\s+[\w.~+/=-]{8,}", re.IGNORECASE)


def redact_url(url: str) -> str:
    """The URL without user name, password, fragment, tokens and stream keys. What is no URL comes back as it is."""
    scheme, separator, _ = url.partition("://")
    if not separator:
        return url
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return f"{scheme}://{MASK}"
    place = f"[{host}]" if ":" in host else host
    if port is not None:
        place = f"{place}:{port}"
    path = _path(parts.path, is_push=parts.scheme in _PUSH_SCHEMES)
    query = "&".join(_pair(pair) for pair in parts.query.split("&")) if parts.query else ""
    return f"{parts.scheme}://{place}{path}{'?' if query else ''}{query}"


def redact_text(text: str) -> str:
    """Free text, an error message say, with every URL and every bearer token in it redacted."""
    return _BEARER.sub(rf"\1 {MASK}", _URL.sub(lambda match: redact_url(match[0]), text))


def is_secret_field(name: str) -> bool:
    """Whether the name of a log field or header says that its value is a secret: `api_key`, `accessToken`."""
    return _says_secret(name, _FIELD_WORDS)


def _says_secret(name: str, words: Collection[str]) -> bool:
    spread = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return any(word in words or word.endswith(_SECRET_ENDS) for word in re.split(r"[^a-z0-9]+", spread))


def _path(path: str, *, is_push: bool) -> str:
    segments = path.split("/")
    if is_push and len(segments) > 2 and segments[-1]:
        segments[-1] = MASK
    return "/".join(_segment(segment) for segment in segments)


def _segment(segment: str) -> str:
    if "=" in segment:  # matrix parameters and signatures in the path: `live;token=x`, `hdnts=exp=1~hmac=x`
        return re.sub(r"([^;,~=]+)=([^;,~]*)", lambda match: _pair(match[0]), segment)
    if len(segment) < LONG_SEGMENT and not _LONG_RUN.search(segment):
        return segment
    stem, dot, suffix = segment.rpartition(".")
    return f"{MASK}.{suffix}" if dot and len(suffix) <= 5 and stem else MASK


def _pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if not equals:
        return name if len(name) < LONG_VALUE and not _says_secret(name, _QUERY_WORDS) else MASK
    return f"{name}={MASK}" if _says_secret(name, _QUERY_WORDS) or len(value) >= LONG_VALUE else pair
