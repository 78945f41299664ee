"""Sessions and clips."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from supervisor.api.models.base import Answered, Asked, Title
from supervisor.api.models.jobs import Job
from supervisor.catalog.values import SessionState


class Session(Answered):
    """One watch of a stream."""

    id: str
    stream: str
    state: SessionState
    reason: str
    started: datetime | None
    ended: datetime | None
    media_s: float
    summary: dict[str, Any]


class Clip(Answered):
    """A clip's newest revision; `line` is what the worker said of it, without the paths of its files.

    `files`: a link for each of them by its name, for whoever has it; good for 12 h at least. `review` and the title
    that a person gave it stand whatever its worker says later. A verdict is about `reviewed_revision`;
    `revised_after_approval`: it was approved, and has been cut anew since.
    """

    id: str
    stream: str
    session: str
    revision: int
    state: Literal["provisional", "final", "withdrawn"]
    review: Literal["none", "approved", "rejected"]
    reviewed_revision: int | None
    revised_after_approval: bool
    title: str
    score: float | None
    created: datetime
    line: dict[str, Any]
    files: dict[str, str]


class Revision(Answered):
    """Something that was finished under a clip's id; two attempts may have made one each."""

    revision: int
    state: Literal["provisional", "final", "withdrawn"]
    created: datetime
    line: dict[str, Any]


class Verdict(Answered):
    """What somebody said of a revision; `by` as in the audit."""

    revision: int
    review: Literal["approved", "rejected"]
    by: str
    note: str
    at: datetime


class ClipHistory(Clip):
    """A clip with its revisions, the first first, and, the newest first, its verdicts and the jobs that were asked
    for it; 20 of each at most."""

    revisions: list[Revision]
    renders: list[Job]
    verdicts: list[Verdict]


class Judged(Asked):
    """POST /clips/{id}/approve and reject."""

    note: str = Field("", max_length=1000)


class ClipChange(Asked):
    """PATCH /clips/{id}."""

    title: Title
