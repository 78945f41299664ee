"""`clipd add`, `ls`, `rm`, `pause`, `resume` and `clip-now`: streams of a running `clipd up`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from configs.games import is_folder
from core.chat import is_local_chat
from core.errors import UsageError
from daemon.cli import options as o
from daemon.cli.listing import show
from daemon.cli.remote import Remote, safe

WHIP: Final = "whip:"
COLUMNS: Final = ("id", "name", "state", "wanted", "reason", "rights", "source")
MAX_KEY_FILE: Final = 512
Named = Annotated[str, typer.Argument(metavar="STREAM", help="A stream's id or name, see `clipd ls`.")]


def add(
    source: Annotated[str, typer.Argument(help="Page, URL, door:APP or whip: to be pushed to; a path on the server.")],
    name: Annotated[str | None, typer.Option(help="What it is called; unless given, made of the source.")] = None,
    profile: Annotated[str | None, typer.Option(help="gaming, podcast, sports or irl.")] = None,
    game: o.Game = None,
    player: o.Player = None,
    rights: o.RightsOf = "watch-only",
    chat: o.Chat = None,
    chat_delay: Annotated[float | None, typer.Option(help="Seconds the chat is behind.", min=-60, max=600)] = None,
    layout: o.Layout = None,
    brand: o.Brand = None,
    priority: Annotated[int, typer.Option(help="The higher, the earlier it gets room.", min=-100, max=100)] = 0,
    paused: Annotated[bool, typer.Option("--paused", help="Add it, but do not watch it yet.")] = False,
    key_file: Annotated[Path | None, typer.Option(help="Of door, whip: a file with its key; none: a new one.")] = None,
    url: o.Url = None,
    config: o.Config = None,
    data_dir: o.DataDir = None,
    as_json: o.AsJson = False,
) -> None:
    """Watch a source with a running `clipd up`."""
    body: dict[str, Any] = {"source": on_server(source), "rights": rights, "priority": priority}
    wishes: dict[str, Any] = {
        "name": name,
        "profile": profile,
        "game": None if game is None else game_on_server(game),
        "player": player,
        "chat": None if chat is None else on_server(chat) if is_local_chat(chat) else chat,
        "chat_delay_s": chat_delay,
        "layout": layout,
        "brand": None if brand is None else str(brand.absolute()),
        "key": None if key_file is None else _key(key_file),
    }
    body |= {wish: value for wish, value in wishes.items() if value is not None}
    if paused:
        body["wanted"] = "paused"
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    made = remote.ask("POST", "streams", body)
    if as_json:
        typer.echo(json.dumps(made, ensure_ascii=False))
        return
    typer.echo(f"{made['id']}  {made['source']}")
    if made.get("key") and made["source"] == "whip:":
        typer.echo(f"Publish to {remote.url}/api/v1/whip with this bearer token, which is shown once: {made['key']}")
    elif made.get("key"):
        app = source.removeprefix("door:") or "live"
        place = (
            "/api/v1/whip, with this bearer token" if source == WHIP else f"the application {app} with this stream key"
        )
        typer.echo(f"Publish to {place}, which is shown once: {made['key']}")


def ls(url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None, as_json: o.AsJson = False) -> None:
    """What is watched."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    show(remote.all("streams"), COLUMNS, as_json=as_json, empty="No streams. Add one: clipd add SOURCE")


def rm(stream: Named, url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None) -> None:
    """Watch a stream no longer. Its sessions and clips are kept as long as they would have been."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    id_ = remote.stream_id(stream)
    remote.ask("DELETE", f"streams/{id_}")
    typer.echo(f"{id_} removed")


def pause(stream: Named, url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None) -> None:
    """Stop watching a stream for now; its worker drains."""
    _want(stream, "pause", Remote.open(url=url, config=config, data_dir=data_dir))


def resume(stream: Named, url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None) -> None:
    """Watch a paused stream again."""
    _want(stream, "resume", Remote.open(url=url, config=config, data_dir=data_dir))


def clip_now(
    stream: Named,
    last: Annotated[float, typer.Option(help="How many seconds back.", min=1, max=600)] = 30.0,
    url: o.Url = None,
    config: o.Config = None,
    data_dir: o.DataDir = None,
) -> None:
    """Cut what has just been of a stream that is being recorded."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    id_ = remote.stream_id(stream)
    remote.ask("POST", f"streams/{id_}/clip-now", {"last_s": last})
    typer.echo(f"{id_}: the last {last:g} s will be cut")


def on_server(text: str) -> str:
    """A path as the server has to read it, where it is one here."""
    return str(Path(text).absolute()) if "://" not in text and Path(text).expanduser().exists() else text


def game_on_server(text: str) -> str:
    """A HUD's folder as a path of the server; a name stays a name."""
    return str(Path(text).expanduser().absolute()) if is_folder(text) else text


def _want(stream: str, what: str, remote: Remote) -> None:
    told = remote.ask("POST", f"streams/{remote.stream_id(stream)}/{what}")
    typer.echo(f"{safe(told['id'])} is wanted {told['wanted']}")


def _key(path: Path) -> str:
    try:
        with path.expanduser().open("rb") as file:
            return file.read(MAX_KEY_FILE).decode("ascii", "replace").strip()
    except OSError as err:
        said = f"The key file cannot be read: {err.strerror}"
        raise UsageError(said, remedy="Check --key-file.", code="no_key") from err
