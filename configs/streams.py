"""Settings of what is watched: the list of streams, and how their pages are asked."""

from __future__ import annotations

from pydantic import BaseModel, Field

from core.spec import Rights


class StreamEntry(BaseModel, frozen=True, extra="forbid"):
    """One entry of the key `streams`: what `clipd watch` without arguments watches."""

    name: str = Field(min_length=1, max_length=80, description="What it is called in lines and folders.")
    source: str = Field(min_length=1, max_length=8192, description="Page, URL or path, as for clipd watch.")
    profile: str | None = Field(None, description="Its own profile; none: that of the whole file.")
    chat: str | None = Field(None, description="A file or URL of JSON lines, twitch:NAME, or off; none: its own.")
    rights: Rights = Field("watch-only", description="own, consent or watch-only: whether its clips may be published.")


class SupervisorOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `supervisor`: how channels are watched."""

    poll_s: float = Field(60.0, ge=1, le=3600, description="Between two questions whether a channel is live.")
    offline_apart_s: float = Field(
        30.0, ge=1, le=600, description="A stream is over when its platform has said so twice, this far apart."
    )
    silence_s: float = Field(
        300.0, ge=10, le=7200, description="It is also over when no media has come for this long, whatever it says."
    )


def unique_names(value: tuple[StreamEntry, ...]) -> tuple[StreamEntry, ...]:
    """Raises ValueError when two entries have one name."""
    names = [entry.name for entry in value]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two streams are called {twice[:40]!r}")
    return value
