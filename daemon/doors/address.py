"""Push addresses as they are typed, `rtmp://:1935/live/KEY`: what makes one, and where its key is. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from core.errors import UsageError

RTMP_PORT: Final = 1935
LOOPBACK: Final = "127.0.0.1"
_APP: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_KEY: Final = re.compile(r"[A-Za-z0-9_.~!$*+,;:@=-]{1,256}")
_SCHEME: Final = "rtmp://"
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
        place = f"[{self.host}]" if ":" in self.host else self.host
        return f"{_SCHEME}{place}:{self.port}/{self.app}"


def is_push(source: str) -> bool:
    """Whether to listen: no host, `localhost`, or an address that is this machine whatever its network."""
    if not source.lower().startswith(_SCHEME):
        return False
    try:
        host, _ = _place(source)
        address = ip_address(host or LOOPBACK) if host != "localhost" else None
    except ValueError:
        return False
    return address is None or address.is_loopback or address.is_unspecified


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
    place = source[len(_SCHEME) :].partition("/")[0].rpartition("@")[2]
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = place.partition(":")
    number = int(port) if port else None
    if number is not None and not 0 <= number < 65_536:
        raise ValueError(port)
    return host.lower(), number
