"""Finished files for clips of a session that has ended, or an order about one, by a worker that does nothing else.

The same desk as in a running session makes them, so that journal, folders, lines and figures come out alike.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from core.control import Command
from core.edits import RenderSpec
from core.errors import EXIT_OK, ClipdError, UsageError
from core.ids import ClipId
from core.moments import Moment
from core.protocols import FootageSource
from core.times import Ns, ns
from daemon.clips import ClipContext
from daemon.ingest import scan_footage
from daemon.rooms.footage import session_footage
from daemon.worker.context import clip_context
from daemon.worker.control import serve_control
from daemon.worker.desk import ClipDesk
from daemon.worker.desktools import DeskTools, NoPins
from daemon.worker.errand import Errand
from daemon.worker.finishing import finisher
from daemon.worker.ordered import Order, read_order
from daemon.worker.plane import Vitals
from daemon.worker.planner import ClipPlanner, Due
from ringbuffer import Ring

END_NS: Final = ns(40)  # what runs may go on for so long once an end was asked for


class Rendering:
    """A Work: how far the renders are."""

    def __init__(self, errand: Errand, desk: ClipDesk) -> None:
        self._errand, self._desk = errand, desk

    def vitals(self) -> Vitals:
        """Progress grows with every tenth of a render."""
        return Vitals(
            state="draining" if self._errand.orders.draining.is_set() else "live",
            progress=self._desk.progress,
            reason=f"{self._desk.renders_left} clips left",
            done=self._desk.renders_done,
        )

    async def obey(self, command: Command) -> None:  # noqa: ARG002 - what a Work is asked
        """Nothing is cut here."""
        raise UsageError("Nothing is recorded here", remedy="Use `clipd cut` on the session.", code="not_buffered")

    async def control(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Commands of control.sock."""
        if request["command"] in ("stop", "drain"):
            self._errand.orders.stop() if request["command"] == "stop" else self._errand.orders.drain()
            return {"state": "draining"}
        if request["command"] == "status":
            return {"state": self.vitals().state, "renders": self._desk.renders_left, **self._errand.plane.status()}
        raise UsageError(f"Unknown command {request['command'][:40]!r}", remedy="Known: status, drain, stop.")


async def render_clips(errand: Errand) -> int:
    """Make them all. Raises UsageError for clips and formats that are none, and ClipdError where one could not be."""
    order = None if errand.spec.order is None else _order(errand.spec.order)
    wanted = _wanted(errand)
    with _footage(errand) as recorded:
        room = None if order is None else errand.journal.meta("room")
        footage = session_footage(errand.folder, room, errand.spec.session, recorded)
        desk = ClipDesk(_tools(errand, footage), ClipPlanner(errand.spec.session, {}))
        return await _with(errand, desk, order, wanted)


async def _with(errand: Errand, desk: ClipDesk, order: Order | None, wanted: tuple[ClipId, ...]) -> int:
    rendering = Rendering(errand, desk)
    errand.plane.attend(rendering)
    errand.emitter.emit("state", state="live", reason="render")
    async with serve_control(errand.folder / "control.sock", rendering.control):
        if order is None:
            desk.start((), renders=wanted or None)
        else:
            by_hand = [decision for decision in errand.journal.promised_clips() if decision.moment is None]
            desk.start([Due(decision, None, "final") for decision in by_hand], renders=())
            await asyncio.to_thread(desk.order, order)
        leaving = asyncio.create_task(_leave(errand, desk), name="leaving")
        try:
            await asyncio.to_thread(desk.finish, Ns(0))
        finally:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
    errand.emitter.emit("state", state="ended", reason=errand.orders.reason or "rendered")
    if desk.failure is not None:
        raise desk.failure
    if desk.renders_failed:
        raise ClipdError(
            f"{len(desk.renders_failed)} clips could not be finished",
            remedy="The warnings before say why; their masters are there.",
            code="render_failed",
        )
    return EXIT_OK


async def _leave(errand: Errand, desk: ClipDesk) -> None:
    """Asked for an end: what runs gets a little time, what waits is left to another worker."""
    await errand.orders.draining.wait()
    stopping = asyncio.ensure_future(errand.orders.stopping.wait())
    late = asyncio.ensure_future(errand.clock.sleep(END_NS))
    try:
        await asyncio.wait({stopping, late}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        late.cancel()
    desk.leave()


def _order(document: Mapping[str, Any]) -> Order:
    """Raises UsageError."""
    args = {name: value for name, value in document.items() if name != "kind"}
    return read_order(str(document.get("kind")), args)


@contextlib.contextmanager
def _footage(errand: Errand) -> Iterator[FootageSource | None]:
    """What there still is of the session's, where something is to be cut: its ring, or the local file it was made
    from. None: clips have kept their own."""
    path, ring = errand.journal.meta("source_path"), errand.folder / "ring"
    if errand.spec.order is None or errand.spec.order.get("kind") == "render":
        yield None
    elif path:
        yield scan_footage(Path(path)) if Path(path).exists() else None
    elif ring.exists():
        opened = Ring.open(
            ring, errand.journal, errand.settings.ring, attempt=errand.number, epochs=errand.journal.epochs()
        )
        try:
            yield opened
        finally:
            opened.close()
    else:
        yield None


def _wanted(errand: Errand) -> tuple[ClipId, ...]:
    known = {record["id"] for record in errand.journal.clips() if record["state"] != "withdrawn"}
    strange = next((clip for clip in errand.spec.clips if clip not in known), None)
    if strange is not None:
        raise UsageError(
            f"The session has no clip {strange}",
            remedy="Its JSON lines and report.html name them.",
            code="unknown_clip",
        )
    return tuple(ClipId(clip) for clip in errand.spec.clips)


def _tools(errand: Errand, footage: FootageSource | None) -> DeskTools:
    settings, journal = errand.settings, errand.journal
    make = finisher(settings.clips)
    if make is None and errand.spec.order is None:
        raise UsageError("Only masters are wished for", remedy="Name formats in clips.formats.", code="no_formats")
    source, profile = journal.meta("source") or "", journal.meta("profile") or {}

    def context(start_ns: Ns, end_ns: Ns, moment: Moment | None) -> ClipContext:
        return clip_context(journal, start_ns, end_ns, source=source, profile=profile, moment=moment)

    return DeskTools(
        journal=journal,
        footage=footage,
        pins=NoPins(),
        emitter=errand.emitter,
        arrivals=None,
        clock=errand.clock,
        metrics=errand.metrics,
        spec=RenderSpec(),
        session_dir=errand.folder,
        out_dir=Path(errand.spec.out_dir) if errand.spec.out_dir else None,
        context=context,
        finisher=make,
        renders_at_once=settings.clips.renders_at_once,
        may_render=lambda: errand.plane.may_render,
        orders_only=True,
    )
