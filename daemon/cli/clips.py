"""`clipd clips`: what a running `clipd up` has cut, and what a person says of it."""

from __future__ import annotations

import json
from typing import Annotated, Final, Literal

import typer

from daemon.cli import options as o
from daemon.cli.cut import parse_time
from daemon.cli.listing import show
from daemon.cli.remote import Remote, safe

COLUMNS: Final = ("id", "state", "review", "score", "title", "created", "session")
Named = Annotated[str, typer.Argument(metavar="CLIP", help="A clip's id, see `clipd clips ls`.")]
Note = Annotated[str, typer.Option(help="Why; kept with the verdict.")]
app = typer.Typer(name="clips", help="What a running `clipd up` has cut, and what you say of it.", no_args_is_help=True)


@app.command("ls")
def ls(url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None, as_json: o.AsJson = False) -> None:
    """Every clip, the newest first."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    show(remote.all("clips"), COLUMNS, as_json=as_json, empty="No clips yet.")


@app.command("approve")
def approve(
    clip: Named, note: Note = "", url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None
) -> None:
    """A good one: it is kept."""
    _judge(clip, "approve", note, Remote.open(url=url, config=config, data_dir=data_dir))


@app.command("reject")
def reject(
    clip: Named, note: Note = "", url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None
) -> None:
    """Not a good one: it goes when it is old."""
    _judge(clip, "reject", note, Remote.open(url=url, config=config, data_dir=data_dir))


@app.command("trim")
def trim(
    clip: Named,
    start: Annotated[str, typer.Argument(help="Media time of the session: seconds, m:ss or h:mm:ss.")],
    end: Annotated[str, typer.Argument(help="Media time, after START.")],
    url: o.Url = None,
    config: o.Config = None,
    data_dir: o.DataDir = None,
    as_json: o.AsJson = False,
) -> None:
    """Give a clip another span, as a job."""
    body = {"start_s": parse_time(start), "end_s": parse_time(end)}
    made = Remote.open(url=url, config=config, data_dir=data_dir).ask("POST", f"clips/{safe(clip)}/trim", body)
    typer.echo(json.dumps(made, ensure_ascii=False) if as_json else f"{made['id']}  {clip} will be trimmed")


def _judge(clip: str, how: Literal["approve", "reject"], note: str, remote: Remote) -> None:
    said = remote.ask("POST", f"clips/{safe(clip)}/{how}", {"note": note})
    typer.echo(f"{said['id']} r{said['revision']} {said['review']}")
