"""`clipd watch` and `clipd vod`: the same worker, at the stream's pace or as fast as the machine allows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from configs import Settings, load_settings
from core.chat import OFF
from core.errors import UsageError
from core.ids import slug
from core.spec import WorkerKind
from daemon.cli import options as o
from daemon.cli.view import open_view
from daemon.cli.watching import WatchRequest, build_spec, parse_speed
from daemon.cli.watching import watch as run
from daemon.speech.models import refuse_unknown

Sources = Annotated[list[str], typer.Argument(help="Page URL, HLS or file URL, or a path.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What both commands let people choose; the names are those of the options."""

    profile: str | None
    data_dir: Path | None
    config: Path | None
    out: Path | None
    speed: str
    planner: str | None
    language: str | None
    model: str | None
    clips_per_hour: float | None
    chat: str | None
    chat_delay: float
    duration: float | None
    as_json: bool

    def settings(self) -> Settings:
        """Resolved, with a speech model that can be meant."""
        settings = load_settings(
            config=self.config,
            profile=self.profile,
            data_dir=self.data_dir,
            clips_per_hour=self.clips_per_hour,
            speech={"planner": self.planner, "language": self.language, "model": self.model},
        )
        if settings.speech.enabled:
            refuse_unknown(settings.speech.model)
        return settings


def watch(
    sources: Sources,
    profile: o.Profile = None,
    data_dir: o.DataDir = None,
    config: o.Config = None,
    out: o.Out = None,
    speed: o.Speed = "live",
    planner: o.Planner = None,
    language: o.Language = None,
    model: o.Model = None,
    clips_per_hour: o.ClipsPerHour = None,
    chat: o.Chat = None,
    chat_delay: o.ChatDelay = 0.0,
    duration: o.Duration = None,
    as_json: o.AsJson = False,
) -> None:
    """Watch streams and clip them while they run; Ctrl-C drains and ends."""
    asked = {name: value for name, value in locals().items() if name != "sources"}
    if chat and chat != OFF and len(sources) > 1:
        raise UsageError(
            "--chat names one chat, but there are several sources",
            remedy="Without it Twitch channels bring their own; or watch each with its own clipd.",
        )
    _start("stream", sources, asked)


def vod(
    source: Annotated[str, typer.Argument(help="A path or a URL of a recording.")],
    profile: o.Profile = None,
    data_dir: o.DataDir = None,
    config: o.Config = None,
    out: o.Out = None,
    speed: o.Speed = "max",
    planner: o.Planner = None,
    language: o.Language = None,
    model: o.Model = None,
    clips_per_hour: o.ClipsPerHour = None,
    chat: o.Chat = None,
    chat_delay: o.ChatDelay = 0.0,
    duration: o.Duration = None,
    as_json: o.AsJson = False,
) -> None:
    """Clip a recording with the same worker, as fast as the machine allows."""
    asked = {name: value for name, value in locals().items() if name != "source"}
    _start("vod", [source], asked)


def _start(kind: WorkerKind, sources: list[str], options: dict[str, Any]) -> None:
    asked = _Asked(**options)
    settings = asked.settings()
    specs = [
        build_spec(
            WatchRequest(
                kind=kind,
                source=source,
                settings=settings,
                out_dir=asked.out / slug(source) if asked.out and len(sources) > 1 else asked.out,
                speed=parse_speed(asked.speed),
                chat=asked.chat,
                chat_delay_s=asked.chat_delay,
                duration_s=asked.duration,
            )
        )
        for source in sources
    ]
    view = open_view(as_json=asked.as_json)
    try:
        code = asyncio.run(run(specs, view))
    finally:
        view.close()
    raise typer.Exit(code)
