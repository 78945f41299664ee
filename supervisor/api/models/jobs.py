"""Jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from core.spec import Rights
from supervisor.api.models.base import Address, Answered, Asked, Name
from supervisor.api.models.streams import HowToWatch
from supervisor.catalog.values import JobState, StepName, StepState

FormatName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class NewRender(Asked):
    """POST /clips/{id}/render: names as in the setting `clips.formats`; files that are there are not made again."""

    formats: list[FormatName] = Field(min_length=1, max_length=4)


class NewJob(HowToWatch):
    """POST /jobs: a recording to be clipped."""

    source_url: Address
    name: Name | None = None
    rights: Rights = "watch-only"
    priority: int = Field(0, ge=-100, le=100)


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
