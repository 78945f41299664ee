"""The clip thread: does one thing after the other, and alone writes clips down.

The event loop, analysis, hand cuts, renders and the ranker put work here; none of them touches a clip's record itself.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from core.errors import ClipdError


class ClipThread:
    """`start` and `end` come from the desk; the rest may be called from any thread."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[Callable[[], Any] | None] = queue.Queue(maxsize=256)
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)
        self.left = False  # nothing more is begun, not even what waits
        self.done = 0  # grows with each thing done

    def start(self) -> None:
        """Begin; what was put before waits for it."""
        self._thread.start()

    def put(self, work: Callable[[], Any]) -> None:
        """Behind what waits already. What `work` raises ends the thread, so it says itself what went wrong."""
        self._waiting.put(work)

    def serially(self, work: Callable[[], Any]) -> None:
        """As `put`, and wait for it; at once in the clip thread itself. Raises the ClipdError that `work` raises."""
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

        self.put(run)
        done.result()

    def catch_up(self) -> None:
        """Wait until all that was put before is done."""
        self.serially(lambda: None)

    def end(self) -> None:
        """Do what waits, then end."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (work := self._waiting.get()) is not None:
            work()
            self.done += 1
