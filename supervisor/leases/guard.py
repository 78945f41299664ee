"""One call at a time, in a thread of its own, let go of after a limit.

Timeouts of a socket do not bound a call: a name server may hang, an answer may drip, a disk may never come back from a
sync. The thread that is stuck in such a call is left to it; until it is back, every further call is away at once.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, Final, TypeVar

from supervisor.leases.api import StoreAway

Result = TypeVar("Result")
CALL_LIMIT_S: Final = 1.2  # reliability.md section 3, item 10
BACK_S: Final = 0.05  # until a call that was cut off has noticed


class Guard:
    """Runs calls for one caller. `limit_s` is for each call; what an abandoned one returns is thrown away.

    `abandon` is called when one is given up: it may shut the socket that the call waits on.
    """

    def __init__(self, name: str, *, limit_s: float = CALL_LIMIT_S, abandon: Callable[[], None] | None = None) -> None:
        self._name, self._limit_s, self._abandon = name, limit_s, abandon
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._under_way: Future[Any] | None = None

    def call(self, do: Callable[[], Result]) -> Result:
        """What `do` returns or raises; StoreAway(timeout) when that takes too long, or the last one has not ended."""
        if self._under_way is not None and not self._under_way.done():
            raise StoreAway("timeout", "the call before this one has not come back")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        future = self._under_way = Future[Any]()
        self._work.put((future, do))
        try:
            result: Result = future.result(self._limit_s)
        except TimeoutError:
            if self._abandon is not None:
                self._abandon()
                wait([future], BACK_S)
            raise StoreAway("timeout", f"no answer within {self._limit_s} s") from None
        return result

    def close(self) -> None:
        """Let the thread end; one that is stuck is not waited for."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join(self._limit_s)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            future, do = work
            try:
                future.set_result(do())
            except Exception as err:  # noqa: BLE001 - boundary: raised again by `call`, in the caller's thread
                future.set_exception(err)
