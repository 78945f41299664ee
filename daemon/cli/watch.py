"""`clipd watch` and `clipd vod`: the same worker, at the stream's pace or as fast as the machine allows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, cast, get_args

import typer

from configs import Settings, load_settings
from configs.streams import StreamEntry
from core.chat import OFF, POSTED
from core.errors import UsageError
from core.ids import slug
from core.spec import DOOR, ROOM, WHIP, Rights
from daemon.cli import options as o
from daemon.cli.view import open_view
from daemon.cli.watching import WatchRequest, build_spec, channel_job, parse_speed, stream_name
from daemon.cli.watching import watch as run
from daemon.doors.address import is_pull, is_push
from daemon.speech.models import refuse_unknown

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        help="Page URL, HLS or file URL, a path; rtmp://:1935/live or srt://:9000 to be pushed to; rtsp://HOST/..., "
        "rtmp://HOST/... or srt://HOST:PORT to pull; none: the streams of the settings file."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What both commands let people choose; the names are those of the options."""

    profile: str | None
    game: str | None
    player: str | None
    data_dir: Path | None
    config: Path | None
    out: Path | None
    speed: str
    planner: str | None
    language: str | None
    model: str | None
    clips_per_hour: float | None
    formats: str | None
    captions: str | None
    layout: str | None
    brand: Path | None
    chat: str | None
    chat_delay: float
    duration: float | None
    rights: str
    as_json: bool

    def settings(self, entry: StreamEntry | None = None) -> Settings:
        """Resolved, with a speech model that can be meant. `entry`: a stream's own wishes, which options win over."""
        own: dict[str, Any] = {} if entry is None else entry.model_dump()
        settings = load_settings(
            config=self.config,
            profile=self.profile or own.get("profile"),
            game=self.game or own.get("game"),
            player=self.player or own.get("player"),
            data_dir=self.data_dir,
            clips_per_hour=self.clips_per_hour,
            clips={
                "formats": self.formats,
                "captions": self.captions,
                "layout": self.layout or own.get("layout"),
                "facecam": own.get("facecam"),
                "brand": str(self.brand.absolute()) if self.brand else own.get("brand"),
            },
            speech={"planner": self.planner, "language": self.language, "model": self.model},
        )
        if settings.speech.enabled:
            refuse_unknown(settings.speech.model)
        return settings

    def request(self, kind: Literal["stream", "vod"], source: str, out_dir: Path | None) -> WatchRequest:
        """What is asked for one source that was typed."""
        if self.rights not in get_args(Rights):
            raise UsageError(f"Unknown rights {self.rights[:20]!r}", remedy=f"Use {', '.join(get_args(Rights))}.")
        if source.startswith((DOOR, ROOM, WHIP)):
            raise UsageError(
                f"{source.partition(':')[0]}: needs what only clipd up serves: keys, pages and invites",
                remedy="Run clipd up, then make a room with clipd rooms, or add the stream with clipd add.",
                code="needs_up",
            )
        return WatchRequest(
            kind=kind,
            source=source,
            settings=self.settings(),
            out_dir=out_dir,
            speed=parse_speed(self.speed),
            chat=self.chat,
            chat_delay_s=self.chat_delay,
            duration_s=self.duration,
            rights=cast("Rights", self.rights),
        )

    def entry(self, entry: StreamEntry) -> WatchRequest:
        """What is asked for a stream of the settings."""
        return replace(
            self.request("stream", entry.source, self.out / slug(entry.name) if self.out else None),
            settings=self.settings(entry),
            chat=entry.chat,
            rights=entry.rights,
            name=entry.name,
        )


def watch(
    sources: Sources = None,
    profile: o.Profile = None,
    game: o.Game = None,
    player: o.Player = None,
    data_dir: o.DataDir = None,
    config: o.Config = None,
    out: o.Out = None,
    speed: o.Speed = "live",
    planner: o.Planner = None,
    language: o.Language = None,
    model: o.Model = None,
    clips_per_hour: o.ClipsPerHour = None,
    formats: o.Formats = None,
    captions: o.Captions = None,
    layout: o.Layout = None,
    brand: o.Brand = None,
    chat: o.Chat = None,
    chat_delay: o.ChatDelay = 0.0,
    duration: o.Duration = None,
    rights: o.RightsOf = "watch-only",
    as_json: o.AsJson = False,
) -> None:
    """Watch streams and clip them while they run, channels around the clock; Ctrl-C drains and ends."""
    asked = _Asked(**{name: value for name, value in locals().items() if name != "sources"})
    if not sources:
        _run(asked, _configured(asked))
    if chat and chat != OFF and len(sources) > 1:
        raise UsageError(
            "--chat names one chat, but there are several sources",
            remedy="Without it Twitch channels bring their own; or watch each with its own clipd.",
        )
    several = len(sources) > 1
    folders = _folders(sources)
    outs = [asked.out / folder if asked.out and several else asked.out for folder in folders]
    _run(asked, [asked.request("stream", each, where) for each, where in zip(sources, outs, strict=True)])


def vod(
    source: Annotated[str, typer.Argument(help="A path or a URL of a recording.")],
    profile: o.Profile = None,
    game: o.Game = None,
    player: o.Player = None,
    data_dir: o.DataDir = None,
    config: o.Config = None,
    out: o.Out = None,
    speed: o.Speed = "max",
    planner: o.Planner = None,
    language: o.Language = None,
    model: o.Model = None,
    clips_per_hour: o.ClipsPerHour = None,
    formats: o.Formats = None,
    captions: o.Captions = None,
    layout: o.Layout = None,
    brand: o.Brand = None,
    chat: o.Chat = None,
    chat_delay: o.ChatDelay = 0.0,
    duration: o.Duration = None,
    rights: o.RightsOf = "watch-only",
    as_json: o.AsJson = False,
) -> None:
    """Clip a recording with the same worker, as fast as the machine allows."""
    asked = _Asked(**{name: value for name, value in locals().items() if name != "source"})
    _run(asked, [asked.request("vod", source, asked.out)])


def _configured(asked: _Asked) -> list[WatchRequest]:
    """The streams of the settings file."""
    entries = asked.settings().streams
    if not entries:
        raise UsageError(
            "No source is given, and the settings name no streams",
            remedy="Name a page, a URL or a path, or list them under streams: in clipd.yaml.",
            code="no_sources",
        )
    if asked.chat:
        raise UsageError("--chat needs a source beside it", remedy="Set the chat of each entry under streams.")
    return [asked.entry(entry) for entry in entries]


def _run(asked: _Asked, requests: Sequence[WatchRequest]) -> NoReturn:
    if any(request.chat == POSTED for request in requests):
        raise UsageError(
            "Chat is posted to `clipd up`, and this is none", remedy=f"Use --chat ./{POSTED} for a file of that name."
        )
    channels = [request.is_channel for request in requests]
    specs = [build_spec(request) for request, page in zip(requests, channels, strict=True) if not page]
    jobs = [channel_job(request) for request, page in zip(requests, channels, strict=True) if page]
    view = open_view(as_json=asked.as_json)
    try:
        code = asyncio.run(run(specs, view, channels=jobs))
    finally:
        view.close()
    raise typer.Exit(code)


def _folders(sources: Sequence[str]) -> list[str]:
    """A folder of its own for each of several sources; of an address that may hold a secret only its name goes in."""
    names = [slug(stream_name(source) if is_push(source) or is_pull(source) else source) for source in sources]
    return [f"{name}-{names[:n].count(name) + 1}" if name in names[:n] else name for n, name in enumerate(names)]
