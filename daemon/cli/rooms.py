"""`clipd rooms`: recording rooms of a running `clipd up`."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import typer

from core.spec import MAX_PEOPLE
from daemon.cli import options as o
from daemon.cli.listing import show
from daemon.cli.remote import Remote, safe, shown

COLUMNS: Final = ("id", "name", "state", "worker", "layout", "max_people", "stream")
TAKE_COLUMNS: Final = ("id", "state", "started", "stopped", "people", "conform", "session")
INVITE_COLUMNS: Final = ("id", "role", "uses", "used", "expires", "revoked", "created")
TRACK_COLUMNS: Final = ("name", "role", "consent", "track", "state", "bytes", "verified_bytes", "bound_ms")
HOUR_S: Final = 3600
app = typer.Typer(name="rooms", help="Recording rooms of a running `clipd up`.", no_args_is_help=True)
Named = Annotated[str, typer.Argument(metavar="ROOM", help="A room's id or name, see `clipd rooms ls`.")]


@app.command("ls")
def ls(url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None, as_json: o.AsJson = False) -> None:
    """Every room."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    show(remote.all("rooms"), COLUMNS, as_json=as_json, empty="No rooms. Make one: clipd rooms add NAME")


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    layout: Annotated[str, typer.Option(help="Of its clips: grid, split, speaker or screen+speaker.")] = "grid",
    notice: Annotated[str | None, typer.Option(help="What everybody accepts to be recorded; none: ours.")] = None,
    max_people: Annotated[int, typer.Option(help="In the room at once.", min=1, max=MAX_PEOPLE)] = MAX_PEOPLE,
    url: o.Url = None,
    config: o.Config = None,
    data_dir: o.DataDir = None,
    as_json: o.AsJson = False,
) -> None:
    """Make a room. It is open at once, and lets nobody in before there is an invite."""
    body: dict[str, Any] = {"name": name, "layout": layout, "max_people": max_people}
    if notice is not None:
        body["notice"] = notice
    made = Remote.open(url=url, config=config, data_dir=data_dir).ask("POST", "rooms", body)
    typer.echo(json.dumps(made, ensure_ascii=False) if as_json else f"{made['id']}  {made['name']}")


@app.command("invite")
def invite(
    room: Named,
    role: Annotated[str, typer.Option(help="guest, host or producer.")] = "guest",
    reusable: Annotated[bool, typer.Option("--reusable", help="For everybody who has the link.")] = False,
    hours: Annotated[float | None, typer.Option(help="How long it lets new people in; none: without end.")] = None,
    url: o.Url = None,
    config: o.Config = None,
    data_dir: o.DataDir = None,
    as_json: o.AsJson = False,
) -> None:
    """Make a link into a room. It is printed once, on stdout and alone."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    body: dict[str, Any] = {"role": role, "uses": None if reusable else 1}
    if hours is not None:
        body["expires_s"] = hours * HOUR_S
    made = remote.ask("POST", f"rooms/{_id(remote, room)}/invites", body)
    typer.echo(json.dumps(made, ensure_ascii=False) if as_json else made["url"])


@app.command("invites")
def invites(
    room: Named, url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None, as_json: o.AsJson = False
) -> None:
    """Every link into a room, revoked ones too; never their secrets."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    rows = remote.all(f"rooms/{_id(remote, room)}/invites")
    show(rows, INVITE_COLUMNS, as_json=as_json, empty="No invites. Make one: clipd rooms invite ROOM")


@app.command("revoke")
def revoke(
    room: Named,
    link: Annotated[str, typer.Argument(metavar="INVITE", help="An invite's id, see `clipd rooms invites`.")],
    url: o.Url = None,
    config: o.Config = None,
    data_dir: o.DataDir = None,
) -> None:
    """Let nobody in by a link any more."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    remote.ask("DELETE", f"rooms/{_id(remote, room)}/invites/{safe(link)}")
    typer.echo(f"{link} revoked")


@app.command("open")
def open_room(room: Named, url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None) -> None:
    """Let people in again."""
    _turn(Remote.open(url=url, config=config, data_dir=data_dir), room, "open")


@app.command("close")
def close(room: Named, url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None) -> None:
    """Let nobody in, end what is recorded, and end the room's worker."""
    _turn(Remote.open(url=url, config=config, data_dir=data_dir), room, "closed")


@app.command("start")
def start(room: Named, url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None) -> None:
    """Begin to record; opens the room where it is closed."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    told = remote.ask("POST", f"rooms/{_id(remote, room)}/start")
    typer.echo(f"take {shown(str(told['take']))} begins")


@app.command("stop")
def stop(room: Named, url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None) -> None:
    """Record no longer. The room stays open."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    remote.ask("POST", f"rooms/{_id(remote, room)}/stop")
    typer.echo("the take ends")


@app.command("takes")
def takes(
    room: Named,
    take: Annotated[str | None, typer.Argument(help="One of them, with everybody's tracks.")] = None,
    url: o.Url = None,
    config: o.Config = None,
    data_dir: o.DataDir = None,
    as_json: o.AsJson = False,
) -> None:
    """What was recorded in a room, or one take with everybody's tracks."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    path = f"rooms/{_id(remote, room)}/takes"
    if take is None:
        show(remote.all(path), TAKE_COLUMNS, as_json=as_json, empty="Nothing was recorded there yet.")
        return
    found = remote.ask("GET", f"{path}/{safe(take)}")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    rows = [
        {**track, "name": who["name"], "role": who["role"], "consent": (who["consent"] or {}).get("at")}
        for who in found["participants"]
        for track in who["tracks"]
    ]
    show(rows, TRACK_COLUMNS, as_json=False, empty="Nobody's tracks are here.")


@app.command("rm")
def rm(room: Named, url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None) -> None:
    """Delete a closed room with everybody's tracks. Its sessions and clips are kept as long as they would have been."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    id_ = _id(remote, room)
    remote.ask("DELETE", f"rooms/{id_}")
    typer.echo(f"{id_} removed")


def _turn(remote: Remote, room: str, state: str) -> None:
    told = remote.ask("PATCH", f"rooms/{_id(remote, room)}", {"state": state})
    typer.echo(f"{safe(told['id'])} is {told['state']}")


def _id(remote: Remote, room: str) -> str:
    return remote.id_of("rooms", room, "See `clipd rooms ls`.")
