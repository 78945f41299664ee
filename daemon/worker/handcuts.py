"""Cuts by hand, one after the other, in a thread of their own.

An exact cut codes frames anew, or the whole clip, and may take longer than a master may wait; so it stays out of the
clip thread. Masters that were found go first; renders, which nobody waits for at this moment, come after.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Final, TypeVar

from core.errors import CutRefused
from daemon.finish import lower_priority

NICENESS: Final = 5  # as speech has it
MOST_WAITING: Final = 16  # for one person at one stream; more is a script that asks without reading the answers

_Made = TypeVar("_Made")


class HandCuts:
    """`put` may be called from any thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "hand-cuts", initializer=lower_priority, initargs=(NICENESS,))
        self._changing = Lock()
        self._waiting = 0
        self._closed = False

    def put(self, work: Callable[[], _Made]) -> Future[_Made]:
        """What `work` returns or raises. Raises CutRefused when too many wait, or when the session ends."""
        with self._changing:
            if self._closed:
                raise CutRefused(
                    "The session is ending", remedy="Cut it again when it has ended.", code="session_ended"
                )
            if self._waiting >= MOST_WAITING:
                raise CutRefused(f"{self._waiting} cuts wait already", remedy="Wait for them.", code="too_many_cuts")
            self._waiting += 1
            made = self._thread.submit(work)
        made.add_done_callback(self._done)
        return made

    def close(self) -> None:
        """Wait for those that were asked for; take no more."""
        with self._changing:
            self._closed = True
        self._thread.shutdown(wait=True)

    def _done(self, _: Future[_Made]) -> None:
        with self._changing:
            self._waiting -= 1
