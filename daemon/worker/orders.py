"""What a worker process was asked to do with itself: by signals, its lifeline, its supervisor. On the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Final

END_ASKED: Final = "interrupted"


class Orders:
    """They only grow stricter: go on, drain, stop, lost. Drained: what has begun is finished. Lost: nothing is begun
    or finished any more, since another worker does."""

    def __init__(self) -> None:
        self.draining = asyncio.Event()
        self.stopping = asyncio.Event()
        self.lost = False
        self.reason = ""

    def drain(self, reason: str = END_ASKED) -> None:
        """No new clips; those that have begun are recorded to their end. Asked a second time: stop."""
        if self.draining.is_set():
            self.stop(reason)
            return
        self.reason = self.reason or reason
        self.draining.set()

    def stop(self, reason: str = END_ASKED) -> None:
        """Record no more, cut what is there."""
        self.reason = self.reason or reason
        self.draining.set()
        self.stopping.set()

    def lose(self) -> None:
        """The claim has passed on."""
        self.lost = True
        self.reason = "claim_lost"
        self.draining.set()
        self.stopping.set()


@contextlib.contextmanager
def obeyed(orders: Orders, *, lifeline: int | None, drains: bool) -> Iterator[None]:
    """SIGTERM, SIGINT and the end of the lifeline, while the block runs.

    `drains`: SIGTERM asks for a drain rather than a stop; under `watch` a person at the keyboard waits for the end.
    """
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, orders.drain if drains else orders.stop)
    loop.add_signal_handler(signal.SIGINT, orders.stop)

    def gone() -> None:
        """Nothing is ever written to it: readable means closed."""
        assert lifeline is not None
        loop.remove_reader(lifeline)
        orders.stop()

    if lifeline is not None:
        loop.add_reader(lifeline, gone)
    try:
        yield
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline)
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(name)
