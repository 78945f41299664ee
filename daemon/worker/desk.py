"""The clip thread: cuts what the planner says is due, keeps promises across crashes, tells the world.

What is cut by hand is made beside it (`handcuts`) and comes back to be written down; what an order means is
`ordering`'s. It reads the ring and never touches capture. A clip exists when its files, its journal record and so its
outbox row are durable; until then its footage stays pinned.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import structlog

from core.edits import EditDecision, RenderSpec
from core.errors import ClipdError, CutRefused, StorageError, UsageError
from core.ids import ClipId
from core.lines import clip_fields, error_fields
from core.moments import Moment
from core.protocols import FootageSource
from core.times import NS_PER_S, Ns, ns
from core.words import Committed
from daemon.clips import (
    FinishedClip,
    add_finished,
    make_clip,
    publish_out,
    refresh_captions,
    refresh_out,
    withdraw_out,
)
from daemon.finish import Finished, Priority, Render
from daemon.worker.desktools import DeskTools
from daemon.worker.handcuts import HandCuts
from daemon.worker.ordered import Order, Ordered
from daemon.worker.ordering import best_footage, ordered_decision
from daemon.worker.planner import ClipPlanner, Due, Promise, Restate, Step
from daemon.worker.record import clip_record
from daemon.worker.renders import Renders

HANDLES_NS: Final = ns(30)  # kept on both sides of a clip, DESIGN.md section 1
LATE_NS: Final = ns(900)  # speech that was skipped is kept ten minutes, and heard within some more
log = structlog.get_logger()


class ClipDesk:
    """`moment`, `advance` and `finish` come from analysis, `cut` from the control socket."""

    def __init__(self, tools: DeskTools, planner: ClipPlanner) -> None:
        self._tools = tools
        self._planner = planner
        self._orders: queue.Queue[Callable[[], None] | None] = queue.Queue(maxsize=256)
        self._planning = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)
        self._cut: dict[ClipId, tuple[Ns, Ns]] = {}  # clips whose last words may still come
        self._ordered = Ordered(tools.journal, tools.emitter)
        self._renders = self._open_renders()
        self._left = False
        self._done = 0
        self._hand_cuts = HandCuts()
        self.failure: ClipdError | None = None

    def start(self, promised: Iterable[Due], *, renders: Collection[ClipId] | None = None) -> None:
        """Begin, with the promises and the renders that an earlier attempt left, or only the `renders` that are asked
        for, made anew where they are there."""
        self._thread.start()
        for due in promised:
            if due.decision.moment is None:
                self._begin_by_hand(due)
            else:
                self._order(due)
        self._orders.put(functools.partial(self._take_up_renders, renders))
        self._orders.put(self._take_up_orders)

    def moment(self, moment: Moment) -> None:
        """A moment changed state."""
        self._take(lambda: self._planner.moment(moment))

    def words(self, commits: Sequence[Committed]) -> None:
        """Words that became final: clips that were cut without them get their captions anew."""
        said = [word for commit in commits for word in commit.words]
        spans = list(self._cut.items())  # the clip thread adds to it
        late = [clip for clip, (a, b) in spans if any(a < word.end_ns and word.start_ns < b for word in said)]
        for clip in late:
            self._orders.put(functools.partial(self._refresh, clip))

    def advance(self, t_ns: Ns, heard_ns: Ns) -> None:
        """Media has been analysed up to `t_ns`; all that was said before `heard_ns` is known."""
        for clip in [clip for clip, (_, end_ns) in list(self._cut.items()) if end_ns < t_ns - LATE_NS]:
            del self._cut[clip]
        self._take(lambda: self._planner.advance(t_ns, heard_ns))

    def finish(self, end_ns: Ns) -> None:
        """The media ended; cut what waited, finish what is final, then end the threads."""
        self._take(lambda: self._planner.finish(end_ns))
        self._serially(lambda: None)  # by then all that was ordered has been handed to the hand cuts
        self._hand_cuts.close()
        if self._renders is not None:
            cut = threading.Event()
            self._orders.put(cut.set)  # by then all that is final has been handed to the renders
            cut.wait()
            self._renders.drain()
            self._renders.close()
        self._orders.put(None)
        self._thread.join()

    def begin_no_more(self) -> None:
        """The worker drains: clips that have begun are finished, others are not begun."""
        with self._planning:
            self._planner.closed = True

    @property
    def open_windows(self) -> bool:
        """Whether a clip has begun whose last frame is still to come."""
        with self._planning:
            return self._planner.open_windows

    def leave(self) -> None:
        """Begin nothing more, not even what was promised: promises, and renders, are the next attempt's."""
        self._left = True
        if self._renders is not None:
            self._renders.abandon()

    @property
    def progress(self) -> int:
        """Grows with each thing done, and with renders that get on."""
        return self._done + (self._renders.told if self._renders else 0)

    @property
    def renders_failed(self) -> Sequence[ClipId]:
        """Clips whose finished files could not be made."""
        return self._renders.failed if self._renders else ()

    @property
    def renders_left(self) -> int:
        """Final clips whose finished files are not there yet."""
        return self._renders.left if self._renders else 0

    def cut(self, decision: EditDecision, spec: RenderSpec) -> Future[dict[str, Any]]:
        """A manual clip; the future gives its record, or the CutRefused that says why not. No master waits for it."""
        due, written = Due(decision, None, "final"), Future[dict[str, Any]]()

        def work() -> dict[str, Any]:
            self._cut.pop(decision.clip, None)  # one that is cut again: late words wait for the new files
            try:
                self._tools.journal.open_clip(decision)
                began_ns, made = self._tools.clock.boottime_ns(), self._files(due, spec)
            except ClipdError as err:
                self._orders.put(functools.partial(self._withdraw, decision.clip, err.code))
                raise
            self._orders.put(lambda: self._answer(written, due, made, began_ns))
            return written.result()

        return self._hand_cuts.put(work)

    def order(self, order: Order) -> None:
        """An order of a person's: promised in the journal when this returns, or refused, which is told under its id.

        What was promised before stands. Raises UsageError for a render where only masters are made.
        """
        known = self._ordered.known(order.id) if order.id else None
        if known is not None:
            if known["state"] != "open":  # a supervisor may have lost what it was told
                self._ordered.settle(order.id, known)
        elif order.kind == "render":
            if self._renders is None:
                raise UsageError(
                    "Only masters are made here", remedy="Name formats in clips.formats.", code="no_formats"
                )
            self._ordered.add(order)
            self._orders.put(functools.partial(self._take_up_order, order.clip))
        else:
            self._promise(order)

    def _promise(self, order: Order) -> None:
        journal, promise = self._tools.journal, {"clip": order.clip, "revision": None, "state": "open"}
        try:
            decision = ordered_decision(journal, order)
            self._footage_of(decision)
        except ClipdError as err:
            self._ordered.settle(order.id, promise | {"state": "failed", "reason": err.code, "message": str(err)})
            return
        if decision.revision == 1 and (there := journal.clip(decision.clip)) and there["state"] != "withdrawn":
            self._ordered.settle(order.id, promise | {"state": "done", "revision": there["revision"]})
            return
        with journal.batch():
            journal.open_clip(decision)
            self._ordered.put(order.id, promise | {"clip": decision.clip, "revision": decision.revision})
        self._begin_by_hand(Due(decision, None, "final"))

    def _begin_by_hand(self, due: Due) -> None:
        """Behind what the clip thread has yet to do with this clip, and nothing else will be done with it from now."""
        decision = due.decision
        with self._planning:
            self._planner.hold(decision.clip)
        self._pin(decision)
        self._orders.put(functools.partial(self._hand_over, due))

    def _hand_over(self, due: Due) -> None:
        self._cut.pop(due.decision.clip, None)  # late words wait for the new files
        try:
            self._hand_cuts.put(lambda: self._keep(due))
        except CutRefused as err:
            if err.code != "session_ended":  # else it is the next worker's, by its promise
                self._refuse(due, err)

    def _take_up_orders(self) -> None:
        """What an earlier attempt left of them. One whose promise is kept, but not told, is told."""
        promised = {(decision.clip, decision.revision) for decision in self._tools.journal.promised_clips()}
        for id, fact in self._ordered.open().items():
            if (fact["clip"], fact["revision"]) in promised:
                continue
            record = self._tools.journal.clip(ClipId(fact["clip"]))
            wanted = record is not None and self._finish(record, Priority.ASKED)
            if not wanted and fact["revision"] is not None:
                self._ordered.settle(id, {**fact, "state": "done"})

    def _take_up_order(self, clip: ClipId) -> None:
        record = self._tools.journal.clip(clip)
        if record is not None:
            self._finish(record, Priority.ASKED)

    def _answer(self, written: Future[dict[str, Any]], due: Due, made: FinishedClip, began_ns: int) -> None:
        try:
            written.set_result(self._write_down(due, made, began_ns))
        except ClipdError as err:
            self._withdraw(due.decision.clip, err.code)
            written.set_exception(err)

    def _take(self, plan: Callable[[], list[Step]]) -> None:
        with self._planning:
            for step in () if self._left else plan():
                self._order(step)

    def _order(self, step: Step) -> None:
        if isinstance(step, Promise):
            decision = step.decision
            self._tools.journal.open_clip(decision)
            self._pin(decision)
        elif isinstance(step, Due):
            self._orders.put(lambda: self._keep(step))
        else:
            self._orders.put(lambda: self._restate(step))

    def _pin(self, decision: EditDecision) -> None:
        start_ns, end_ns = Ns(max(0, decision.start_ns - HANDLES_NS)), Ns(decision.end_ns + HANDLES_NS)
        self._tools.pins.pin(decision.clip, start_ns, end_ns)

    def _serially(self, work: Callable[[], Any]) -> None:
        """In the clip thread, which alone writes clips down."""
        if threading.current_thread() is self._thread:
            work()
            return
        done: Future[None] = Future()

        def run() -> None:
            try:
                work()
            except ClipdError as err:
                done.set_exception(err)
            else:
                done.set_result(None)

        self._orders.put(run)
        done.result()

    def _run(self) -> None:
        while (work := self._orders.get()) is not None:
            work()
            self._done += 1

    def _keep(self, due: Due) -> None:
        """Boundary of one clip: whatever goes wrong with it is said, and the next clip is made all the same. In the
        clip thread, or, of a clip by hand, in that of the hand cuts.

        A refusal is final; a full disk leaves the promise for the next attempt; a bug of ours fails the command.
        """
        if self._left:
            return
        try:
            self._make(due)
        except CutRefused as err:
            log.warning("clip.refused", clip=due.decision.clip, code=err.code)
            self._tools.emitter.emit("warning", code=err.code, message=err.what, remedy=err.remedy)
            self._serially(functools.partial(self._refuse, due, err))
        except StorageError as err:
            self.failure = err
        except Exception as err:
            log.exception("clip.failed", clip=due.decision.clip)
            bug = ClipdError(
                f"A clip could not be made: {err!r}",
                remedy="Its footage is in the ring: `clipd cut` may work. Please report the log above.",
                code="clip_failed",
            )
            self._tools.emitter.emit("error", **error_fields(bug))
            self._serially(functools.partial(self._refuse, due, bug))

    def _refuse(self, due: Due, err: ClipdError) -> None:
        """It cannot be made. A later revision by hand is taken back, and the clip stays as it was."""
        decision, journal = due.decision, self._tools.journal
        if decision.moment is None and decision.revision > 1 and journal.clip(decision.clip) is not None:
            journal.take_back(decision)
            self._tools.pins.unpin(decision.clip)
        else:
            self._withdraw(decision.clip, err.code)
        self._ordered.settle_all(decision.clip, decision.revision, state="failed", reason=err.code, message=str(err))
        if decision.moment is None:
            self._take(lambda: self._planner.release(decision.clip))

    def _make(self, due: Due) -> None:
        began_ns = self._tools.clock.boottime_ns()
        made = self._files(due, self._tools.spec if due.decision.moment is not None else RenderSpec(cut="exact"))
        self._serially(lambda: self._write_down(due, made, began_ns))

    def _files(self, due: Due, spec: RenderSpec) -> FinishedClip:
        """Touches footage and the clip's own folder only."""
        tools, decision = self._tools, due.decision
        context = tools.context(decision.start_ns, decision.end_ns, due.moment)
        return make_clip(self._footage_of(decision), decision, spec, self._folder_of(decision), context)

    def _footage_of(self, decision: EditDecision) -> FootageSource:
        """The session's, or what the clip kept of it where that has more of the span. Raises CutRefused."""
        return best_footage(decision, self._tools.footage, self._folder_of(decision))

    def _folder_of(self, decision: EditDecision) -> Path:
        return self._tools.session_dir / "clips" / decision.clip

    def _write_down(self, due: Due, made: FinishedClip, began_ns: int) -> dict[str, Any]:
        tools = self._tools
        record = self._record(due, made)
        self._cut[due.decision.clip] = (made.cut.start_ns, made.cut.end_ns)
        self._keep_record(record)
        tools.pins.unpin(due.decision.clip)
        tools.metrics.render_seconds.labels(kind="master").observe((tools.clock.boottime_ns() - began_ns) / NS_PER_S)
        self._count(record)
        if not self._finish(record, Priority.ASKED if due.moment is None else Priority.PROVISIONAL):
            self._ordered.settle_cuts(due.decision.clip, due.decision.revision)
        return record

    def _record(self, due: Due, made: FinishedClip) -> dict[str, Any]:
        """Files under --out are the ones to name: that is the folder the user asked for."""
        out_dir = self._tools.out_dir
        return clip_record(
            due.decision,
            made,
            publish_out(made, out_dir, due.decision.title) if out_dir else made.files,
            state=due.state,
            latency_s=self._latency_s(made.cut.end_ns),
            waited_for_chat=bool(due.moment and due.moment.waited_for_chat),
        )

    def _latency_s(self, end_ns: Ns) -> float | None:
        if self._tools.arrivals is None:
            return None
        arrived_ns = self._tools.arrivals.of(end_ns)
        if arrived_ns is None:
            return None
        latency_s = (self._tools.clock.boottime_ns() - arrived_ns) / NS_PER_S
        self._tools.metrics.moment_to_clip_seconds.observe(latency_s)
        return round(latency_s, 3)

    def _restate(self, step: Restate) -> None:
        if self._left:
            return
        if step.state == "withdrawn":
            self._withdraw(step.clip, step.moment.reason)
            return
        record = self._tools.journal.clip(step.clip)
        if record is not None:
            moment = step.moment
            record |= {"state": step.state, "score": round(moment.p, 4), "reasons": list(moment.reasons)}
            self._keep_record(record)
            self._count(record)
            self._finish(record, Priority.FINAL)

    def _refresh(self, clip: ClipId) -> None:
        """Words came after the cut. The master stays as it is, so there is no new revision."""
        tools = self._tools
        record = tools.journal.clip(clip)
        if record is None or record["state"] == "withdrawn":
            return
        context = tools.context(ns(record["start_s"]), ns(record["end_s"]), None)
        try:
            changed = refresh_captions(Path(record["folder"]), context.words, context.speech)
            if changed:
                record["finished"] = False
                self._add_files(record, changed)
                self._finish(record, Priority.AGAIN)
        except StorageError as err:
            self.failure = err

    def _add_files(self, record: dict[str, Any], changed: Mapping[str, Path]) -> None:
        """Files that came or changed after the cut: journal, --out, one more line."""
        tools, clip = self._tools, ClipId(record["id"])
        files = refresh_out(clip, tools.out_dir, changed) if tools.out_dir else changed
        record["files"] |= {kind: str(path.absolute()) for kind, path in files.items()}
        self._keep_record(record)  # told, not counted: no clip entered a state

    def _open_renders(self) -> Renders | None:
        tools = self._tools
        if tools.finisher is None:
            return None
        return Renders(
            tools.finisher,
            lambda render, made: self._orders.put(functools.partial(self._finished, render, made)),
            lambda render, err: self._orders.put(functools.partial(self._unfinished, render, err)),
            may_render=tools.may_render,
            at_once=tools.renders_at_once,
            emitter=tools.emitter,
            clock=tools.clock,
            metrics=tools.metrics,
        )

    def _finish(self, record: Mapping[str, Any], priority: Priority) -> bool:
        """Ask for the finished files that a clip has not got yet; whether there are any. A final one goes before
        others."""
        finisher, clip = self._tools.finisher, ClipId(record["id"])
        if finisher is None:
            return False
        ordered, again = self._ordered.formats(clip), self._ordered.again(clip)
        if record.get("finished"):
            return self._want(record, tuple(n for n in ordered if n in again or n not in record["files"]), priority)
        return self._want(record, tuple(dict.fromkeys((*finisher.formats, *ordered))), priority)

    def _want(self, record: Mapping[str, Any], formats: tuple[str, ...], priority: Priority) -> bool:
        if self._renders is None or self._left or record["state"] == "withdrawn" or not formats:
            return False
        clip = ClipId(record["id"])
        render = Render(
            clip=clip,
            revision=int(record["revision"]),
            folder=Path(record["folder"]),
            formats=formats,
            priority=priority,
            style=self._ordered.style(clip),
        )
        self._renders.want(render)
        return True

    def _take_up_renders(self, asked: Collection[ClipId] | None) -> None:
        """What an earlier attempt left: clips without their finished files; or those that are asked for."""
        for record in self._tools.journal.clips():
            if asked is None:
                self._finish(record, Priority.AGAIN)
            elif record["id"] in asked and self._tools.finisher is not None:
                self._ordered.remember(record["id"], self._tools.finisher.formats)
                self._want(record, self._tools.finisher.formats, Priority.ASKED)

    def _finished(self, render: Render, made: Finished) -> None:
        record = self._tools.journal.clip(render.clip)
        if record is None or record["state"] == "withdrawn" or int(record["revision"]) != render.revision:
            return
        try:
            changed = add_finished(render.folder, made.files, made.section)
            if changed:
                record["finished"] = True
                self._add_files(record, changed)
                self._ordered.settle_renders(render, record)
        except StorageError as err:
            self.failure = err

    def _unfinished(self, render: Render, err: ClipdError) -> None:
        self._ordered.settle_cuts(render.clip, render.revision)  # the master is there
        self._ordered.settle_all(render.clip, None, state="failed", reason=err.code, message=str(err))

    def _withdraw(self, clip: ClipId, reason: str) -> None:
        """The files stay in the session (they were shown once); the folder the user asked for holds good clips only."""
        tools = self._tools
        record = tools.journal.clip(clip)
        line = None if record is None else tools.emitter.draft("clip", **clip_fields({**record, "state": "withdrawn"}))
        tools.journal.withdraw_clip(clip, reason, line)
        tools.pins.unpin(clip)
        if self._renders is not None:
            self._renders.drop(clip)
        if line is not None:
            if tools.out_dir:
                withdraw_out(clip, tools.out_dir)
            tools.emitter.say(line)
            self._count(line)

    def _keep_record(self, record: dict[str, Any]) -> None:
        """Journal and outbox in one, then the line."""
        tools = self._tools
        line = tools.emitter.draft("clip", **clip_fields(record))
        tools.journal.finish_clip(ClipId(record["id"]), int(record["revision"]), record, line)
        tools.emitter.say(line)

    def _count(self, record: Mapping[str, Any]) -> None:
        self._tools.metrics.clips_total.labels(state=record["state"]).inc()
