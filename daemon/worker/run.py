"""The worker process: one attempt, from its spec to its exit code."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import structlog

from configs import Settings
from core.errors import EXIT_OK, ClipdError, StorageError
from core.lines import error_fields
from core.protocols import Clock
from core.spec import WorkerSpec
from daemon.journal import session_lock
from daemon.worker.build import build_parts
from daemon.worker.control import serve_control
from daemon.worker.emitter import Emitter
from daemon.worker.reporting import write_session_report
from daemon.worker.session import Parts, Session
from daemon.worker.summary import summarise
from telemetry import SystemClock

log = structlog.get_logger()


def run_worker_process(spec: WorkerSpec, *, lifeline: int | None) -> int:
    """One attempt with the machine's clock and stdout for lines."""
    clock = SystemClock()
    return asyncio.run(attempt(spec, clock, Emitter(sys.stdout, spec.session, clock), lifeline=lifeline))


async def attempt(spec: WorkerSpec, clock: Clock, emitter: Emitter, *, lifeline: int | None = None) -> int:
    """Run the session until its media ends or a stop is asked for; our errors become a line and an exit code.

    `lifeline` is a pipe that the supervisor holds open; its end means that nobody supervises this worker any more.
    """
    try:
        settings = Settings.model_validate(dict(spec.settings))
        folder = _session_folder(Path(spec.data_dir), spec)
        with session_lock(folder / "lock"):
            return await _run(spec, settings, folder, clock, emitter, lifeline)
    except ClipdError as err:
        emitter.emit("error", **error_fields(err))
        return err.worker_code


async def _run(
    spec: WorkerSpec, settings: Settings, folder: Path, clock: Clock, emitter: Emitter, lifeline: int | None
) -> int:
    async with build_parts(spec, settings, folder, clock, emitter) as parts:
        session = Session(parts)
        async with serve_control(folder / "control.sock", session.control):
            with _stop_requests(session, lifeline):
                failure = await session.run()
        if failure is None or parts.capture.epochs:
            summary = summarise(parts, session)
            emitter.emit("summary", **summary, report=_report(spec, session, parts, folder, summary))
        return failure.worker_code if failure else EXIT_OK


def _session_folder(data_dir: Path, spec: WorkerSpec) -> Path:
    folder = data_dir / "sessions" / spec.session
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise StorageError(
            f"Cannot make {folder}: {err.strerror}",
            remedy="Free some space, or use another --data-dir.",
            code="unwritable",
        ) from err
    return folder


def _report(spec: WorkerSpec, session: Session, parts: Parts, folder: Path, summary: Mapping[str, Any]) -> str | None:
    """The report's path; None where the disk does not take it, which has been said by then."""
    try:
        path = write_session_report(
            parts.journal,
            Path(spec.out_dir) if spec.out_dir else folder,
            summary,
            ended=session.ended,
            lag_s=session.lag_s,
            data_dir=Path(spec.data_dir),
        )
    except (StorageError, OSError) as err:
        log.warning("report.failed", error=repr(err))
        return None
    return str(path)


@contextlib.contextmanager
def _stop_requests(session: Session, lifeline: int | None) -> Iterator[None]:
    """SIGTERM, SIGINT and the end of the lifeline ask for a drain."""
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, session.stop.set)

    def gone() -> None:
        """Nothing is ever written to it: readable means closed."""
        assert lifeline is not None
        loop.remove_reader(lifeline)
        session.stop.set()

    if lifeline is not None:
        loop.add_reader(lifeline, gone)
    try:
        yield
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline)
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(name)
