"""`clipd jobs`: recordings that a running `clipd up` clips, and orders about clips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.chat import is_local_chat
from daemon.cli import options as o
from daemon.cli.listing import show
from daemon.cli.remote import Remote, safe
from daemon.cli.streams import game_on_server, on_server
from daemon.cli.uploading import bring

COLUMNS: Final = ("id", "kind", "state", "error", "created", "clip", "formats", "source")
STEP_COLUMNS: Final = ("name", "state", "attempts", "progress", "error")
Named = Annotated[str, typer.Argument(metavar="JOB", help="A job's id, see `clipd jobs ls`.")]
app = typer.Typer(
    name="jobs",
    help="Recordings that a running `clipd up` clips, and clips that it makes in more formats.",
    no_args_is_help=True,
)


@app.command("add")
def add(
    source: Annotated[str, typer.Argument(help="Page or URL of a recording; a path on the server, or here.")],
    upload: Annotated[bool, typer.Option("--upload", help="SOURCE is a file of this machine: bring it.")] = False,
    name: Annotated[str | None, typer.Option(help="What it is called; unless given, made of the source.")] = None,
    profile: Annotated[str | None, typer.Option(help="gaming, podcast, sports or irl.")] = None,
    game: o.Game = None,
    player: o.Player = None,
    rights: o.RightsOf = "watch-only",
    chat: o.Chat = None,
    url: o.Url = None,
    config: o.Config = None,
    data_dir: o.DataDir = None,
    as_json: o.AsJson = False,
) -> None:
    """Clip a recording."""
    told = None if chat is None else on_server(chat) if is_local_chat(chat) else chat
    wishes = {
        "name": name,
        "profile": profile,
        "game": None if game is None else game_on_server(game),
        "player": player,
    }
    wishes |= {"chat": told}
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    what = {"upload": bring(remote, Path(source))} if upload else {"source_url": on_server(source)}
    body: dict[str, Any] = {**what, "rights": rights}
    body |= {wish: value for wish, value in wishes.items() if value is not None}
    made = remote.ask("POST", "jobs", body)
    typer.echo(json.dumps(made, ensure_ascii=False) if as_json else f"{made['id']}  {made['source']}")


@app.command("render")
def render(
    clip: Annotated[str, typer.Argument(metavar="CLIP", help="A clip's id, as its JSON line and clip.json say it.")],
    formats: Annotated[str, typer.Option(help="vertical, square, portrait, wide, or platforms, with commas between.")],
    layout: o.Layout = None,
    captions: o.Captions = None,
    url: o.Url = None,
    config: o.Config = None,
    data_dir: o.DataDir = None,
    as_json: o.AsJson = False,
) -> None:
    """Make a clip in more formats, or in another layout or with other captions."""
    body: dict[str, Any] = {"formats": [name.strip() for name in formats.split(",")]}
    body |= {name: value for name, value in (("layout", layout), ("captions", captions)) if value is not None}
    made = Remote.open(url=url, config=config, data_dir=data_dir).ask("POST", f"clips/{safe(clip)}/render", body)
    typer.echo(json.dumps(made, ensure_ascii=False) if as_json else f"{made['id']}  {clip} {formats}")


@app.command("ls")
def ls(url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None, as_json: o.AsJson = False) -> None:
    """Every job, the newest first."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    show(remote.all("jobs"), COLUMNS, as_json=as_json, empty="No jobs. Add one: clipd jobs add SOURCE")


@app.command("show")
def show_one(
    job: Named, url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None, as_json: o.AsJson = False
) -> None:
    """A job's steps."""
    found = Remote.open(url=url, config=config, data_dir=data_dir).ask("GET", f"jobs/{safe(job)}")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    show([found], COLUMNS, as_json=False, empty="")
    show(found["steps"], STEP_COLUMNS, as_json=False, empty="")


@app.command("cancel")
def cancel(job: Named, url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None) -> None:
    """End a job; the clips that are finished stay."""
    Remote.open(url=url, config=config, data_dir=data_dir).ask("DELETE", f"jobs/{safe(job)}")
    typer.echo(f"{job} will be cancelled")


@app.command("retry")
def retry(job: Named, url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None) -> None:
    """Try a failed or cancelled job again, at the step that failed."""
    Remote.open(url=url, config=config, data_dir=data_dir).ask("POST", f"jobs/{safe(job)}/retry")
    typer.echo(f"{job} is tried again")
