"""Jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from configs.finish import CaptionStyle, LayoutName
from core.spec import Rights
from supervisor.api.models.base import Address, Answered, Asked, Id, Name, Title
from supervisor.api.models.streams import HowToWatch
from supervisor.catalog.values import JobState, StepName, StepState

FormatName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


LONGEST_S: Final = 3600.0  # of what is cut by hand


class NewRender(Asked):
    """POST /clips/{id}/render: names as in the setting `clips.formats`; files that are there are not made again, unless
    the clip shall have another layout or other captions from now on."""

    formats: list[FormatName] = Field(min_length=1, max_length=4)
    layout: LayoutName | None = None
    captions: CaptionStyle | None = None


class CutSpan(Asked):
    """POST /clips/{id}/trim: seconds of the session's media time."""

    start_s: float = Field(ge=0, le=1e7)
    end_s: float = Field(ge=0, le=1e7)

    @model_validator(mode="after")
    def _is_a_span(self) -> CutSpan:
        if not 0 < self.end_s - self.start_s <= LONGEST_S:
            raise ValueError(f"a span is longer than 0 s and at most {LONGEST_S:g} s")
        return self


class NewCut(CutSpan):
    """POST /sessions/{id}/cut."""

    title: Title | None = None


class Unmissed(Asked):
    """POST /sessions/{id}/near-misses/{moment}/cut. No title: one is made of what was said."""

    title: Title | None = None


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
    """A recording that is clipped, or was; or an order about a clip: then `source` is empty.

    An order says what is to be made of `clip` in `session`: `formats`, of a render; the span, of a trim or a cut. Done,
    `revision` is the one that was made. Of a `conform` the clip is a room's take.
    """

    id: str
    stream: str
    source: str
    kind: Literal["recording", "render", "trim", "cut", "conform"]
    session: str | None
    clip: str | None
    revision: int | None
    formats: list[str]
    layout: str | None
    captions: str | None
    start_s: float | None
    end_s: float | None
    state: JobState
    cancel: bool
    error: str
    message: str
    created: datetime
    ended: datetime | None
    steps: list[Step]
