"""`clipd watch` and `clipd vod`: the same worker, at the stream's pace or as fast as the machine allows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from configs import load_settings
from core.errors import UsageError
from core.ids import slug
from core.spec import WorkerKind
from daemon.cli import options as o
from daemon.cli.view import open_view
from daemon.cli.watching import WatchRequest, build_spec, parse_speed
from daemon.cli.watching import watch as run

Sources = Annotated[list[str], typer.Argument(help="Page URL, HLS or file URL, or a path.")]


def watch(
    sources: Sources,
    profile: o.Profile = None,
    data_dir: o.DataDir = None,
    config: o.Config = None,
    out: o.Out = None,
    speed: o.Speed = "live",
    clips_per_hour: o.ClipsPerHour = None,
    chat: o.Chat = None,
    chat_delay: o.ChatDelay = 0.0,
    duration: o.Duration = None,
    as_json: o.AsJson = False,
) -> None:
    """Watch streams and clip them while they run; Ctrl-C drains and ends."""
    if chat and chat != "off" and len(sources) > 1:
        raise UsageError(
            "--chat names one chat, but there are several sources", remedy="Watch each with its own clipd."
        )
    _start(
        "stream", sources, profile, data_dir, config, out, speed, clips_per_hour, chat, chat_delay, duration, as_json
    )


def vod(
    source: Annotated[str, typer.Argument(help="A path or a URL of a recording.")],
    profile: o.Profile = None,
    data_dir: o.DataDir = None,
    config: o.Config = None,
    out: o.Out = None,
    speed: o.Speed = "max",
    clips_per_hour: o.ClipsPerHour = None,
    chat: o.Chat = None,
    chat_delay: o.ChatDelay = 0.0,
    duration: o.Duration = None,
    as_json: o.AsJson = False,
) -> None:
    """Clip a recording with the same worker, as fast as the machine allows."""
    _start("vod", [source], profile, data_dir, config, out, speed, clips_per_hour, chat, chat_delay, duration, as_json)


def _start(
    kind: WorkerKind,
    sources: list[str],
    profile: str | None,
    data_dir: Path | None,
    config: Path | None,
    out: Path | None,
    speed: str,
    clips_per_hour: float | None,
    chat: str | None,
    chat_delay: float,
    duration: float | None,
    as_json: bool,
) -> None:
    settings = load_settings(config=config, profile=profile, data_dir=data_dir, clips_per_hour=clips_per_hour)
    specs = [
        build_spec(
            WatchRequest(
                kind=kind,
                source=source,
                settings=settings,
                out_dir=out / slug(source) if out and len(sources) > 1 else out,
                speed=parse_speed(speed),
                chat=None if chat in (None, "off") else chat,
                chat_delay_s=chat_delay,
                duration_s=duration,
            )
        )
        for source in sources
    ]
    view = open_view(as_json=as_json)
    try:
        code = asyncio.run(run(specs, view))
    finally:
        view.close()
    raise typer.Exit(code)
