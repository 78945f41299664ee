"""Lists that the server gave, as columns for people or as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

from daemon.cli.remote import shown


def show(items: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """The fields `columns` of each item, under their names; `empty` where there is no item. JSON lines have all."""
    if as_json:
        for item in items:
            typer.echo(json.dumps(item, ensure_ascii=False))
        return
    rows = [[_cell(item.get(column)) for column in columns] for item in items]
    if not rows:
        typer.echo(empty, err=True)
        return
    heads = [column.upper() for column in columns]
    widths = [max(len(row[n]) for row in [heads, *rows]) for n in range(len(columns))]
    for row in [heads, *rows]:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value in (None, "", []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown(", ".join(map(str, value)) if isinstance(value, list) else str(value))[:80]
