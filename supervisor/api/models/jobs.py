"""Jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from core.spec import Rights
from supervisor.api.models.base import Address, Answered, Asked, Id, Name
from supervisor.api.models.streams import HowToWatch
from supervisor.catalog.values import JobState, StepName, StepState

FormatName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class NewRender(Asked):
    """POST /clips/{id}/render: names as in the setting `clips.formats`; files that are there are not made again."""

    formats: list[FormatName] = Field(min_length=1, max_length=4)


class NewJob(HowToWatch):
    """POST /jobs: a recording to be clipped, by its address or as an upload that is whole."""

    source_url: Address | None = None
    upload: Id | None = None
    name: Name | None = None
    rights: Rights = "watch-only"
    priority: int = Field(0, ge=-100, le=100)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.source_url is None) == (self.upload is None):
            raise ValueError("give source_url or upload")
        return self


class Step(Answered):
    """A step of a job. `progress` is 0 to 1."""

    name: StepName
    state: StepState
    attempts: int
    started: datetime | None
    ended: datetime | None
    progress: float
    error: str


class Job(Answered):
    """A recording that is clipped, or was; or a clip that is rendered in more formats: then `source` is empty."""

    id: str
    stream: str
    source: str
    clip: str | None
    formats: list[str]
    state: JobState
    cancel: bool
    error: str
    created: datetime
    ended: datetime | None
    steps: list[Step]
