"""`clipd brand check FOLDER`: whether a brand kit can be used, and what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from daemon.brand import Kit, load_kit

_HELP = "Brand kits: logo, title, cards and colours for finished clips."
app = typer.Typer(name="brand", help=_HELP, no_args_is_help=True)


@app.callback()
def brand() -> None:
    """Keep `check` a command of its own while it is the only one."""


@app.command("check")
def check(folder: Annotated[Path, typer.Argument(help="The folder with brand.yaml.")]) -> None:
    """Read brand.yaml, decode the images, read the font; say what was found, or what is wrong and where."""
    with TemporaryDirectory(prefix="clipd-brand-") as job:
        for line in _found(load_kit(folder, Path(job))):
            typer.echo(line)


def _found(kit: Kit) -> Iterator[str]:
    brand = kit.brand
    yield f"brand.yaml is in order{f': {brand.name}' if brand.name else ''}"
    for part, (_, size) in kit.pictures.items():
        yield f"{part}: {brand.images()[part]}, {size.width} x {size.height}"
    for part, card in (("intro", brand.intro), ("outro", brand.outro)):
        if card:
            yield f"{part}: {card.seconds:g} s"
    if brand.font:
        yield f"font: {brand.font}"
    if brand.hook and brand.hook.show:
        yield f"hook title: {brand.hook.seconds:g} s, {brand.hook.position}"
    if brand.progress:
        yield f"progress bar: {brand.progress.position}"
    if brand.captions:
        yield f"captions: {brand.captions}"
