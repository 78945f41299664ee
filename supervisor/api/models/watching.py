"""What is shown of a session: words, lines over time, moments."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import Field, model_validator

from supervisor.api.models.base import Answered, Asked

LATEST_S = 1e8  # three years of media
MOST_POINTS = 2000


class Span(Asked):
    """Query of what lies in a stretch of media time; without `to_s` up to the end."""

    from_s: float = Field(0.0, ge=0, le=LATEST_S, allow_inf_nan=False)
    to_s: float | None = Field(None, gt=0, le=LATEST_S, allow_inf_nan=False)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.to_s is not None and self.to_s <= self.from_s:
            raise ValueError("to_s has to be after from_s")
        return self


class SpanPoints(Span):
    """Query of lines over time: at most so many values each."""

    points: int = Field(600, ge=1, le=MOST_POINTS)


class SignedLink(Asked):
    """Query of a signed link: until when it holds, seconds since 1970, and the signature."""

    exp: str = Field("", max_length=20)
    sig: str = Field("", max_length=64)


class SignedFile(SignedLink):
    """The same; `download=1`: as a file to keep."""

    download: Literal["0", "1"] = "0"


class SaidWord(Answered):
    """A word, on the session's media time. `prob` is the recogniser's, 0 to 1."""

    text: str
    start_s: float
    end_s: float
    prob: float


class Transcript(Answered):
    """Words of a span, by start. `next_s`: there are more; ask again with it as `from_s`."""

    words: list[SaidWord]
    language: str | None
    next_s: float | None


class Played(Answered):
    """What a game's HUD showed, or a sound of it told. `own`: the streamer's; `text`: in words. Names were read off the
    screen."""

    t_s: float
    kind: str
    own: bool
    source: str
    count: int
    who: str
    victim: str
    weapon: str
    text: str


class Signals(Answered):
    """Value i of each line is of the stretch that begins at start_s + i * step_s; null where nothing is known.

    `p`: how probable a moment is there; `bar`: what p has to reach to become a clip. `game`: what a game's HUD showed
    in the span, by time; the newest 1000.
    """

    start_s: float
    step_s: float
    series: dict[str, list[float | None]]
    p: list[float]
    bar: list[float]
    game: list[Played]


class Moment(Answered):
    """A candidate. `parts` are logits by family of evidence; `reason` the code of its rejection or withdrawal.

    `has_footage`: all of it can be cut now; `footage_until`: up to then, as far as can be said.
    """

    id: str
    state: str
    start_s: float
    end_s: float
    anchor_s: float
    p: float
    bar: float
    reason: str
    parts: dict[str, float]
    has_footage: bool
    footage_until: datetime | None
