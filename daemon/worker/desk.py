"""Conducts what makes clips: what the planner says is due is cut, promises are kept across crashes, the world is told.

Each concern is an object of its own that works in the clip thread: moments' clips (`cutting`), what people order
(`editing`), finished formats (`formats`), ranks (`ranklines`), late captions (`latewords`). They meet in the clips'
`records`.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future
from typing import Any

from core.edits import EditDecision, RenderSpec
from core.errors import ClipdError
from core.ids import ClipId
from core.moments import Moment
from core.times import Ns
from core.words import Committed
from daemon.worker.clipthread import ClipThread
from daemon.worker.cutting import ClipCutter
from daemon.worker.desktools import DeskTools
from daemon.worker.editing import Editing
from daemon.worker.formats import ClipFormats
from daemon.worker.latewords import LateWords
from daemon.worker.ordered import Order, Ordered
from daemon.worker.planner import ClipPlanner, Due, Promise, Step
from daemon.worker.ranklines import RankLines
from daemon.worker.records import ClipRecords


class ClipDesk:
    """`moment`, `advance` and `finish` come from analysis, `words` from the speech thread, `cut` and `order` from
    commands."""

    def __init__(self, tools: DeskTools, planner: ClipPlanner) -> None:
        self._planner = planner
        self._planning = threading.Lock()
        self._thread = thread = ClipThread()
        self._records = records = ClipRecords(tools)
        ordered = Ordered(tools.journal, tools.emitter)
        self._formats = formats = ClipFormats(tools, thread, records, ordered)
        self._ranks = ranks = RankLines(tools, thread, records)
        self._late = late = LateWords(tools, thread, records, formats)
        self._cutter = cutter = ClipCutter(
            tools, thread, records, ordered=ordered, formats=formats, ranks=ranks, late=late, release=self._release
        )
        self._editing = Editing(
            tools, thread, records, ordered=ordered, formats=formats, late=late, cutter=cutter, hold=self._hold
        )

    def start(self, promised: Iterable[Due], *, renders: Collection[ClipId] | None = None) -> None:
        """Begin, with the promises and the renders that an earlier attempt left, or only the `renders` that are asked
        for, made anew where they are there."""
        self._thread.start()
        for due in promised:
            if due.decision.moment is None:
                self._editing.begin(due)
            else:
                self._order(due)
        self._formats.start(renders)
        self._editing.start()
        if not renders:
            self._ranks.start()

    def moment(self, moment: Moment) -> None:
        """A moment changed state."""
        self._take(lambda: self._planner.moment(moment))

    def words(self, commits: Sequence[Committed]) -> None:
        """Words that became final: clips that were cut without them get their captions anew."""
        self._late.said(commits)

    def advance(self, t_ns: Ns, heard_ns: Ns) -> None:
        """Media has been analysed up to `t_ns`; all that was said before `heard_ns` is known."""
        self._late.advance(t_ns)
        self._take(lambda: self._planner.advance(t_ns, heard_ns))
        self._ranks.advance(t_ns)

    def finish(self, end_ns: Ns) -> None:
        """The media ended; cut what waited, finish what is final, then end the threads."""
        self._take(lambda: self._planner.finish(end_ns))
        self._editing.close()
        self._thread.catch_up()  # by then all that is final has been handed to the renders and to the ranker
        self._ranks.close()
        self._formats.drain()
        self._ranks.join()
        self._thread.end()

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
        self._thread.left = True
        self._formats.abandon()
        self._editing.leave()
        self._ranks.leave()

    @property
    def failure(self) -> ClipdError | None:
        """What the session fails with: a disk that took a clip no more."""
        return self._records.failure

    @property
    def progress(self) -> int:
        """Grows with each thing done, and with renders that get on."""
        return self._thread.done + self._formats.progress + self._editing.progress

    @property
    def renders_failed(self) -> Sequence[ClipId]:
        """Clips whose finished files could not be made."""
        return self._formats.failed

    @property
    def renders_done(self) -> float:
        """Share of what has been asked for, 0 to 1; those under way count by how far they are."""
        return self._formats.done

    @property
    def renders_left(self) -> int:
        """Final clips whose finished files are not there yet."""
        return self._formats.left

    def cut(self, decision: EditDecision, spec: RenderSpec) -> Future[dict[str, Any]]:
        """A manual clip; the future gives its record, or the CutRefused that says why not. No master waits for it."""
        return self._editing.cut(decision, spec)

    def order(self, order: Order) -> None:
        """An order of a person's: promised in the journal when this returns, or refused, which is told under its id.

        What was promised before stands. Raises UsageError for a render where only masters are made.
        """
        self._editing.order(order)

    def _take(self, plan: Callable[[], list[Step]]) -> None:
        with self._planning:
            for step in () if self._thread.left else plan():
                self._order(step)

    def _order(self, step: Step) -> None:
        if isinstance(step, Promise):
            self._records.promise(step.decision)
        elif isinstance(step, Due):
            self._thread.put(functools.partial(self._cutter.keep, step))
        else:
            self._thread.put(functools.partial(self._cutter.restate, step))

    def _hold(self, clip: ClipId) -> None:
        with self._planning:
            self._planner.hold(clip)

    def _release(self, clip: ClipId) -> None:
        self._take(lambda: self._planner.release(clip))
