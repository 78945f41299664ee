"""What inbound hooks ask for."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from supervisor.api.models.base import Address, Answered, Asked, Id

HookDoes = Literal["clip-now", "pause", "resume", "job"]


class HookOrder(Asked):
    """POST /hooks/{name}: `clip-now`, `pause` and `resume` of a `stream`; `job` clips the recording at `source_url`."""

    do: HookDoes
    stream: Id | None = None
    last_s: float = Field(30.0, ge=1, le=600, description="Of clip-now: the seconds that have just been.")
    source_url: Address | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.do == "job") != (self.source_url is not None) or (self.do == "job") == (self.stream is not None):
            raise ValueError("a job has a source_url, everything else a stream")
        return self


class Hooked(Answered):
    """What was done: `target` is the stream or job. `repeated`: this id was obeyed before."""

    do: HookDoes
    target: str = ""
    repeated: bool = False
