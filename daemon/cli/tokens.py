"""`clipd tokens`: who may ask a running `clipd up`."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import typer

from daemon.cli import options as o
from daemon.cli.listing import show
from daemon.cli.remote import Remote, safe

COLUMNS: Final = ("id", "role", "name", "scopes", "created", "expires", "last_used", "revoked")
HOUR_S: Final = 3600
DAY_S: Final = 86_400
app = typer.Typer(name="tokens", help="Who may ask a running `clipd up`.", no_args_is_help=True)


@app.command("new")
def new(
    role: Annotated[str, typer.Option(help="viewer, editor, admin or owner.")] = "viewer",
    name: Annotated[str, typer.Option(help="What it is for.")] = "token",
    days: Annotated[float | None, typer.Option(help="How long it is good for; without end unless given.")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What of its role it may, e.g. clips:read; again for more. All unless given."),
    ] = None,
    url: o.Url = None,
    config: o.Config = None,
    data_dir: o.DataDir = None,
    as_json: o.AsJson = False,
) -> None:
    """Make a token. It is printed once, on stdout and alone, so that it can go into a file."""
    body: dict[str, Any] = {"role": role, "name": name, "scopes": scope or []}
    if days is not None:
        body["expires_in_s"] = days * DAY_S
    made = Remote.open(url=url, config=config, data_dir=data_dir).ask("POST", "tokens", body)
    typer.echo(json.dumps(made, ensure_ascii=False) if as_json else made["secret"])


@app.command("ls")
def ls(url: o.Url = None, config: o.Config = None, data_dir: o.DataDir = None, as_json: o.AsJson = False) -> None:
    """Every token, revoked ones too; never their secrets."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    show(remote.all("tokens"), COLUMNS, as_json=as_json, empty="No tokens.")


@app.command("rotate")
def rotate(
    token: Annotated[str, typer.Argument(metavar="ID", help="A token's id, see `clipd tokens ls`; not its secret.")],
    hours: Annotated[float, typer.Option(help="How long the secret before stays good; 0: not at all.")] = 24,
    url: o.Url = None,
    config: o.Config = None,
    data_dir: o.DataDir = None,
    as_json: o.AsJson = False,
) -> None:
    """Give a token a new secret under the same id. It is printed once, on stdout and alone."""
    remote = Remote.open(url=url, config=config, data_dir=data_dir)
    made = remote.ask("POST", f"tokens/{safe(token)}/rotate", {"overlap_s": hours * HOUR_S})
    typer.echo(json.dumps(made, ensure_ascii=False) if as_json else made["secret"])


@app.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="A token's id, see `clipd tokens ls`; not its secret.")],
    url: o.Url = None,
    config: o.Config = None,
    data_dir: o.DataDir = None,
) -> None:
    """Take a token away, from the next request on."""
    Remote.open(url=url, config=config, data_dir=data_dir).ask("DELETE", f"tokens/{safe(token)}")
    typer.echo(f"{token} revoked")
