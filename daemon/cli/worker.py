"""`clipd worker --spec FD`: one attempt at one session. Started by a supervisor, not by people."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Final

import typer

from core.errors import ClipdError
from core.spec import WorkerSpec
from daemon.worker.run import run_worker_process

STDIN: Final = 0  # the lifeline that a supervisor holds open, unless the spec itself came through it


def worker(spec: Annotated[int, typer.Option(help="File descriptor that holds the worker spec as JSON.")]) -> None:
    """Run one stream; JSON lines on stdout, logs on stderr."""
    try:
        with os.fdopen(spec) as pipe:
            orders = WorkerSpec.from_json(pipe.read())
    except OSError:
        raise typer.BadParameter(f"file descriptor {spec} cannot be read") from None
    except ClipdError as err:
        print(f"clipd worker: {err}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(err.worker_code) from err
    raise typer.Exit(run_worker_process(orders, lifeline=None if spec == STDIN else STDIN))
