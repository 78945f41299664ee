"""The clip thread: cuts what the planner says is due, keeps promises across crashes, tells the world.

It reads the ring and never touches capture. A clip exists when its files, its journal record and so its outbox row are
durable; until then its footage stays pinned.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from core.edits import EditDecision, RenderSpec
from core.errors import ClipdError, CutRefused, StorageError
from core.ids import ClipId
from core.lines import clip_fields, error_fields
from core.moments import Moment
from core.protocols import Clock, FootageSource
from core.times import NS_PER_S, Ns, ns, to_s
from core.words import Committed
from daemon.clips import (
    ClipContext,
    FinishedClip,
    make_clip,
    publish_out,
    refresh_captions,
    refresh_out,
    withdraw_out,
)
from daemon.journal import Journal
from daemon.worker.arrivals import Arrivals
from daemon.worker.emitter import Emitter
from daemon.worker.planner import ClipPlanner, ClipState, Due, Promise, Restate, Step
from telemetry import Metrics

HANDLES_NS: Final = ns(30)  # kept on both sides of a clip, DESIGN.md section 1
LATE_NS: Final = ns(900)  # speech that was skipped is kept ten minutes, and heard within some more
log = structlog.get_logger()


class Pins(Protocol):
    """Keeps footage from eviction; a file that is its own ring needs none."""

    def pin(self, name: str, start_ns: Ns, end_ns: Ns) -> None: ...
    def unpin(self, name: str) -> None: ...


class NoPins:
    """For a local file: it is not ours to evict."""

    def pin(self, name: str, start_ns: Ns, end_ns: Ns) -> None:
        """Nothing to keep."""

    def unpin(self, name: str) -> None:
        """Nothing to let go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTools:
    """What the desk works with; built once by the session."""

    journal: Journal
    footage: FootageSource
    pins: Pins
    emitter: Emitter
    arrivals: Arrivals | None  # None in a replay: there latency means nothing
    clock: Clock
    metrics: Metrics
    spec: RenderSpec
    session_dir: Path
    out_dir: Path | None
    context: Callable[[Ns, Ns, Moment | None], ClipContext]  # of a span of media


class ClipDesk:
    """`moment`, `advance` and `finish` come from analysis, `cut` from the control socket; the cutting is done here."""

    def __init__(self, tools: DeskTools, planner: ClipPlanner) -> None:
        self._tools = tools
        self._planner = planner
        self._orders: queue.Queue[Callable[[], None] | None] = queue.Queue(maxsize=256)
        self._planning = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)
        self._cut: dict[ClipId, tuple[Ns, Ns]] = {}  # clips whose last words may still come
        self.failure: ClipdError | None = None

    def start(self, promised: Iterable[Due]) -> None:
        """Begin, with the promises an earlier attempt left."""
        self._thread.start()
        for due in promised:
            self._order(due)

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
        """The media ended; cut what waited, then end the thread."""
        self._take(lambda: self._planner.finish(end_ns))
        self._orders.put(None)
        self._thread.join()

    def cut(self, decision: EditDecision) -> Future[dict[str, Any]]:
        """A manual clip; the future gives its record, or the CutRefused that says why not."""
        answer: Future[dict[str, Any]] = Future()

        def work() -> None:
            try:
                self._tools.journal.open_clip(decision)
                answer.set_result(self._make(Due(decision, None, "final")))
            except ClipdError as err:
                self._withdraw(decision.clip, err.code)
                answer.set_exception(err)

        self._orders.put(work)
        return answer

    def _take(self, plan: Callable[[], list[Step]]) -> None:
        with self._planning:
            for step in plan():
                self._order(step)

    def _order(self, step: Step) -> None:
        if isinstance(step, Promise):
            decision = step.decision
            self._tools.journal.open_clip(decision)
            self._tools.pins.pin(
                decision.clip,
                Ns(max(0, decision.start_ns - HANDLES_NS)),
                Ns(decision.end_ns + HANDLES_NS),
            )
        elif isinstance(step, Due):
            self._orders.put(lambda: self._keep(step))
        else:
            self._orders.put(lambda: self._restate(step))

    def _run(self) -> None:
        while (work := self._orders.get()) is not None:
            work()

    def _keep(self, due: Due) -> None:
        """Boundary of one clip: whatever goes wrong with it is said, and the next clip is made all the same.

        A refusal is final; a full disk leaves the promise for the next attempt; a bug of ours fails the command.
        """
        try:
            self._make(due)
        except CutRefused as err:
            log.warning("clip.refused", clip=due.decision.clip, code=err.code)
            self._tools.emitter.emit("warning", code=err.code, message=err.what, remedy=err.remedy)
            self._withdraw(due.decision.clip, err.code)
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
            self._withdraw(due.decision.clip, bug.code)

    def _make(self, due: Due) -> dict[str, Any]:
        tools = self._tools
        started_ns = tools.clock.boottime_ns()
        folder = tools.session_dir / "clips" / due.decision.clip
        context = tools.context(due.decision.start_ns, due.decision.end_ns, due.moment)
        made = make_clip(tools.footage, due.decision, tools.spec, folder, context)
        record = self._record(due, made)
        tools.journal.finish_clip(due.decision.clip, due.decision.revision, record)
        self._cut[due.decision.clip] = (made.cut.start_ns, made.cut.end_ns)
        tools.pins.unpin(due.decision.clip)
        tools.metrics.render_seconds.labels(kind="master").observe((tools.clock.boottime_ns() - started_ns) / NS_PER_S)
        self._tell(record)
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
        if step.state == "withdrawn":
            self._withdraw(step.clip, step.moment.reason)
            return
        record = self._tools.journal.clip(step.clip)
        if record is not None:
            moment = step.moment
            record |= {"state": step.state, "score": round(moment.p, 4), "reasons": list(moment.reasons)}
            self._tools.journal.finish_clip(step.clip, int(record["revision"]), record)
            self._tell(record)

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
                files = refresh_out(clip, tools.out_dir, changed) if tools.out_dir else changed
                record["files"] |= {kind: str(path.absolute()) for kind, path in files.items()}
                tools.journal.finish_clip(clip, int(record["revision"]), record)
                tools.emitter.emit("clip", **clip_fields(record))  # told, not counted: no clip entered a state
        except StorageError as err:
            self.failure = err

    def _withdraw(self, clip: ClipId, reason: str) -> None:
        """The files stay in the session (they were shown once); the folder the user asked for holds good clips only."""
        tools = self._tools
        record = tools.journal.clip(clip)
        tools.journal.withdraw_clip(clip, reason)
        tools.pins.unpin(clip)
        if record is not None:
            if tools.out_dir:
                withdraw_out(clip, tools.out_dir)
            self._tell({**record, "state": "withdrawn"})

    def _tell(self, record: dict[str, Any]) -> None:
        self._tools.metrics.clips_total.labels(state=record["state"]).inc()
        self._tools.emitter.emit("clip", **clip_fields(record))


def clip_record(
    decision: EditDecision,
    made: FinishedClip,
    files: Mapping[str, Path],
    *,
    state: ClipState,
    latency_s: float | None,
    waited_for_chat: bool,
) -> dict[str, Any]:
    """The journal's record of a finished clip, and so the fields of its JSON line."""
    return {
        "id": decision.clip,
        "revision": decision.revision,
        "state": state,
        "review": "none",
        "start_s": round(to_s(made.cut.start_ns), 3),
        "end_s": round(to_s(made.cut.end_ns), 3),
        "title": decision.title,
        "score": round(decision.score, 4),
        "reasons": list(decision.reasons),
        "files": {name: str(path.absolute()) for name, path in files.items()},
        "latency_s": latency_s,
        "anchor_s": None if decision.anchor_ns is None else round(to_s(decision.anchor_ns), 3),
        "waited_for_chat": waited_for_chat,
        "av_head_ms": made.cut.av_head_ms,
        "av_tail_ms": made.cut.av_tail_ms,
        "notes": list(made.cut.notes),
        "folder": str(made.folder),
    }
