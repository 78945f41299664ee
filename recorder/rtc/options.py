"""How connections are made, and what is raised about an offer that cannot be answered."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.errors import ClipdError


@dataclass(frozen=True, slots=True, kw_only=True)
class IceServer:
    """A STUN or TURN server, in the words of RTCIceServer."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IceOptions:
    """`servers`: asked by us; none by default, and never anybody's we were not told of. `public_ip`: the address that
    peers reach this machine by; it stands in our descriptions in place of the machine's own."""

    servers: tuple[IceServer, ...] = ()
    public_ip: str | None = None


class BadOffer(ClipdError):
    """A session description that cannot be answered. `code`: `malformed`, `too_big`, `no_codec` or `not_sending`."""

    exit_code = 3
