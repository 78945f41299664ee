"""`clipd worker --spec FD`: one attempt at one session. Started by a supervisor, not by people."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from daemon.worker.program import work


def worker(spec: Annotated[int, typer.Option(help="File descriptor that holds the worker spec as JSON.")]) -> None:
    """Run one stream; JSON lines on stdout, logs on stderr."""
    try:
        os.fstat(spec)
    except OSError:
        raise typer.BadParameter(f"file descriptor {spec} cannot be read") from None
    raise typer.Exit(work(spec))
