"""What bodies and queries of requests, and answers, are made of."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from supervisor.catalog.values import ClipState, Review

Item = TypeVar("Item")


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that cannot be printed")
    return text


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80), AfterValidator(_printable)]
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(_printable)
]
Address = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4096), AfterValidator(_printable)
]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]


class Asked(BaseModel):
    """A request's body or query: nothing but these fields, no conversions but those of JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answered(BaseModel):
    """An answer's body."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Asked):
    """No fields."""


class Listing(Asked):
    """Query of a list: newest first; `after` is the `next` of the part before."""

    limit: int = Field(50, ge=1, le=200)
    after: Cursor | None = None


class OfStream(Listing):
    """Query of sessions."""

    stream: Id | None = None


class OfSession(OfStream):
    """Query of what belongs to a session."""

    session: Id | None = None


class OfClips(OfSession):
    """Query of clips: those that fit all of it. `q`: a part of the title."""

    state: ClipState | None = None
    review: Review | None = None
    min_score: float | None = Field(None, allow_inf_nan=False)
    q: str = Field("", max_length=200)


class Listed(Answered, Generic[Item]):
    """A part of a list. `next`: none, this was the last part."""

    items: list[Item]
    next: str | None = None
