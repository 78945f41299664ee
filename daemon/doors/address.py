"""Addresses of streams that are no web pages, as they are typed: what is listened on, `rtmp://:1935/live/KEY` and
`srt://:9000`, what is pulled from elsewhere, and where their secrets are. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from core.errors import UsageError

PULLED: Final = frozenset(("rtmp", "rtsp", "srt"))
PASSPHRASE: Final = re.compile(r"[\x20-\x7e]{10,79}")  # what libsrt takes, as printable ASCII
RTMP_PORT: Final = 1935
LOOPBACK: Final = "127.0.0.1"
_APP: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_KEY: Final = re.compile(r"[A-Za-z0-9_.~!$*+,;:@=-]{1,256}")
_SCHEME: Final = "rtmp://"
_SRT: Final = "srt://"
_SRT_QUERY: Final = frozenset(("passphrase", "streamid", "mode"))
_EXAMPLE: Final = "Example: rtmp://:1935/live, with the key in CLIPD_INGEST__PUSH__KEY."


@dataclass(frozen=True, slots=True, kw_only=True)
class PushAddress:
    """Where to listen, and the key; empty when it has to come from the settings."""

    host: str
    port: int
    app: str
    key: str = field(default="", repr=False)

    @property
    def path(self) -> str:
        """`app/key`, a secret: what a publisher has to ask for."""
        return f"{self.app}/{self.key}"

    @property
    def server(self) -> str:
        """The server as OBS wants it; for people."""
        return f"{_SCHEME}{_bracketed(self.host)}:{self.port}/{self.app}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtAddress:
    """Where to listen for SRT, or whom to call. `streamid` is what a caller sends; a listener ignores it."""

    host: str
    port: int
    passphrase: str = field(default="", repr=False)
    streamid: str = field(default="", repr=False)

    @property
    def server(self) -> str:
        """The server as OBS wants it, without its passphrase; for people."""
        return f"{_SRT}{_bracketed(self.host)}:{self.port}"


def is_push(source: str) -> bool:
    """Whether to listen: no host, or an address that is this machine whatever its network. A name is pulled from,
    `localhost` too, and so is what says `mode=caller`."""
    scheme = source.partition("://")[0].lower()
    if "://" not in source or scheme not in ("rtmp", "srt"):
        return False
    if scheme == "srt" and (mode := _srt_query(source).get("mode")):
        return mode == "listener"
    try:
        host, _ = _place(source)
        address = ip_address(host or LOOPBACK)
    except ValueError:
        return source.partition("://")[2].startswith(":")  # no host, and what is wrong is the port
    return address.is_loopback or address.is_unspecified


def is_pull(source: str) -> bool:
    """Whether it is called, by RTMP, RTSP or SRT."""
    return "://" in source and source.partition("://")[0].lower() in PULLED and not is_push(source)


def parse_srt(source: str) -> SrtAddress:
    """An SRT address, to listen on or to call. Raises UsageError; its text holds nothing of the source."""
    example = "Example: srt://:9000, with the passphrase in CLIPD_INGEST__SRT__PASSPHRASE."
    try:
        host, port = _place(source)
    except ValueError as err:
        raise UsageError("The port of the SRT address is no number", remedy=example) from err
    if not port:
        raise UsageError("The SRT address names no port", remedy=example)
    query = _srt_query(source)
    if not query.keys() <= _SRT_QUERY or query.get("mode", "caller") not in ("caller", "listener"):
        raise UsageError(
            "The SRT address has options that are not known",
            remedy="Known are passphrase, streamid and mode (caller or listener).",
        )
    passphrase, streamid = query.get("passphrase", ""), query.get("streamid", "")
    if passphrase:
        check_passphrase(passphrase)
    if len(streamid) > 512 or not streamid.isprintable():
        raise UsageError("The SRT stream id is longer than 512 or not printable", remedy=example)
    return SrtAddress(host=host or LOOPBACK, port=port, passphrase=passphrase, streamid=streamid)


def with_passphrase(source: str, passphrase: str) -> str:
    """The SRT address with this passphrase. Raises UsageError without it in the text."""
    check_passphrase(passphrase)
    query = {**_srt_query(source), "passphrase": passphrase}
    return f"{source.partition('?')[0]}?{urlencode(query)}"


def check_passphrase(passphrase: str) -> None:
    """Raises UsageError where SRT would not take it."""
    if not PASSPHRASE.fullmatch(passphrase):
        raise UsageError(
            "SRT wants a passphrase of 10 to 79 plain characters",
            remedy="Choose a longer one, and the same in the other program.",
            code="bad_key",
        )


def parse_push(source: str) -> PushAddress:
    """An address of `is_push`. Without a host it is loopback: 0.0.0.0 or [::] opens the door to the network.

    Raises UsageError; its text holds nothing of the source, which may be a key.
    """
    try:
        host, port = _place(source)
    except ValueError as err:
        raise UsageError("The port of the push address is no number", remedy=_EXAMPLE) from err
    path = source[len(_SCHEME) :].partition("/")[2]
    app, _, key = path.partition("/")
    if not _APP.fullmatch(app):
        raise UsageError("The push address names no application", remedy=_EXAMPLE)
    if key:
        check_key(key)
    return PushAddress(host=host or LOOPBACK, port=RTMP_PORT if port is None else port, app=app, key=key)


def parse_door(source: str) -> tuple[str, int]:
    """Where a door for many streams listens, `rtmp://HOST:PORT`; without a host on loopback. Raises UsageError."""
    example = "Example: rtmp://0.0.0.0:1935"
    try:
        host, port = _place(source)
    except ValueError as err:
        raise UsageError("The port of the door's address is no number", remedy=example) from err
    if not source.lower().startswith(_SCHEME) or source[len(_SCHEME) :].partition("/")[2]:
        raise UsageError("A door's address is rtmp, a host and a port, and nothing more", remedy=example)
    return host or LOOPBACK, RTMP_PORT if port is None else port


def check_key(key: str) -> None:
    """Raises UsageError where a key could not stand in a URL as one piece: that is how it is kept out of logs."""
    if not _KEY.fullmatch(key):
        raise UsageError(
            "The stream key has characters that a URL cannot hold, or is longer than 256",
            remedy="Use letters, digits and - _ . ~ only.",
            code="bad_key",
        )


def _place(source: str) -> tuple[str, int | None]:
    """Host and port of the text between the scheme and the path; raises ValueError."""
    place = re.split(r"[/?#]", source.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = place.partition(":")
    number = int(port) if port else None
    if number is not None and not 0 <= number < 65_536:
        raise ValueError(port)
    return host.lower(), number


def _srt_query(source: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(urlsplit(source).query, keep_blank_values=True, max_num_fields=8))
    except ValueError:
        return {"": ""}  # not known, so refused


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
