"""`clipd render CLIP_JSON`: makes a clip again from its recipe and its linked source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli import options as o
from daemon.clips import render as render_clip


def render(
    clip_json: Annotated[Path, typer.Argument(help="The clip.json beside a master.mp4.")],
    out: o.Out = None,
    as_json: o.AsJson = False,
) -> None:
    """Make the same file again; says whether it is identical to the byte."""
    made = render_clip(clip_json, out)
    if as_json:
        fields = {"path": str(made.path), "sha256": made.sha256, "identical": made.identical}
        print(json.dumps(fields), flush=True)  # noqa: T201
        return
    typer.echo(f"{made.path}\n{'identical' if made.identical else 'differs'} (sha256 {made.sha256})")
