"""The worker process: one attempt, from its spec to its exit code."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from configs import Settings
from core.errors import EXIT_OK, ClaimLost, ClipdError, SessionHeld, StorageError, UsageError
from core.lines import error_fields
from core.protocols import Clock
from core.spec import WorkerSpec
from core.times import NS_PER_S, ns
from daemon.journal import Journal, session_lock
from daemon.worker.build import build_parts
from daemon.worker.control import serve_control
from daemon.worker.doorkeeper import keep_door
from daemon.worker.emitter import Emitter
from daemon.worker.errand import Errand
from daemon.worker.orders import Orders, obeyed
from daemon.worker.plane import open_plane
from daemon.worker.rendering import render_clips
from daemon.worker.reporting import write_session_report
from daemon.worker.session import Parts, Session
from daemon.worker.summary import summarise
from telemetry import Metrics, SystemClock

LOCK_NS: Final = ns(30)  # an attempt that has lost its claim hands in what is finished, for 20 s, and ends
LOCK_LOOK_NS: Final = NS_PER_S // 4
log = structlog.get_logger()


def run_worker_process(spec: WorkerSpec, *, lifeline: int | None) -> int:
    """One attempt with the machine's clock and stdout for lines."""
    clock = SystemClock()
    return asyncio.run(attempt(spec, clock, Emitter(sys.stdout, spec.session, clock), lifeline=lifeline))


async def attempt(spec: WorkerSpec, clock: Clock, emitter: Emitter, *, lifeline: int | None = None) -> int:
    """Run the session until its media ends or an end is asked for; our errors become a line and an exit code.

    `lifeline` is a pipe that the supervisor holds open; its end means that nobody supervises this worker any more.
    """
    orders, metrics, supervised = Orders(), Metrics(), spec.control is not None
    try:
        settings = Settings.model_validate(dict(spec.settings))
        folder = _session_folder(Path(spec.data_dir), spec)
        async with contextlib.AsyncExitStack() as stack:
            await _hold(stack, folder / "lock", clock, patient=supervised)
            journal = stack.enter_context(Journal.open_or_create(folder / "session.db", session=spec.session))
            number = journal.begin_attempt()
            stack.enter_context(obeyed(orders, lifeline=lifeline, drains=supervised))
            plane = await stack.enter_async_context(
                open_plane(spec, folder, journal, number, emitter, clock, metrics, orders)
            )
            return await _done(
                Errand(
                    spec=spec,
                    settings=settings,
                    folder=folder,
                    journal=journal,
                    number=number,
                    emitter=emitter,
                    clock=clock,
                    metrics=metrics,
                    orders=orders,
                    plane=plane,
                )
            )
    except ClipdError as err:
        emitter.emit("error", **error_fields(err))
        return err.worker_code


async def _done(errand: Errand) -> int:
    """The exit code of what the worker is for. Its error is said while there is a supervisor to hear it."""
    runs = {"stream": _watch, "vod": _watch, "render": render_clips, "door": keep_door}
    try:
        code = await runs[errand.spec.kind](errand)
        if errand.orders.lost:
            raise ClaimLost("The stream has been given to a newer attempt", remedy="Nothing to do.")
        return code
    except ClipdError as err:
        errand.emitter.emit("error", **error_fields(err))
        return err.worker_code


async def _watch(errand: Errand) -> int:
    """A stream or a recording."""
    async with contextlib.AsyncExitStack() as stack:
        parts = await _opened(stack, errand)
        if parts is None:
            errand.emitter.emit("state", state="ended", reason=errand.orders.reason)
            return EXIT_OK
        session = Session(parts, errand.orders, errand.plane)
        errand.plane.attend(session)
        async with serve_control(errand.folder / "control.sock", session.control):
            failure = await session.run()
        if errand.orders.lost:
            return EXIT_OK  # which is not the last word
        if failure is None or parts.capture.epochs:
            summary = summarise(parts, session)
            report = _report(errand.spec, session, parts, errand.folder, summary)
            errand.emitter.emit("summary", **summary, report=report)
        return failure.worker_code if failure else EXIT_OK


async def _opened(stack: contextlib.AsyncExitStack, errand: Errand) -> Parts | None:
    """The session's parts; None when an end was asked for before its source had answered."""
    parts = build_parts(
        errand.spec,
        errand.settings,
        errand.folder,
        errand.clock,
        errand.emitter,
        errand.journal,
        errand.number,
        metrics=errand.metrics,
        plane=errand.plane,
    )
    opening = asyncio.create_task(stack.enter_async_context(parts), name="opening")
    asked = asyncio.create_task(errand.orders.draining.wait(), name="asked")
    await asyncio.wait({opening, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if not opening.done():
        opening.cancel()
        await asyncio.wait({opening})
        if opening.cancelled():
            return None
    return opening.result()


async def _hold(stack: contextlib.AsyncExitStack, lock: Path, clock: Clock, *, patient: bool) -> None:
    """Become the session's writer. `patient`: an earlier attempt may be on its way out. Raises UsageError, else
    SessionHeld, which another try may better."""
    until_ns = clock.boottime_ns() + LOCK_NS
    while True:
        try:
            stack.enter_context(session_lock(lock))
            return
        except UsageError as err:
            if not patient:
                raise
            if clock.boottime_ns() > until_ns:
                raise SessionHeld(err.what, remedy="It is tried again.", code=err.code) from err
        await clock.sleep(LOCK_LOOK_NS)


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
