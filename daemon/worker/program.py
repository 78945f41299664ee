"""The worker's program without the command around it: what a mould (supervisor/runtimes/mould.py) reads and forks."""

from __future__ import annotations

import os
import sys
from typing import Final

from core.errors import ClipdError
from core.spec import WorkerSpec
from daemon.speech.memory import few_arenas
from daemon.worker.run import run_worker_process
from telemetry import configure_logging

STDIN: Final = 0  # the lifeline that `watch` and its like hold open, unless the spec itself came through it


def main(spec: int) -> int:
    """As a process of its own: with logs on stderr. The exit code."""
    configure_logging()
    return work(spec)


def work(spec: int) -> int:
    """Run the attempt whose spec this file descriptor holds; the exit code."""
    few_arenas()
    try:
        with os.fdopen(spec) as pipe:
            orders = WorkerSpec.from_json(pipe.read())
    except ClipdError as err:
        print(f"clipd worker: {err}", file=sys.stderr)  # noqa: T201
        return err.worker_code
    if spec == STDIN:
        os.open(os.devnull, os.O_RDONLY)  # takes its number, which nothing else should get
    alone = spec == STDIN or orders.control is not None  # a supervised worker outlives its supervisor
    return run_worker_process(orders, lifeline=None if alone else STDIN)
