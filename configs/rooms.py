"""Settings of recording rooms: how browsers find each other, and how much they may bring."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final, Self

from pydantic import BaseModel, Field, field_validator, model_validator

_SCHEMES: Final = ("stun:", "stuns:", "turn:", "turns:")


class IceServer(BaseModel, frozen=True, extra="forbid"):
    """An entry of `rooms.ice_servers`. Browsers are shown it, but for `secret`: of that credentials are made for each
    participant, which expire."""

    urls: tuple[str, ...] = Field(min_length=1, max_length=8, description="stun:HOST:PORT or turn:HOST:PORT.")
    username: str = Field("", max_length=256, description="Of a TURN server, the same for all.")
    credential: str = Field("", max_length=256, repr=False, description="Of a TURN server, the same for all.")
    secret: str = Field("", max_length=256, repr=False, description="coturn's static-auth-secret, in place of both.")

    @field_validator("urls")
    @classmethod
    def _schemes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        bad = next((url for url in value if not url.startswith(_SCHEMES) or len(url) > 512), None)
        if bad is not None:
            raise ValueError(f"{bad[:60]!r} does not begin with stun: or turn:")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.secret and (self.username or self.credential):
            raise ValueError("secret stands in place of username and credential")
        return self


class RoomsOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `rooms`."""

    ice_servers: tuple[IceServer, ...] = Field(
        (), max_length=8, description="STUN and TURN servers that browsers are told of; none: direct connections only."
    )
    public_ip: str = Field(
        "", max_length=45, description="The address that browsers reach this machine by, behind a NAT that maps ports."
    )
    live_kbps: int = Field(1200, ge=100, le=8000, description="Of one camera in the call; local tracks are full size.")
    person_gb: float = Field(50.0, gt=0, le=10_000, description="Local tracks that one person may bring to a room.")
    room_gb: float = Field(200.0, gt=0, le=100_000, description="Local tracks of a room, of all its people.")

    @field_validator("public_ip")
    @classmethod
    def _address(cls, value: str) -> str:
        return str(ip_address(value)) if value else value
