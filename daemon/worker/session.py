"""One attempt at one session: builds the rooms' objects, runs them until the media ends, drains, reports.

The order of the end matters: capture stops, analysis empties its queue, the desk cuts what waited, then the report is
written. A kill -9 anywhere leaves a session that the next attempt continues. A drain first records the clips that have
begun to their end (reliability.md section 3, items 38 to 41); a lost claim begins and finishes nothing more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from configs import Settings
from core.control import Command, WorkerState
from core.edits import EditDecision
from core.errors import ClipdError, StorageError, UsageError
from core.lines import error_fields, event_fields, moment_fields
from core.moments import Moment, MomentState
from core.protocols import Clock, FootageSource
from core.spec import WorkerSpec
from core.times import NS_PER_S, Ns, ns, to_s
from daemon.ingest import Source
from daemon.journal import Journal
from daemon.worker.analysis import Analysis, StepResult
from daemon.worker.capture import Capture
from daemon.worker.channel import remember_lag
from daemon.worker.desk import ClipDesk
from daemon.worker.emitter import Emitter
from daemon.worker.listener import ChatListener
from daemon.worker.manual import manual_decision, manual_spec, newest, not_buffered
from daemon.worker.ordered import read_order
from daemon.worker.orders import Orders
from daemon.worker.plane import OBEYED, NoPlane, PlaneLink, Vitals
from daemon.worker.queue import AnalysisQueue
from daemon.worker.speech import SpeechDesk
from detectors import Decisions
from ringbuffer import Ring
from telemetry import Metrics

FROZEN_NS: Final = ns(15)  # with the ticks of a second and segments of two: said before 20 s have passed (row 19)
WINDOW_NS: Final = ns(20)  # a drain records so much more for clips that have begun
WORK_NS: Final = ns(40)  # of a supervised end, all but the outbox's 20 s of the 60 that a drain may take
NEAR: Final = ns(60)  # how long a candidate counts as "best right now" in the progress line
_STATES: Final[Mapping[str, WorkerState]] = {"starting": "starting", "live": "live", "gap": "gap"}
log = structlog.get_logger()


class Recorder:
    """Analysis's results: journal, JSON lines, desk. Called from the analysis thread, one call a step."""

    def __init__(
        self, journal: Journal, emitter: Emitter, desk: ClipDesk, metrics: Metrics, plane: PlaneLink | None = None
    ) -> None:
        self._journal = journal
        self._emitter = emitter
        self._desk = desk
        self._metrics = metrics
        self._plane = plane or NoPlane()
        self._best: Moment | None = None

    def step(self, result: StepResult) -> None:
        """Journal first, then tell: a line never speaks of something that a crash could unsay."""
        t_ns, decisions = result.t_ns, result.decisions
        self._emitter.media_ns = t_ns
        lines = [self._emitter.draft("event", **event_fields(event)) for event in decisions.events]
        lines += [self._emitter.draft("moment", **moment_fields(moment)) for moment in decisions.moments]
        if any((result.signals, result.chat, result.game, decisions.events, decisions.moments, result.chat_lag)):
            with self._journal.batch():
                if result.chat_lag is not None:
                    remember_lag(self._journal, result.chat_lag)
                self._journal.add_signals(result.signals)
                self._journal.add_chat(result.chat)
                self._journal.add_game(result.game)
                self._journal.add_events(decisions.events)
                for moment in decisions.moments:
                    self._journal.add_moment(moment)
                self._emitter.keep(*lines)
        self._emitter.say(*lines)
        self._note(decisions)
        self._plane.signals(result.signals)
        self._desk.advance(t_ns, result.heard_ns)

    def _note(self, decisions: Decisions) -> None:
        for event in decisions.events:
            self._metrics.events_total.labels(kind=event.kind).inc()
        for moment in decisions.moments:
            self._metrics.moments_total.labels(state=str(moment.state)).inc()
            self._desk.moment(moment)
            self._remember(moment)

    def best(self, t_ns: Ns) -> dict[str, Any] | None:
        """The strongest candidate of the last minute, for the progress line."""
        best = self._best
        if best is None or t_ns - best.anchor_ns > NEAR:
            return None
        return {"p": round(best.p, 3), "bar": round(best.bar, 3), "t_s": round(to_s(best.anchor_ns), 1)}

    def _remember(self, moment: Moment) -> None:
        best = self._best
        if best is None or moment.id == best.id or moment.p >= best.p or moment.decided_ns - best.anchor_ns > NEAR:
            self._best = moment if moment.state is not MomentState.WITHDRAWN else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What `open_session` built for one attempt."""

    spec: WorkerSpec
    settings: Settings
    folder: Path
    journal: Journal
    emitter: Emitter
    source: Source
    footage: FootageSource
    ring: Ring | None
    queue: AnalysisQueue
    capture: Capture
    analysis: Analysis
    recorder: Recorder
    desk: ClipDesk
    speech: SpeechDesk | None
    clock: Clock
    metrics: Metrics
    chat: ChatListener | None


class Session:
    """Runs the parts. `run` returns None when the media ended, else what ended it; both ways all is drained."""

    def __init__(self, parts: Parts, orders: Orders | None = None, plane: PlaneLink | None = None) -> None:
        self._parts = parts
        self._orders = orders or Orders()
        self._plane = plane or NoPlane()
        self._claim = self._plane.status().get("claim")
        self._reason = ""
        self._started_ns = parts.clock.boottime_ns()
        self._state = "starting"
        self._moved = (Ns(0), self._started_ns)  # newest media, and when it came
        self._failure: ClipdError | None = None
        self.stopped = False
        self.ended = ""  # why: endlist, eof, duration, interrupted, or an error's code

    async def run(self) -> ClipdError | None:
        """Supervision boundary of one attempt: what the source or the disk did wrong is said, drained and returned."""
        parts = self._parts
        self._say("starting", "")
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(parts.queue.close, discard=True)  # a bug anywhere below must not leave analysis waiting
            analysing = asyncio.create_task(asyncio.to_thread(parts.analysis.run), name="analysis")
            helpers = [
                asyncio.create_task(self._progress(), name="progress"),
                asyncio.create_task(self._close_windows(), name="windows"),
            ]
            if self._plane.status():  # whoever supervises it gave it a time to end in
                helpers.append(asyncio.create_task(self._hurry(), name="hurry"))
            if parts.chat:
                helpers.append(asyncio.create_task(parts.chat.run(), name="chat"))
            stack.push_async_callback(_cancel, helpers)
            await self._capture(analysing)
            end_ns = await self._drain(analysing)
            await asyncio.to_thread(parts.desk.finish, end_ns)
        return self._failure or parts.desk.failure

    async def control(self, request: dict[str, Any]) -> dict[str, Any]:
        """Commands of control.sock."""
        if request["command"] == "status":
            return self._status()
        if request["command"] in ("stop", "drain"):
            self._orders.stop() if request["command"] == "stop" else self._orders.drain()
            return {"state": "draining"}
        if request["command"] == "cut":
            return await self._cut(request)
        raise UsageError(f"Unknown command {request['command'][:40]!r}", remedy="Known: status, cut, drain, stop.")

    async def obey(self, command: Command) -> None:
        """`clip-now` and orders: a promise in the journal when this returns, made soon after. Raises what `control`
        does."""
        if command.kind in ("rec-start", "rec-stop"):
            await self._of_source(command)
            return
        if command.kind != "clip-now":
            await asyncio.to_thread(self._parts.desk.order, read_order(command.kind, command.args))
            return
        footage_ns = self._parts.footage.span()[1]
        decision = await asyncio.to_thread(self._promise, newest(command.args, footage_ns), command.id)
        self._parts.desk.cut(decision, manual_spec(command.args)).add_done_callback(self._tell_of_cut)

    async def _of_source(self, command: Command) -> None:
        try:
            await self._parts.source.obey(command.kind, command.args)
        except ClipdError as err:
            self._warn(err)
            raise

    def _promise(self, request: dict[str, Any], command: int) -> EditDecision:
        try:
            decision = self._buffered(request)
        except ClipdError as err:
            self._warn(err)
            raise
        with self._parts.journal.batch():
            self._parts.journal.open_clip(decision)
            self._parts.journal.set_meta(OBEYED, command)
        return decision

    def _tell_of_cut(self, cut: Future[dict[str, Any]]) -> None:
        err = cut.exception()
        if isinstance(err, ClipdError):
            self._warn(err)

    def _warn(self, err: ClipdError) -> None:
        self._parts.emitter.emit("warning", code=err.code, message=err.what, remedy=err.remedy)

    def vitals(self) -> Vitals:
        """For heartbeats. Whatever gets done is progress: segments, epochs, media looked at, clips, renders."""
        parts = self._parts
        ring = parts.ring
        looked_at = parts.emitter.media_ns // NS_PER_S
        return Vitals(
            state=_STATES.get(self._state, "draining"),
            progress=parts.capture.progress + looked_at + parts.desk.progress,
            media_s=to_s(parts.capture.media_ns),
            lag_s=max(0.0, self.lag_s or 0.0),
            ring_bytes=ring.total_bytes if ring else 0,
            reason=self._reason,
            done=self._done(),
        )

    def _done(self) -> float:
        """Of a recording: how much has been looked at; then how many of its clips are finished."""
        if self._state == "draining":
            return self._parts.desk.renders_done
        length_s = self._parts.source.info.duration_s
        return to_s(self._parts.emitter.media_ns) / length_s if length_s else 0.0

    @property
    def wall_s(self) -> float:
        """How long this attempt has run."""
        return to_s(self._parts.clock.boottime_ns() - self._started_ns)

    @property
    def lag_s(self) -> float | None:
        """How far analysis is behind the newest media upstream; None where nothing passes by."""
        parts = self._parts
        if not parts.source.info.unstoppable:
            return None
        return to_s(max(parts.capture.edge_ns, parts.capture.media_ns) - parts.emitter.media_ns)

    async def _capture(self, analysing: asyncio.Task[Ns]) -> None:
        """Run the source until it ends, a stop is asked for, or analysis dies (which must not go unseen)."""
        parts = self._parts
        running = asyncio.create_task(parts.source.run(parts.capture), name="source")
        stopping = asyncio.create_task(self._orders.stopping.wait(), name="stop")
        limit = asyncio.create_task(parts.capture.limit_reached.wait(), name="duration")
        beginning = asyncio.create_task(self._begin(), name="beginning")
        await asyncio.wait({running, stopping, limit, analysing}, return_when=asyncio.FIRST_COMPLETED)
        self.stopped = self._orders.stopping.is_set() and not running.done()
        ended_by_limit = parts.capture.limit_reached.is_set() and not self.stopped
        parts.source.lost = self._orders.lost
        await _cancel([stopping, limit, beginning, *([] if running.done() else [running])])
        if ended_by_limit:
            self._end("duration")
            parts.queue.close()
            return
        if running.done() and not running.cancelled():
            try:
                self._end(running.result().reason)
            except ClipdError as err:
                self._fail(err)
        if self.stopped:
            self.ended = self._orders.reason
        if self._orders.lost:
            parts.desk.leave()
        parts.queue.close(discard=self._orders.lost or (self.stopped and not parts.source.info.unstoppable))

    async def _close_windows(self) -> None:
        """Asked to drain: no new clips, and those that have begun get their post-roll. A replay is read again."""
        await self._orders.draining.wait()
        if self._orders.stopping.is_set():
            return
        parts = self._parts
        parts.desk.begin_no_more()
        self._say("draining", self._orders.reason)
        until_ns = parts.clock.boottime_ns() + WINDOW_NS
        while parts.source.info.unstoppable and parts.desk.open_windows and parts.clock.boottime_ns() < until_ns:
            await parts.clock.sleep(NS_PER_S // 4)
        self._orders.stop()

    async def _hurry(self) -> None:
        """An end that was asked for comes in time: what is not done by then is the next attempt's, by its promise."""
        await self._orders.draining.wait()
        await self._parts.clock.sleep(WORK_NS)
        log.warning("session.hurried", session=self._parts.spec.session)
        self._orders.stop()
        self._parts.queue.close(discard=True)
        self._parts.desk.leave()

    async def _begin(self) -> None:
        """Live is what has media; a door waits for its publisher."""
        await self._parts.capture.started.wait()
        self._moved = (self._parts.capture.media_ns, self._parts.clock.boottime_ns())
        self._say("live", "")

    async def _drain(self, analysing: asyncio.Task[Ns]) -> Ns:
        """Close the ring, let analysis finish. Its own failure is a bug and ends the attempt with code 70."""
        parts = self._parts
        self._say("draining", self._orders.reason if self.stopped else "")
        try:
            await asyncio.to_thread(parts.capture.close)
        except ClipdError as err:
            self._fail(err)
        try:
            return await analysing
        except StorageError as err:
            self._fail(err)
            return Ns(parts.emitter.media_ns)

    def _end(self, reason: str) -> None:
        self.ended = reason
        self._say("ended", reason)

    def _fail(self, err: ClipdError) -> None:
        if self._failure is None:
            self._failure = err
            self.ended = err.code
            self._parts.emitter.emit("error", **error_fields(err))
            with contextlib.suppress(StorageError):  # a full disk takes no note of itself
                self._parts.journal.add_warning({"code": err.code, "message": err.what, "remedy": err.remedy})

    async def _cut(self, request: dict[str, Any]) -> dict[str, Any]:
        """A manual cut of footage that is still buffered."""
        decision = await asyncio.to_thread(self._buffered, request)
        return {"clip": await asyncio.wrap_future(self._parts.desk.cut(decision, manual_spec(request)))}

    def _buffered(self, request: dict[str, Any]) -> EditDecision:
        """What is to be cut, if its footage is there."""
        decision = manual_decision(self._parts.spec.session, request)
        span_start, span_end = self._parts.footage.span()
        if decision.start_ns >= span_end or decision.end_ns <= span_start:
            raise not_buffered(decision, [(span_start, span_end)])
        return decision

    async def _progress(self) -> None:
        """A line a second for the view. Wall clock is right here: a frozen stream must look frozen."""
        while True:
            await self._parts.clock.sleep(ns(1))
            self._look_at_media()
            self._look_at_claim()
            self._parts.capture.measure(self.lag_s)
            self._parts.emitter.emit("progress", **self._status())

    def _look_at_media(self) -> None:
        """Health is media time that advances: a live stream that stands still is a gap, whatever its process does."""
        capture, now_ns = self._parts.capture, self._parts.clock.boottime_ns()
        if capture.media_ns > self._moved[0]:
            self._moved = (capture.media_ns, now_ns)
            if self._state == "gap":
                self._say("live", "media")
        elif self._state == "live" and self._parts.source.info.unstoppable and now_ns - self._moved[1] > FROZEN_NS:
            self._say("gap", capture.lost or self._parts.source.idle)

    def _look_at_claim(self) -> None:
        """Whether anything of ours may be published is part of the state."""
        claim = self._plane.status().get("claim")
        if claim != self._claim:
            self._claim = claim
            self._say(self._state, f"claim_{claim}")

    def _status(self) -> dict[str, Any]:
        parts = self._parts
        control = self._plane.status()
        media_ns, done_ns = parts.capture.media_ns, Ns(parts.emitter.media_ns)
        return {
            "state": self._state,
            "media_s": round(to_s(done_ns), 2),
            "captured_s": round(to_s(media_ns), 2),
            "lag_s": None if self.lag_s is None else round(self.lag_s, 2),
            "speed_x": round(to_s(done_ns) / self.wall_s, 2) if self.wall_s > 0 else 0.0,
            "total_s": parts.source.info.duration_s,
            "clips": parts.journal.clip_count(),
            "words": parts.speech.words if parts.speech else 0,
            "speech": parts.speech.pace() if parts.speech else None,
            "renders": parts.desk.renders_left,
            "best": parts.recorder.best(done_ns),
            **({"control": dict(control)} if control else {}),
        }

    def _say(self, state: str, reason: str) -> None:
        self._state, self._reason = state, reason
        guarded = {"may_publish": self._plane.may_publish} if self._plane.status() else {}
        self._parts.emitter.emit("state", state=state, reason=reason, **guarded)
        log.info("session.state_changed", session=self._parts.spec.session, state=state, reason=reason)


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
