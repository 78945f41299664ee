"""Channels, deliveries, publishing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from supervisor.api.models.base import Address, Answered, Asked, Id, Name
from supervisor.catalog.values import ChannelKind, DeliveryState


class Filters(Asked):
    """Which clips a channel hears of; null: all. A message that was begun is kept up to date whatever they say.

    `min_score` on the scale of a clip's score, 0 to 1; `states`: with which state a message begins.
    """

    min_score: float | None = Field(None, ge=0, le=1)
    profiles: Annotated[list[Name], Field(max_length=50)] | None = None
    streams: Annotated[list[Id], Field(max_length=1000)] | None = None
    states: Annotated[list[Literal["provisional", "final"]], Field(min_length=1, max_length=2)] | None = None


class NewChannel(Asked):
    """POST /channels. `target` is a secret: it is stored, and never shown again."""

    name: Name
    kind: ChannelKind
    target: Address = Field(repr=False)
    filters: Filters = Filters()
    enabled: bool = True


class ChannelChange(Asked):
    """PATCH /channels/{id}: what is given. Switched on, it forgets why it was switched off."""

    name: Name | None = None
    target: Address | None = Field(None, repr=False)
    filters: Filters | None = None
    enabled: bool | None = None


class Channel(Answered):
    """Where alerts go. `target` shows no more than one needs to know it by; `reason`: why it was switched off; `notes`:
    what it cannot do."""

    id: str
    name: str
    kind: ChannelKind
    target: str
    filters: Filters
    enabled: bool
    reason: str
    created: datetime
    notes: list[str]


class MadeChannel(Channel):
    """With a webhook's secret, shown this once: null for other kinds, and when the same request is asked again."""

    secret: str | None = Field(repr=False)


class Rotating(Asked):
    """POST /channels/{id}/rotate: for how long the secret before signs too."""

    overlap_h: float = Field(24, ge=0, le=720)


class Tested(Answered):
    """What became of a test message."""

    ok: bool
    what: str
    took_s: float


class Delivery(Answered):
    """One message about one clip in one channel, kept up to date by edits. `webhook_id` names its newest state."""

    id: str
    webhook_id: str
    channel: str
    clip: str
    kind: Literal["alert", "publish"]
    state: DeliveryState
    attempts: int
    next: datetime | None
    error: str
    created: datetime
    sent: datetime | None


class Publishing(Asked):
    """POST /clips/{id}/publish. `channels`: none are all that are switched on."""

    channels: Annotated[list[Id], Field(min_length=1, max_length=100)] | None = None
