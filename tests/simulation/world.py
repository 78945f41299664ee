"""Virtual time: one heap of events, processes that pause, crash and come back, and the rules that must always hold."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from itertools import count
from typing import Any, Final

MS: Final = 1_000_000
S: Final = 1_000 * MS


class Broken(AssertionError):
    """A rule that did not hold: `rule` names it."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule = rule


class Process:
    """What runs on a machine and may be stopped or killed. Events of an earlier life (`life`) never reach it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = False
        self.life = 0
        self.paused_until_ns = 0

    def kill(self) -> None:
        """kill -9: what it was about to do is not done. What it has sent is on its way."""
        self.alive = False
        self.life += 1
        self.paused_until_ns = 0

    def stop(self, until_ns: int) -> None:
        """SIGSTOP, and SIGCONT then."""
        self.paused_until_ns = max(self.paused_until_ns, until_ns)


class World:
    """Events to come: `after` of the network and the stores, `later` of a process, which waits while it is stopped."""

    def __init__(self, seed: int, calm_ns: int) -> None:
        self.rng = random.Random(seed)
        self.calm_ns = calm_ns  # no fault lasts longer
        self.now_ns = 0
        self.steps = 0
        self._events: list[tuple[int, int, Process | None, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = count()

    def after(self, delay_ns: int, do: Callable[..., None], *args: Any) -> None:
        """Happens whatever becomes of whoever caused it."""
        heapq.heappush(self._events, (self.now_ns + delay_ns, next(self._order), None, 0, do, args))

    def later(self, process: Process, delay_ns: int, do: Callable[..., None], *args: Any) -> None:
        """Happens in a process: not when it has died, and only once it runs again when it is stopped."""
        heapq.heappush(self._events, (self.now_ns + delay_ns, next(self._order), process, process.life, do, args))

    def run(self, until_ns: int) -> None:
        """Everything up to then, in order."""
        events, order = self._events, self._order
        while events and events[0][0] <= until_ns:
            at_ns, _, process, life, do, args = heapq.heappop(events)
            self.now_ns = at_ns
            if process is not None:
                if process.life != life:
                    continue
                if process.paused_until_ns > at_ns:
                    heapq.heappush(events, (process.paused_until_ns, next(order), process, life, do, args))
                    continue
            self.steps += 1
            do(*args)
        self.now_ns = until_ns

    def chance(self, probability: float) -> bool:
        """One draw."""
        return self.rng.random() < probability

    def between(self, low_ns: int, high_ns: int) -> int:
        """A time, evenly."""
        return low_ns + int(self.rng.random() * (high_ns - low_ns))
