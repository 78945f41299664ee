"""`/internal/v1`, as far as core/control.py does not have it."""

from __future__ import annotations

from pydantic import Field

from supervisor.api.models.base import Answered, Asked


class Door(Answered):
    """POST /internal/v1/keys: the socket of the worker that waits for this publisher."""

    socket: str


class Kept(Answered):
    """POST /internal/v1/live: whether it was not too soon after the one before."""

    kept: bool


class Polling(Asked):
    """Query of GET /internal/v1/commands."""

    after: int = Field(0, ge=0, lt=1 << 63)
    wait_s: float = Field(20.0, ge=0, le=25)


class KeyAsked(Asked):
    """POST /internal/v1/keys: what a publisher asked a door for."""

    app: str = Field(min_length=1, max_length=512)
    key: str = Field(min_length=1, max_length=512, repr=False)
    peer: str = Field("", max_length=512)
