"""`clipd worker --spec FD`: one attempt at one session. Started by a supervisor, not by people."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Final

import typer

from core.errors import ClipdError
from core.spec import WorkerSpec
from daemon.speech.memory import few_arenas
from daemon.worker.run import run_worker_process

STDIN: Final = 0  # the lifeline that `watch` and its like hold open, unless the spec itself came through it


def worker(spec: Annotated[int, typer.Option(help="File descriptor that holds the worker spec as JSON.")]) -> None:
    """Run one stream; JSON lines on stdout, logs on stderr."""
    few_arenas()
    try:
        with os.fdopen(spec) as pipe:
            orders = WorkerSpec.from_json(pipe.read())
        if spec == STDIN:
            os.open(os.devnull, os.O_RDONLY)  # takes its number, which nothing else should get
    except OSError:
        raise typer.BadParameter(f"file descriptor {spec} cannot be read") from None
    except ClipdError as err:
        print(f"clipd worker: {err}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(err.worker_code) from err
    alone = spec == STDIN or orders.control is not None  # a supervised worker outlives its supervisor
    raise typer.Exit(run_worker_process(orders, lifeline=None if alone else STDIN))
