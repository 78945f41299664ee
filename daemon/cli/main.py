"""`clipd`: the command (DESIGN.md section 4). Exit codes: core/errors.py; 130 after an interrupted, clean drain."""

from __future__ import annotations

import sys

import typer

from core.errors import ClipdError
from daemon.cli import (
    brand,
    clips,
    cut,
    demo,
    doctor,
    eval,
    jobs,
    lint,
    render,
    replay,
    streams,
    style,
    tokens,
    transcript,
    up,
    watch,
    worker,
)  # fmt: skip
from telemetry import configure_logging

app = typer.Typer(
    name="clipd",
    help="Watches live streams and cuts the moments worth sharing while the stream is still running.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo.demo)
app.command("watch")(watch.watch)
app.command("vod")(watch.vod)
app.command("up")(up.up)
app.command("cut")(cut.cut)
app.command("transcript")(transcript.transcript)
app.command("render")(render.render)
app.command("lint")(lint.lint)
app.add_typer(style.app, name="style")
app.command("replay")(replay.replay)
app.command("eval")(eval.evaluate)
app.add_typer(brand.app)
app.command("doctor")(doctor.doctor)
app.command("add")(streams.add)
app.command("ls")(streams.ls)
app.command("rm")(streams.rm)
app.command("pause")(streams.pause)
app.command("resume")(streams.resume)
app.command("clip-now")(streams.clip_now)
app.add_typer(clips.app)
app.add_typer(jobs.app)
app.add_typer(tokens.app)
app.command("worker", hidden=True)(worker.worker)


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
