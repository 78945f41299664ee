"""Streams."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field, model_validator

from configs.finish import Facecam, LayoutName
from core.game import NAME_LENGTH
from core.spec import Origin, Rights, WorkerKind
from supervisor.api.models.base import Address, Answered, Asked, Name
from supervisor.catalog.values import ClaimState, Wanted


class HowToWatch(Asked):
    """How a source is watched: the same as in the list `streams` of the settings."""

    profile: str | None = Field(None, max_length=80, description="gaming, podcast, sports or irl.")
    game: Address | None = Field(None, description="A shipped HUD, or off; the folder of one, for owners.")
    player: str | None = Field(None, max_length=NAME_LENGTH, description="The streamer's name in the game.")
    chat: Address | None = Field(None, description="twitch:NAME, a URL of JSON lines, or off; none: the source's own.")
    chat_delay_s: float | None = Field(None, ge=-60, le=600, description="Seconds the chat is behind the stream.")
    layout: LayoutName | None = None
    facecam: Facecam | None = None
    brand: Address | None = Field(None, description="Folder of a brand kit on the server; owners only.")


class NewStream(HowToWatch):
    """POST /streams. `source`: a page, a URL, `door:`, `door:APP` or `whip:` to be pushed to; a path, for
    owners."""

    source: Address
    name: Name | None = Field(None, description="None: made of the source.")
    rights: Rights = "watch-only"
    priority: int = Field(0, ge=-100, le=100, description="The higher, the earlier when there is not room for all.")
    wanted: Wanted = "running"
    key: str | None = Field(
        None, max_length=256, repr=False, description="Of a pushed stream; none: a new one is made."
    )


class StreamChange(HowToWatch):
    """PATCH /streams/{id}: what is given is changed; null sets an option back."""

    name: Name | None = None
    source: Address | None = None
    rights: Rights | None = None
    priority: int | None = Field(None, ge=-100, le=100)

    @model_validator(mode="after")
    def _something(self) -> StreamChange:
        if not self.model_fields_set:
            raise ValueError("changes nothing")
        empty = [name for name in ("name", "source", "rights", "priority") if self._is_null(name)]
        if empty:
            raise ValueError(f"{empty[0]} cannot be null")
        return self

    def _is_null(self, name: str) -> bool:
        return name in self.model_fields_set and getattr(self, name) is None


class Stream(Answered):
    """A stream. `source` is without its secrets. `state`: of its newest worker; none when there was none."""

    id: str
    name: str
    source: str
    kind: WorkerKind
    origin: Origin
    rights: Rights
    wanted: Wanted
    priority: int
    options: dict[str, Any]
    created: datetime
    state: ClaimState | None = None
    reason: str = ""
    session: str | None = None


class MadeStream(Stream):
    """A stream that was just added. `key`, of a pushed one, is shown this once."""

    key: str | None = Field(None, repr=False)


class ClipNow(Asked):
    """POST /streams/{id}/clip-now: the seconds that have just been."""

    last_s: float = Field(30.0, ge=1, le=600)


class Ordered(Answered):
    """A command that waits for the stream's worker."""

    command: int


class StreamHealth(Answered):
    """What the newest worker last said; `beat` grows with each heartbeat, `progress` with each segment."""

    stream: str
    wanted: Wanted
    state: ClaimState | None
    reason: str = ""
    session: str | None = None
    attempt: int = 0
    beat: int = 0
    progress: int = 0
    health: dict[str, Any] = Field(default_factory=dict)
    live: dict[str, Any] | None = Field(
        None, description="Newest signals and provisional words, if this process has them."
    )
