"""Settings of what is watched: the list of streams, and how their pages are asked."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from configs.finish import Facecam, LayoutName
from configs.hud import GameName
from core.game import NAME_LENGTH
from core.spec import Rights


class StreamEntry(BaseModel, frozen=True, extra="forbid"):
    """One entry of the key `streams`: what `clipd watch` without arguments watches."""

    name: str = Field(min_length=1, max_length=80, description="What it is called in lines and folders.")
    source: str = Field(min_length=1, max_length=8192, description="Page, URL or path, as for clipd watch.")
    profile: str | None = Field(None, description="Its own profile; none: that of the whole file.")
    game: GameName | None = Field(None, description="Its HUD, in place of the key `game`; off: none.")
    player: str | None = Field(None, max_length=NAME_LENGTH, description="The streamer's name in it.")
    chat: str | None = Field(None, description="A file or URL of JSON lines, twitch:NAME, or off; none: its own.")
    layout: LayoutName | None = Field(None, description="How its pictures are framed, in place of clips.layout.")
    facecam: Facecam | None = Field(None, description="Where its facecam lies: left, top, width, height as fractions.")
    brand: str | None = Field(None, description="Its brand kit's folder, in place of clips.brand.")
    rights: Rights = Field("watch-only", description="own, consent or watch-only: whether its clips may be published.")


class QuotaOptions(BaseModel, frozen=True, extra="forbid"):
    """An entry of `supervisor.quotas`: what a workspace may use at most; null: as much as there is. Days are UTC's."""

    streams: int | None = Field(None, ge=0, description="Workers at once.")
    minutes_a_day: float | None = Field(None, ge=0, description="Minutes of media captured in a day.")
    stored_gb: float | None = Field(None, ge=0, description="GB in its sessions' folders; more begins nothing new.")
    renders_a_day: int | None = Field(None, ge=0, description="Clips finished in a day; masters are always cut.")


class SupervisorOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `supervisor`: how channels are watched, and how `clipd up` keeps its workers."""

    poll_s: float = Field(60.0, ge=1, le=3600, description="Between two questions whether a channel is live.")
    offline_apart_s: float = Field(
        30.0, ge=1, le=600, description="A stream is over when its platform has said so twice, this far apart."
    )
    silence_s: float = Field(
        300.0, ge=10, le=7200, description="It is also over when no media has come for this long, whatever it says."
    )
    catalog: str = Field("", max_length=2048, description="postgresql://... ; none: catalog.db in the data folder.")
    lease: str = Field("", max_length=2048, description="redis://... ; none: a file in the data folder.")
    door: str = Field(
        "",
        max_length=253,
        description="rtmp://HOST:PORT where encoders push to streams of the API; none: no door.",
    )
    lease_s: float = Field(
        10.0, ge=1, le=60, description="A leader that says nothing for this long is replaced; slow links: 15."
    )
    runtime: Literal["process", "docker"] = Field("process", description="Where workers run.")
    image: str = Field("clipd:latest", max_length=255, description="The workers' image, for docker.")
    urls: tuple[str, ...] = Field(
        (), max_length=16, description="Where workers find the supervisors; none: this one's own address."
    )
    streams_at_once: int = Field(100, ge=1, le=10_000, description="Workers at most, whatever the machine could do.")
    quotas: dict[str, QuotaOptions] = Field({}, description="What each workspace may use at most, by its id.")


class RetentionOptions(BaseModel, frozen=True, extra="forbid"):
    """Key `retention`: how long things are kept (DESIGN.md section 5). Running sessions and approved clips stay."""

    ring_h: float = Field(24.0, ge=1, le=87_600, description="Footage of ended sessions, in hours.")
    clips_days: float = Field(7.0, ge=0.04, le=3650, description="Clips that nobody approved, in days.")
    rooms_days: float = Field(90.0, ge=0.04, le=3650, description="Takes of rooms with their tracks, in days.")
    journals_days: float = Field(90.0, ge=1, le=3650, description="Journals, words, chat, audit and events, in days.")


def unique_names(value: tuple[StreamEntry, ...]) -> tuple[StreamEntry, ...]:
    """Raises ValueError when two entries have one name."""
    names = [entry.name for entry in value]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two streams are called {twice[:40]!r}")
    return value
