"""Waits of long polls and event streams: ended early by news in this process, by their successor, and by a drain."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from core.protocols import Clock


class Wakes:
    """News by key. Other processes' news are found by looking again, so a wait is never longer than the caller says."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._turns: dict[str, int] = {}

    def wake(self, key: str) -> None:
        """There is something new under this key."""
        for event in self._waiting.get(key, ()):
            event.set()

    def begin(self, key: str) -> int:
        """A new turn: who waited under this key before is woken, and finds that `is_turn` says no."""
        turn = self._turns[key] = self._turns.get(key, 0) + 1
        self.wake(key)
        return turn

    def is_turn(self, key: str, turn: int) -> bool:
        """Whether nobody has begun since."""
        return self._turns.get(key) == turn

    def end(self, key: str, turn: int) -> None:
        """Nobody waits any more, unless another has begun since."""
        if self.is_turn(key, turn):
            del self._turns[key]

    def is_waited_for(self, key: str) -> bool:
        """Whether somebody waits under this key now."""
        return key in self._waiting

    async def wait(self, key: str, *, clock: Clock, duration_ns: int, draining: asyncio.Event) -> None:
        """Until there is news under the key, the server drains, or the time is over."""
        event = asyncio.Event()
        self._waiting[key].add(event)
        waits = [asyncio.ensure_future(each) for each in (event.wait(), draining.wait(), clock.sleep(duration_ns))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            self._waiting[key].discard(event)
            if not self._waiting[key]:
                del self._waiting[key]
