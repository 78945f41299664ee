"""Tokens, audit, usage, events."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from supervisor.api.models.base import Answered, Asked, Name
from supervisor.api.scopes import AREAS, SCOPES
from supervisor.catalog.values import Role

Scope = Annotated[str, StringConstraints(pattern=rf"^({'|'.join(AREAS)}):(read|write)$")]


class Following(Asked):
    """Query of GET /events. `after`: an event's id; none: only what comes from now on."""

    after: int | None = Field(None, ge=0, lt=1 << 63)


class NewToken(Asked):
    """POST /tokens. A token makes others of its own role at most."""

    role: Role
    name: Name = "token"
    expires_in_s: float | None = Field(None, ge=60, le=366 * 86_400)
    scopes: list[Scope] = Field(
        default_factory=list, max_length=len(SCOPES), description="What of its role it may; none: all of it."
    )


class Rotation(Asked):
    """POST /tokens/{id}/rotate. `overlap_s`: how long the secret before stays good."""

    overlap_s: float = Field(86_400, ge=0, le=30 * 86_400)


class Token(Answered):
    """A bearer token, without its secret."""

    id: str
    role: Role
    name: str
    created: datetime
    expires: datetime | None
    revoked: bool
    scopes: list[str]
    last_used: datetime | None = Field(description="To the minute.")
    previous_until: datetime | None = Field(description="Until when the secret before the last rotation is good.")


class MadeToken(Token):
    """A token that was just made, or rotated. `secret` is shown this once: null when it is asked again."""

    secret: str | None = Field(repr=False)


class Audited(Answered):
    """Who did what, when. `actor` is a token's id, or who else it was."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, Any]


class Used(Answered):
    """What was used on a day, UTC. `stored_bytes`: when last measured that day. `accepted`: of the day's clips,
    those that were approved since."""

    day: str
    minutes: float
    stored_bytes: int
    clips: int
    renders: int
    llm_usd: float
    accepted: int
    llm_usd_per_accepted_clip: float | None
