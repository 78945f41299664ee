"""The worker process: builds one attempt from its spec and runs it. The only place that constructs anything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from configs import Settings
from core.errors import EXIT_OK, ClipdError, StorageError
from core.ids import ClipId
from core.lines import error_fields
from core.protocols import Clock
from core.spec import WorkerSpec
from core.times import Ns, ns, to_s
from daemon.ingest import ChatReader, Source, open_source
from daemon.journal import Journal, session_lock
from daemon.report import write_session_report
from daemon.worker.analysis import Analysis
from daemon.worker.arrivals import Arrivals
from daemon.worker.build import build_parts
from daemon.worker.control import serve_control
from daemon.worker.emitter import Emitter
from daemon.worker.session import Parts, Session
from daemon.worker.summary import summarise
from telemetry import Metrics, SystemClock, configure_logging

NICE: Final = 0
log = structlog.get_logger()


def run_worker_process(spec: WorkerSpec) -> int:
    """One attempt, from spec to exit code. Nothing of it outlives this call."""
    configure_logging()
    clock = SystemClock()
    emitter = Emitter(sys.stdout, spec.session, clock)
    return asyncio.run(attempt(spec, clock, emitter))


async def attempt(spec: WorkerSpec, clock: Clock, emitter: Emitter) -> int:
    """Run the session until its media ends or a stop is asked for; errors become a line and an exit code."""
    try:
        settings = Settings.model_validate(dict(spec.settings))
        folder = Path(spec.data_dir) / "sessions" / spec.session
        _make(folder)
        with session_lock(folder / "lock"):
            return await _attempt(spec, settings, folder, clock, emitter)
    except ClipdError as err:
        emitter.emit("error", **error_fields(err))
        return err.worker_code


async def _attempt(spec: WorkerSpec, settings: Settings, folder: Path, clock: Clock, emitter: Emitter) -> int:
    async with build_parts(spec, settings, folder, clock, emitter) as parts:
        session = Session(parts)
        async with serve_control(folder / "control.sock", session.control):
            with _stops(session):
                failure = await session.run()
        summary = summarise(parts, session)
        emitter.emit("summary", **summary)
        return failure.worker_code if failure else EXIT_OK


@contextlib.contextmanager
def _stops(session: Session) -> Any:
    """SIGTERM, SIGINT and the end of the lifeline ask for a drain."""
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, session.stop.set)
    watched = _lifeline()
    if watched is not None:
        loop.add_reader(watched, _on_lifeline, loop, watched, session)
    try:
        yield
    finally:
        if watched is not None:
            loop.remove_reader(watched)
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(name)
