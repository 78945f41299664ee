"""Takes of a recording room, on order: made into what editors want, then every clip they cover is cut anew from them.

In a thread of its own at low priority, one take after the other. A clip's new revision is promised only when the one
before is made, so that nothing waits behind a take's worth of clips, and a kill leaves one promise at most.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import structlog

from core.edits import EditDecision
from core.errors import ClipdError, UsageError
from core.ids import ClipId, is_safe_id
from daemon.finish import lower_priority
from daemon.rooms.conform import Stopped, conform
from daemon.rooms.recut import stale
from daemon.worker.clipthread import ClipThread
from daemon.worker.cutting import ClipCutter
from daemon.worker.desktools import DeskTools
from daemon.worker.latewords import LateWords
from daemon.worker.ordered import Order, Ordered
from daemon.worker.planner import Due
from daemon.worker.records import ClipRecords

TAKE: Final = "take"  # what the fact of such an order has and others have not
log = structlog.get_logger()


class Conforming:
    """`order` and `take_up` may be called from any thread. `hold` makes a clip one that no moment
    moves any more."""

    def __init__(
        self,
        tools: DeskTools,
        thread: ClipThread,
        records: ClipRecords,
        *,
        ordered: Ordered,
        late: LateWords,
        cutter: ClipCutter,
        hold: Callable[[ClipId], None],
    ) -> None:
        self._tools, self._thread, self._records, self._ordered = tools, thread, records, ordered
        self._late, self._cutter, self._hold = late, cutter, hold
        self._cancelled = threading.Event()
        self._changing, self._begun = threading.Lock(), set[str]()
        self._pool = ThreadPoolExecutor(1, "conform", initializer=lower_priority)
        self.told = 0  # grows while a take is made

    def order(self, order: Order) -> None:
        """Promised when this returns. Raises UsageError."""
        fact = {"clip": order.clip, "revision": None, "state": "open", "room": order.args.get("room"), TAKE: order.clip}
        if not isinstance(fact["room"], str) or not is_safe_id(fact["room"]) or order.args.get("take") != order.clip:
            raise UsageError(
                "Not an order about a take", remedy='Send {"room": ID, "take": ID, "clip": ID}.', code="bad_order"
            )
        self._ordered.put(order.id, fact)
        self.take_up(order.id, fact)

    def take_up(self, id: str, fact: Mapping[str, Any]) -> None:
        """Do what is promised, once, behind what was promised before."""
        with self._changing:
            if id in self._begun:
                return
            self._begun.add(id)
        with contextlib.suppress(RuntimeError):  # the session ends: it is the next worker's, by its promise
            self._pool.submit(self._conform, id, fact)

    def leave(self) -> None:
        """What is under way is left to another worker."""
        self._cancelled.set()

    def close(self) -> None:
        """A worker that is there for orders waits for them; one that records does not outlive its session for them."""
        if not self._tools.orders_only:
            self.leave()
        self._pool.shutdown(wait=True)

    def _conform(self, id: str, fact: Mapping[str, Any]) -> None:
        """Boundary of one order: what goes wrong is told under its id."""
        folder = self._tools.session_dir.parent.parent / "rooms" / fact["room"] / fact[TAKE]
        try:
            conform(folder, self._progress, self._cancelled)
            for record in self._tools.journal.clips():
                self._recut(record, folder)
        except Stopped:
            log.info("conform.left", take=fact[TAKE])
            return
        except ClipdError as err:
            end = {"state": "failed", "reason": err.code, "message": str(err)}
        except Exception as err:
            log.exception("conform.failed", take=fact[TAKE])
            end = {"state": "failed", "reason": "conform_failed", "message": f"The take could not be aligned: {err!r}"}
        else:
            end = {"state": "done"}
        self._thread.serially(lambda: self._ordered.settle(id, {**fact, **end}))

    def _recut(self, record: Mapping[str, Any], folder: Path) -> None:
        journal, clip = self._tools.journal, ClipId(record["id"])
        old = journal.decision(clip, int(record["revision"]))
        if record["state"] == "withdrawn" or old is None or not stale(Path(record["folder"]), old, folder):
            return
        if self._cancelled.is_set() or self._thread.left:
            raise Stopped("Cutting anew was stopped", remedy="It goes on with the next attempt.", code="stopped")
        moment = next((each for each in journal.moments() if each.id == old.moment), None)
        decision = replace(
            old, revision=journal.newest_revision(clip) + 1, moment=None, title=str(record.get("title") or old.title)
        )
        self._thread.serially(functools.partial(self._promise, decision))
        self._cutter.keep(Due(decision, moment, "final"))

    def _promise(self, decision: EditDecision) -> None:
        """In the clip thread, behind what it has yet to do with this clip."""
        self._hold(decision.clip)
        self._tools.journal.open_clip(decision)
        self._records.pin(decision)
        self._late.forget(decision.clip)

    def _progress(self, _done: float) -> None:
        self.told += 1
