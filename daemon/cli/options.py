"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Profile = Annotated[str | None, typer.Option(help="gaming, podcast, sports, irl, or a YAML file.")]
Game = Annotated[
    str | None, typer.Option(help="The game whose HUD is read: see `clipd hud list`; or a folder; or off.")
]
Player = Annotated[str | None, typer.Option(help="The streamer's name in the game, as its HUD writes it.")]
DataDir = Annotated[Path | None, typer.Option(help="Where sessions are kept.")]
Config = Annotated[Path | None, typer.Option(help="Settings file (default: ./clipd.yaml where there is one).")]
Url = Annotated[str | None, typer.Option("--url", help="Where `clipd up` is; its token comes from CLIPD_TOKEN.")]
Out = Annotated[Path | None, typer.Option("--out", help="A folder that gets each finished clip and report.html.")]
Speed = Annotated[
    str, typer.Option(help="live, max, or a number: media seconds a second. Live streams are always live.")
]
ClipsPerHour = Annotated[
    float | None, typer.Option(help="How many clips an hour at most, on average.", min=0.1, max=120)
]
Formats = Annotated[
    str | None,
    typer.Option(
        help="master, vertical, square, portrait, wide, or platforms (tiktok, discord, ...); comma-separated."
    ),
]
Captions = Annotated[
    str | None, typer.Option(help="highlight_word, karaoke, pop_in, typewriter, bounce, boxed_word, plain, or off.")
]
Layout = Annotated[str | None, typer.Option(help="auto, track, split, game_facecam, screen_speaker, fit or centre.")]
Brand = Annotated[Path | None, typer.Option(help="Folder of a brand kit; `clipd brand check` explains it.")]
Planner = Annotated[
    str | None, typer.Option(help="live: words while they are said; packed: read ahead, for recordings.")
]
Language = Annotated[str | None, typer.Option(help="auto, or the code of the language that is spoken, e.g. en.")]
Model = Annotated[str | None, typer.Option(help="Speech model: auto, a Whisper size such as base, or a folder's path.")]
Chat = Annotated[
    str | None,
    typer.Option(
        help="twitch:NAME, JSON lines in a file or at a URL, or off. Twitch channels bring their own by themselves."
    ),
]
ChatDelay = Annotated[float, typer.Option(help="Seconds the chat is behind the stream's own clock.", min=-60, max=600)]
Duration = Annotated[float | None, typer.Option(help="Stop after this many seconds of media.", min=0.1)]
RightsOf = Annotated[
    str, typer.Option("--rights", help="own, consent or watch-only: whether clips of it may ever be published.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout; logs on stderr.")]
