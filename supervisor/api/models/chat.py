"""Chat that is posted to a session."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from supervisor.api.models.base import Answered, Asked

MOST_MESSAGES = 500


class ChatLine(Asked):
    """A message, as in a chat's JSON lines. `user` is kept as a hash. `t_s` is media time, `wall` a date; neither: now.

    `n` is the size of a raid, a gift or a cheer.
    """

    user: Annotated[str, StringConstraints(max_length=100)] = ""
    text: Annotated[str, StringConstraints(max_length=2000)] = ""
    emotes: list[Annotated[str, StringConstraints(max_length=64)]] = Field(default_factory=list, max_length=50)
    kind: Literal["msg", "sub", "raid", "bits", "announcement"] = "msg"
    n: int = Field(1, ge=1, le=1_000_000)
    id: Annotated[str, StringConstraints(max_length=64)] | None = None
    t_s: float | None = Field(None, ge=0, le=1e8, allow_inf_nan=False)
    wall: datetime | None = None

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if self.t_s is not None and self.wall is not None:
            raise ValueError("give t_s or wall, not both")
        return self


class NewChat(Asked):
    """POST /sessions/{id}/chat: in the order in which they were said."""

    messages: list[ChatLine] = Field(min_length=1, max_length=MOST_MESSAGES)


class ChatTaken(Answered):
    """So many messages were taken; how many count, the session's summary says."""

    taken: int
