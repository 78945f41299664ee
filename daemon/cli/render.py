"""`clipd render CLIP_JSON`: makes a clip again from its recipe, with edited captions, or in other formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from daemon.cli import options as o
from daemon.clips import Rendered
from daemon.clips import render as render_clip
from daemon.finish import Changes, finish_again


def render(
    clip_json: Annotated[Path, typer.Argument(help="The clip.json beside a master.mp4.")],
    out: o.Out = None,
    formats: o.Formats = None,
    captions: o.Captions = None,
    layout: o.Layout = None,
    brand: o.Brand = None,
    as_json: o.AsJson = False,
) -> None:
    """Make a clip's files again and say whether they are identical to the byte.

    Words and captions in clip.json may be edited before: then all files get them. With formats, captions, layout
    or a brand kit, the finished files are made anew and the master is left alone.
    """
    names = None if formats is None else tuple(name for name in formats.replace(" ", "").split(",") if name != "master")
    changes = Changes(formats=names, captions=captions, layout=layout, brand=brand)
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as bar:
        task = bar.add_task("Rendering", total=1.0)
        made = finish_again(clip_json, changes, out, lambda done: bar.update(task, completed=done))
    for one in made if changes.some else [render_clip(clip_json, out), *made]:
        _show(one, as_json, "made anew" if changes.some else "identical" if one.identical else "differs")


def _show(made: Rendered, as_json: bool, how: str) -> None:
    if as_json:
        fields = {"path": str(made.path), "sha256": made.sha256, "identical": made.identical}
        print(json.dumps(fields), flush=True)  # noqa: T201
        return
    typer.echo(f"{made.path}\n{how} (sha256 {made.sha256})")
