"""Drives an `Elector` in a thread of its own, so that nothing the program does can hold a renewal up.

`held()` is asked before every effect: it compares the deadline with CLOCK_BOOTTIME and is true to it however late a
thread gets its turn, through a stop, a suspend or a blocked loop. A second thread watches the deadline too: on a loss
it takes the flag down, calls `on_lost`, and ends the process when that has not returned within a second (client-go:
a deadlocked leader may fail to die). `on_lost` returns once nothing acts for the lost leadership any more.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from core.protocols import Clock
from core.times import NS_PER_S, to_s
from supervisor.leases.api import LeaseRecord, LeaseStore, LeaseTiming, StoreAway
from supervisor.leases.elector import (
    Answer,
    Answered,
    Ask,
    Away,
    Create,
    Elector,
    Found,
    Held,
    Prepare,
    Prepared,
    Read,
    Stop,
    Swap,
    Wait,
)
from supervisor.leases.floors import Floor, FloorFile, highest
from supervisor.leases.identity import new_owner, this_process

log = structlog.get_logger(__name__)

EXIT_LOST: Final = 70  # internal error, as the design's exit codes have it; whoever started us starts us again
ON_LOST_S: Final = 1.0  # reliability.md section 3, item 7
LEAVE_S: Final = 3.0  # for handing the lease back; then a successor waits its full duration
LOOK_S: Final = 0.25  # a wait does not count a suspend, so the watch looks at the clock this often


class Keeper:
    """One candidate of this process. `store` is handed over: it is used from the keeper's thread and closed by it.

    `on_gained(token)` must return at once: it is called between two renewals. `on_lost(reason)` has a second, reasons:
    `replaced`, `deadline`. After it this process stays a candidate. Both are called from threads of the keeper.
    """

    def __init__(
        self,
        store: LeaseStore,
        floor_file: FloorFile,
        *,
        timing: LeaseTiming,
        clock: Clock,
        on_gained: Callable[[int], None],
        on_lost: Callable[[str], None],
        floors: Sequence[Floor] = (),
        end_process: Callable[[int], object] = os._exit,
        rng: random.Random | None = None,
    ) -> None:
        self._store, self._floor_file, self._floors, self._clock = store, floor_file, floors, clock
        self._on_gained, self._on_lost, self._end_process = on_gained, on_lost, end_process
        rng = rng or random.Random()
        self.owner = new_owner()
        self._elector = Elector(
            owner=self.owner,
            timing=timing,
            jitter=lambda: rng.uniform(1.0, 1.2),
            meta=this_process(),
            top=floor_file.read(),
        )
        self._changed = threading.Condition()  # guards what follows, and every step of the elector
        self._held: Held | None = None
        self._lost: str | None = None  # why, until on_lost has returned
        self._away: str | None = None
        self._closing = False
        self._ended = False
        self._threads = [
            threading.Thread(target=self._keep, name="lease-keeper", daemon=True),
            threading.Thread(target=self._watch, name="lease-watch", daemon=True),
        ]

    def start(self) -> None:
        """Be a candidate from now on."""
        for thread in self._threads:
            thread.start()

    def held(self) -> int | None:
        """The token of the lease while it is held, else None. Cheap, never blocks, right at any time in any thread."""
        held = self._held
        return held.token if held is not None and self._clock.boottime_ns() < held.deadline_ns else None

    @property
    def seen(self) -> LeaseRecord | None:
        """The record as it was last seen: who leads, for people."""
        return self._elector.seen

    @property
    def away(self) -> str | None:
        """Why the store's last call was of no use, by StoreAway's codes; None: it was."""
        return self._away

    def close(self) -> None:
        """Stop holding and hand the lease back, after all that acted for it has ended; a successor need not wait.

        No `on_lost`. Returns within seconds, whatever the store does.
        """
        with self._changed:
            self._closing, self._held = True, None
            self._elector.leave()
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(LEAVE_S + 2)
        if self._threads[0].ident is None:
            self._store.close()

    # the keeper's thread

    def _keep(self) -> None:
        try:
            self._run()
        finally:
            with self._changed:
                self._held, self._ended = None, True
                self._changed.notify_all()
            self._store.close()
            if not self._closing:  # a bug ended us: a process that can never lead again must not stay
                self._end_process(EXIT_LOST)

    def _run(self) -> None:
        answer: Answer = None
        leave_by_ns: int | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lost is None)
                now_ns = self._clock.boottime_ns()
                if self._closing and leave_by_ns is None:
                    answer, leave_by_ns = None, now_ns + int(LEAVE_S * NS_PER_S)
                ask = self._elector.step(now_ns, answer)
                gained = self._publish()
            if gained is not None:
                log.info("lease.gained", token=gained, owner=self.owner)
                self._on_gained(gained)
            if isinstance(ask, Stop) or (leave_by_ns is not None and now_ns >= leave_by_ns):
                return
            if isinstance(ask, Wait):
                self._wait(ask.until_ns)
                answer = None
            else:
                answer = self._ask(ask)
            if leave_by_ns is not None and isinstance(answer, Away):
                threading.Event().wait(LOOK_S)

    def _publish(self) -> int | None:
        """What the step has changed, under the lock. The watch may have found a passed deadline first."""
        before, self._held = self._held, self._elector.held
        if before is not None and self._held is None and not self._closing:
            self._lose(self._elector.lost_reason)
        if self._held != before:
            self._changed.notify_all()
        return self._held.token if before is None and self._held is not None else None

    def _ask(self, ask: Ask) -> Answer:
        try:
            answer = self._answer(ask)
        except StoreAway as away:
            if self._away != away.code:
                log.warning("lease.store_away", code=away.code, error=str(away))
            self._away = away.code
            return Away(away.code)
        if self._away is not None:
            log.info("lease.store_back", after=self._away)
        self._away = None
        return answer

    def _answer(self, ask: Ask) -> Answer:
        match ask:
            case Read():
                record = self._store.read()
                if record is not None:
                    self._floor_file.raise_to(record.token)
                return Found(record)
            case Prepare():
                self._store.check()
                return Prepared(max(self._floor_file.read(), highest(self._floors)))
            case Create(new):
                self._floor_file.raise_to(new.token)
                return Answered(self._store.create(new))
            case Swap(seen, new):
                self._floor_file.raise_to(new.token)
                return Answered(self._store.swap(seen, new))
        raise AssertionError(ask)

    def _wait(self, until_ns: int) -> None:
        with self._changed:
            left_ns = until_ns - self._clock.boottime_ns()
            if left_ns > 0:
                self._changed.wait_for(lambda: self._closing or self._lost is not None, to_s(left_ns))

    # the watch's thread

    def _watch(self) -> None:
        while True:
            with self._changed:
                left_ns = self._held.deadline_ns - self._clock.boottime_ns() if self._held is not None else None
                if left_ns is not None and left_ns <= 0:
                    self._lose("deadline")
                elif self._lost is None:
                    if self._ended or self._closing:
                        return
                    self._changed.wait(None if left_ns is None else min(LOOK_S, to_s(left_ns)))
                reason = self._lost
            if reason is not None:
                self._tell(reason)

    def _lose(self, reason: str) -> None:
        """Under the lock."""
        self._held, self._lost = None, reason
        self._changed.notify_all()

    def _tell(self, reason: str) -> None:
        log.warning("lease.lost", reason=reason, owner=self.owner)
        done = threading.Event()

        def tell() -> None:
            self._on_lost(reason)
            done.set()

        threading.Thread(target=tell, name="lease-lost", daemon=True).start()
        if not done.wait(ON_LOST_S):
            self._end_process(EXIT_LOST)
        with self._changed:
            self._lost = None
            self._changed.notify_all()
