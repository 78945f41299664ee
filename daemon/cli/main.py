"""`clipd`: the command (DESIGN.md section 4). Exit codes: core/errors.py; 130 after an interrupted, clean drain."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command_from_info, get_group_from_info
from typer.models import CommandInfo, TyperInfo

from core.errors import ClipdError
from telemetry import configure_logging

# A command's function, or a group's Typer. Read when it is asked for: `clipd ls` waits for no codec and no model
COMMANDS: Final = {
    "demo": "daemon.cli.demo:demo",
    "watch": "daemon.cli.watch:watch",
    "vod": "daemon.cli.watch:vod",
    "up": "daemon.cli.up:up",
    "cut": "daemon.cli.cut:cut",
    "transcript": "daemon.cli.transcript:transcript",
    "render": "daemon.cli.render:render",
    "lint": "daemon.cli.lint:lint",
    "style": "daemon.cli.style:app",
    "replay": "daemon.cli.replay:replay",
    "eval": "daemon.cli.eval:evaluate",
    "ranks": "daemon.cli.ranks:app",
    "brand": "daemon.cli.brand:app",
    "hud": "daemon.cli.hud:app",
    "doctor": "daemon.cli.doctor:doctor",
    "add": "daemon.cli.streams:add",
    "ls": "daemon.cli.streams:ls",
    "rm": "daemon.cli.streams:rm",
    "pause": "daemon.cli.streams:pause",
    "resume": "daemon.cli.streams:resume",
    "clip-now": "daemon.cli.streams:clip_now",
    "clips": "daemon.cli.clips:app",
    "jobs": "daemon.cli.jobs:app",
    "rooms": "daemon.cli.rooms:app",
    "tokens": "daemon.cli.tokens:app",
}
HIDDEN: Final = {"worker": "daemon.cli.worker:worker"}


class Commands(TyperGroup):
    """Those of the two tables, in their order."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """What the help shows."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """None for what is no command."""
        target = (COMMANDS | HIDDEN).get(cmd_name)
        if target is None:
            return None
        module, _, name = target.partition(":")
        found = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            group = TyperInfo(found, name=cmd_name)
            return get_group_from_info(
                group, pretty_exceptions_short=False, suggest_commands=True, rich_markup_mode=None
            )
        command = CommandInfo(cmd_name, callback=found)
        return get_command_from_info(command, pretty_exceptions_short=False, rich_markup_mode=None)


app = typer.Typer(
    cls=Commands,
    name="clipd",
    help="Watches live streams and cuts the moments worth sharing while the stream is still running.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _root() -> None:
    """No options of its own."""


def main() -> None:
    """Entry point. Our own errors become one message with a remedy; anything else is a bug and shows its trace."""
    configure_logging()
    try:
        app()
    except ClipdError as err:
        print(f"clipd: {err.what}. {err.remedy}", file=sys.stderr)  # noqa: T201
        sys.exit(err.exit_code)


if __name__ == "__main__":
    main()
