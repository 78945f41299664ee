"""Cuts one clip after the other and writes down what came of it: made, refused, restated, withdrawn.

It reads the ring and never touches capture.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog

from core.edits import EditDecision, RenderSpec
from core.errors import ClipdError, CutRefused, StorageError
from core.ids import ClipId
from core.lines import error_fields
from core.protocols import FootageSource
from core.times import NS_PER_S, Ns
from daemon.clips import FinishedClip, make_clip
from daemon.finish import Priority
from daemon.rooms.footage import composed
from daemon.worker.clipthread import ClipThread
from daemon.worker.desktools import DeskTools
from daemon.worker.formats import ClipFormats
from daemon.worker.latewords import LateWords
from daemon.worker.ordered import Ordered
from daemon.worker.ordering import best_footage
from daemon.worker.planner import Due, Restate
from daemon.worker.ranklines import RankLines
from daemon.worker.record import clip_record
from daemon.worker.records import ClipRecords

log = structlog.get_logger()


class ClipCutter:
    """`keep` and `files` may be called from the clip thread and from that of the hand cuts, `footage_of` from any, the
    rest from the clip thread. `release` gives a clip back to its moment, for a cut by hand that could not be made."""

    def __init__(
        self,
        tools: DeskTools,
        thread: ClipThread,
        records: ClipRecords,
        *,
        ordered: Ordered,
        formats: ClipFormats,
        ranks: RankLines,
        late: LateWords,
        release: Callable[[ClipId], None],
    ) -> None:
        self._tools, self._thread, self._records, self._ordered = tools, thread, records, ordered
        self._formats, self._ranks, self._late, self._release = formats, ranks, late, release

    def keep(self, due: Due) -> None:
        """Boundary of one clip: whatever goes wrong with it is said, and the next clip is made all the same.

        A refusal is final; a full disk leaves the promise for the next attempt; a bug of ours fails the command.
        """
        if self._thread.left:
            return
        try:
            self._make(due)
        except CutRefused as err:
            log.warning("clip.refused", clip=due.decision.clip, code=err.code)
            self._tools.emitter.emit("warning", code=err.code, message=err.what, remedy=err.remedy)
            self._thread.serially(functools.partial(self.refuse, due, err))
        except StorageError as err:
            self._records.failure = err
        except Exception as err:
            log.exception("clip.failed", clip=due.decision.clip)
            bug = ClipdError(
                f"A clip could not be made: {err!r}",
                remedy="Its footage is in the ring: `clipd cut` may work. Please report the log above.",
                code="clip_failed",
            )
            self._tools.emitter.emit("error", **error_fields(bug))
            self._thread.serially(functools.partial(self.refuse, due, bug))

    def files(self, due: Due, spec: RenderSpec) -> FinishedClip:
        """Touches footage and the clip's own folder only. Raises CutRefused."""
        decision = due.decision
        context = self._tools.context(decision.start_ns, decision.end_ns, due.moment)
        footage = self.footage_of(decision)
        with composed(footage) as room:
            folder = self._records.folder_of(decision.clip)
            return make_clip(footage, decision, spec, folder, replace(context, room=room))

    def footage_of(self, decision: EditDecision) -> FootageSource:
        """The session's, or what the clip kept of it where that has more of the span. Raises CutRefused."""
        return best_footage(decision, self._tools.footage, self._records.folder_of(decision.clip))

    def write_down(self, due: Due, made: FinishedClip, began_ns: int) -> dict[str, Any]:
        """The record of a clip whose files are there; `began_ns` on the clock's boottime. Raises StorageError."""
        tools, clip = self._tools, due.decision.clip
        record = self._record(due, made)
        self._ranks.mark(record, due.moment, tools.journal.clip(clip))
        self._late.expect(clip, made.cut.start_ns, made.cut.end_ns)
        self._records.keep_made(record)
        tools.metrics.render_seconds.labels(kind="master").observe((tools.clock.boottime_ns() - began_ns) / NS_PER_S)
        self._records.count(record)
        if not self._formats.finish(record, Priority.ASKED if due.moment is None else Priority.PROVISIONAL):
            self._ordered.settle_cuts(clip, due.decision.revision)
        self._ranks.offer(record)
        return record

    def restate(self, step: Restate) -> None:
        """The clip's state changes, its files stay."""
        if self._thread.left:
            return
        if step.state == "withdrawn":
            self.withdraw(step.clip, step.moment.reason)
            return
        record = self._tools.journal.clip(step.clip)
        if record is not None:
            moment = step.moment
            record |= {"state": step.state, "score": round(moment.p, 4), "reasons": list(moment.reasons)}
            self._ranks.mark(record, moment, record)
            self._records.keep(record)
            self._records.count(record)
            self._formats.finish(record, Priority.FINAL)

    def refuse(self, due: Due, err: ClipdError) -> None:
        """It cannot be made. A later revision by hand is taken back, and the clip stays as it was."""
        decision = due.decision
        by_hand = decision.moment is None
        if by_hand and decision.revision > 1 and self._tools.journal.clip(decision.clip) is not None:
            self._records.take_back(decision)
        else:
            self.withdraw(decision.clip, err.code)
        self._ordered.settle_all(decision.clip, decision.revision, state="failed", reason=err.code, message=str(err))
        if by_hand:
            self._release(decision.clip)

    def withdraw(self, clip: ClipId, reason: str) -> None:
        """Durably first, then from the renders and the ranker, then it is told."""
        line = self._records.withdraw(clip, reason)
        self._formats.drop(clip)
        self._ranks.drop(clip)
        if line is not None:
            self._records.tell_withdrawn(clip, line)

    def _make(self, due: Due) -> None:
        began_ns = self._tools.clock.boottime_ns()
        made = self.files(due, self._tools.spec if due.decision.moment is not None else RenderSpec(cut="exact"))
        self._thread.serially(lambda: self.write_down(due, made, began_ns))

    def _record(self, due: Due, made: FinishedClip) -> dict[str, Any]:
        return clip_record(
            due.decision,
            made,
            self._records.published(made, due.decision.title),
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
