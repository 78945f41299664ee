"""Profiles, and what another one would have clipped."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from detectors.options import BarOptions, ClipLengths, Weights
from supervisor.api.models.base import Answered, Asked, Id

MOST_SESSIONS: Final = 10


class Profile(Answered):
    """A shipped profile: its budget, how long clips are, what a moment has to reach, how much each family counts."""

    name: str
    clips_per_hour: float
    clip: ClipLengths
    bar: BarOptions
    weights: Weights


class DiffAsked(Asked):
    """POST /profiles/{name}/diff. No sessions: the last ones of the workspace."""

    sessions: list[Id] | None = Field(None, min_length=1, max_length=MOST_SESSIONS)


class Found(Answered):
    """A moment that is, or would be, a clip. Seconds of media time."""

    start_s: float
    end_s: float
    p: float
    reasons: list[str]


class Moved(Answered):
    """The same moment with another span."""

    before: Found
    after: Found


class SessionDiff(Answered):
    """What the profile would have made of a session. `error`: it could not be told."""

    session: str
    error: str = ""
    same: int = 0
    gained: list[Found] = Field(default_factory=list)
    lost: list[Found] = Field(default_factory=list)
    moved: list[Moved] = Field(default_factory=list)
    media_s: float = 0.0


class ProfileDiff(Answered):
    """Session by session, in the order they were asked for."""

    profile: str
    sessions: list[SessionDiff]
