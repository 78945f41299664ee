"""`clipd cut SESSION START END`: a manual clip, of a running session through its socket, of a finished one directly."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from configs import load_settings
from core.errors import UsageError
from daemon.cli import options as o
from daemon.worker.control import command
from daemon.worker.offline import cut_finished, is_running, session_folder

CLOCK_PARTS = re.compile(r"^(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)$")


def cut(
    session: Annotated[str, typer.Argument(help="The session's id, or how it begins.")],
    start: Annotated[str, typer.Argument(help="Media time: seconds, m:ss or h:mm:ss.")],
    end: Annotated[str, typer.Argument(help="Media time, after START.")],
    title: Annotated[str | None, typer.Option(help="Title of the clip.")] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="A range to leave out, START-END: a pause, an advert. May be repeated.")
    ] = None,
    keyframes: Annotated[
        bool, typer.Option("--keyframes", help="Copy from the keyframe before START instead of cutting to the frame.")
    ] = False,
    data_dir: o.DataDir = None,
    config: o.Config = None,
    out: o.Out = None,
    as_json: o.AsJson = False,
) -> None:
    """Cut a clip by hand from what is still buffered, to the frame; near misses can be rescued this way."""
    settings = load_settings(config=config, data_dir=data_dir)
    folder = session_folder(Path(settings.data_dir).expanduser(), session)
    request: dict[str, Any] = {
        "command": "cut",
        "start_s": parse_time(start),
        "end_s": parse_time(end),
        "title": title,
        "keyframes": keyframes,
    }
    request["drop"] = [parse_range(text) for text in drop or ()]
    record = _running(folder, request) if is_running(folder) else cut_finished(folder, request, out)
    if as_json:
        print(json.dumps(record), flush=True)  # noqa: T201
    else:
        typer.echo(f"{record['title']}: {record['start_s']:.2f}-{record['end_s']:.2f} s\n{record['files']['master']}")


def parse_time(text: str) -> float:
    """Seconds from `75`, `75.5`, `1:15` or `0:01:15.5`. Raises UsageError."""
    if match := CLOCK_PARTS.match(text):
        hours, minutes, seconds = match.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
    try:
        seconds_only = float(text)
    except ValueError:
        seconds_only = -1.0
    if not 0 <= seconds_only < 1e7:
        raise UsageError(f"{text[:20]!r} is not a time", remedy="Use seconds (75.5) or a clock (1:15 or 0:01:15).")
    return seconds_only


def parse_range(text: str) -> tuple[float, float]:
    """Seconds from `70-73.5` or `1:10-1:13.5`. Raises UsageError."""
    start, _, end = text.partition("-")
    return parse_time(start.strip()), parse_time(end.strip())


def _running(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    answer = asyncio.run(command(folder / "control.sock", request))
    return dict(answer["clip"])
