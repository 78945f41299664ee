"""What people do to clips: cuts by hand, and editors' orders, promised in the journal and kept across crashes.

What an order means is `ordering`'s. Its files are made in the thread of the hand cuts, beside the clip thread, and come
back there to be written down.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from core.edits import EditDecision, RenderSpec
from core.errors import ClipdError, CutRefused
from core.ids import ClipId
from daemon.clips import FinishedClip
from daemon.finish import Priority
from daemon.worker.clipthread import ClipThread
from daemon.worker.conforming import TAKE, Conforming
from daemon.worker.cutting import ClipCutter
from daemon.worker.desktools import DeskTools
from daemon.worker.formats import ClipFormats
from daemon.worker.handcuts import HandCuts
from daemon.worker.latewords import LateWords
from daemon.worker.ordered import NOT_MADE, Order, Ordered
from daemon.worker.ordering import ordered_decision
from daemon.worker.planner import Due
from daemon.worker.records import ClipRecords


class Editing:
    """`cut` and `order` may be called from any thread, the rest comes from the desk. `hold` makes a clip the person's:
    no moment moves or withdraws it from then on."""

    def __init__(
        self,
        tools: DeskTools,
        thread: ClipThread,
        records: ClipRecords,
        *,
        ordered: Ordered,
        formats: ClipFormats,
        late: LateWords,
        cutter: ClipCutter,
        hold: Callable[[ClipId], None],
    ) -> None:
        self._tools, self._thread, self._records, self._ordered = tools, thread, records, ordered
        self._formats, self._late, self._cutter, self._hold = formats, late, cutter, hold
        self._hand_cuts = HandCuts()
        self._conforming = Conforming(tools, thread, records, ordered=ordered, late=late, cutter=cutter, hold=hold)

    def start(self) -> None:
        """Take up the orders that an earlier attempt left."""
        self._thread.put(self._take_up)

    def cut(self, decision: EditDecision, spec: RenderSpec) -> Future[dict[str, Any]]:
        """A manual clip; the future gives its record, or the CutRefused that says why not. No master waits for it."""
        due, written = Due(decision, None, "final"), Future[dict[str, Any]]()

        def work() -> dict[str, Any]:
            self._late.forget(decision.clip)
            try:
                self._tools.journal.open_clip(decision)
                began_ns, made = self._tools.clock.boottime_ns(), self._cutter.files(due, spec)
            except ClipdError as err:
                self._thread.put(functools.partial(self._cutter.withdraw, decision.clip, err.code))
                raise
            self._thread.put(lambda: self._answer(written, due, made, began_ns))
            return written.result()

        return self._hand_cuts.put(work)

    def order(self, order: Order) -> None:
        """Promised in the journal when this returns, or refused, which is told under its id.

        What was promised before stands. Raises UsageError for a render where only masters are made.
        """
        known = self._ordered.known(order.id) if order.id else None
        if known is not None:
            if known["state"] != "open":  # a supervisor may have lost what it was told
                self._ordered.settle(order.id, known)
        elif order.kind == "render":
            self._formats.order(order)
        elif order.kind == "conform":
            self._conforming.order(order)
        else:
            self._promise(order)

    def begin(self, due: Due) -> None:
        """Behind what the clip thread has yet to do with this clip, and nothing else will be done with it from now."""
        self._hold(due.decision.clip)
        self._records.pin(due.decision)
        self._thread.put(functools.partial(self._hand_over, due))

    def close(self) -> None:
        """Make what was asked for; take no more."""
        self._thread.catch_up()  # by then all that was ordered has been handed to the hand cuts and to conforming
        self._conforming.close()
        self._hand_cuts.close()

    def leave(self) -> None:
        """Begin nothing more."""
        self._conforming.leave()

    @property
    def progress(self) -> int:
        """Grows while a take is conformed."""
        return self._conforming.told

    def _promise(self, order: Order) -> None:
        journal, promise = self._tools.journal, {"clip": order.clip, "revision": None, "state": "open"}
        try:
            decision = ordered_decision(journal, order)
            self._cutter.footage_of(decision)
        except ClipdError as err:
            self._ordered.settle(order.id, promise | {"state": "failed", "reason": err.code, "message": str(err)})
            return
        if decision.revision == 1 and (there := self._records.standing(decision.clip)):
            self._ordered.settle(order.id, promise | {"state": "done", "revision": there["revision"]})
            return
        with journal.batch():
            journal.open_clip(decision)
            self._ordered.put(order.id, promise | {"clip": decision.clip, "revision": decision.revision})
        self.begin(Due(decision, None, "final"))

    # -- in the clip thread

    def _hand_over(self, due: Due) -> None:
        self._late.forget(due.decision.clip)
        try:
            self._hand_cuts.put(lambda: self._cutter.keep(due))
        except CutRefused as err:
            if err.code != "session_ended":  # else it is the next worker's, by its promise
                self._cutter.refuse(due, err)

    def _answer(self, written: Future[dict[str, Any]], due: Due, made: FinishedClip, began_ns: int) -> None:
        try:
            written.set_result(self._cutter.write_down(due, made, began_ns))
        except ClipdError as err:
            self._cutter.withdraw(due.decision.clip, err.code)
            written.set_exception(err)

    def _take_up(self) -> None:
        """Orders of earlier attempts that are promised no more: what came of them is told.

        They are read before the promises: an order that comes meanwhile has its promise, and is not among them. What
        is promised of a clip settles what was ordered before, too.
        """
        orders = self._ordered.open()
        promised = {decision.clip: decision.revision for decision in self._tools.journal.promised_clips()}
        for id, fact in orders.items():
            if TAKE in fact:
                self._conforming.take_up(id, fact)
            elif fact["revision"] is None or promised.get(fact["clip"], 0) < fact["revision"]:
                self._tell_of(id, fact)

    def _tell_of(self, id: str, fact: Mapping[str, Any]) -> None:
        record, revision = self._records.standing(ClipId(fact["clip"])), fact["revision"]
        if revision is not None and (record is None or record["revision"] < revision):
            self._ordered.settle(id, {**fact, "state": "failed", "reason": NOT_MADE})  # killed before it said why
        elif record is not None and not self._formats.finish(record, Priority.ASKED) and revision is not None:
            self._ordered.settle(id, {**fact, "state": "done"})
