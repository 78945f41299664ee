"""`clipd render CLIP_JSON`: makes a clip again from its recipe and its linked source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli import options as o
from daemon.clips import render as render_clip


def render(
    clip_json: Annotated[Path, typer.Argument(help="The clip.json beside a master.mp4.")],
    out: o.Out = None,
) -> None:
    """Make the same file again; says whether it is identical to the byte."""
    made = render_clip(clip_json, out)
    typer.echo(f"{made.path}\n{'identical' if made.identical else 'differs'} (sha256 {made.sha256})")
