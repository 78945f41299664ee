"""A Runtime of values and virtual time, for tests of who uses one. It passes the contract suite of the real ones.

What a worker does is told by its spec's source, as the small program of tests/runtimes.py reads it: `exit:N` ends at
once, `hog` is killed for its memory, `stubborn` does not hear SIGTERM, anything else runs and ends with 7 when asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.protocols import Clock
from core.times import NS_PER_S
from supervisor.runtimes.api import Found, NameTaken, Order, RuntimeAway, RuntimeName
from supervisor.runtimes.names import is_worker_name

ASKED_CODE = 7
KILLED_CODE = 137


@dataclass
class _Worker:
    order: Order
    found: Found
    killed_at_ns: int | None = None
    hidden: bool = False


class FakeRuntime:
    """One engine. Several supervisors of a test share it; `away` is an engine that does not answer.

    `lost_replies`: so many further `start` calls do their work and then raise RuntimeAway.
    """

    name: RuntimeName = "process"

    def __init__(self, clock: Clock, installation: str = "here") -> None:
        self._clock, self._installation = clock, installation
        self._workers: dict[str, _Worker] = {}
        self._pid = 1000
        self.away = False
        self.lost_replies = 0
        self.started: list[Order] = []
        self.closed = False

    async def start(self, order: Order) -> None:
        """Runs, or has ended, when this returns."""
        self._ask(order.name)
        if order.name in self._workers:
            raise NameTaken(order.name)
        self._pid += 1
        self.started.append(order)
        running = Found(
            name=order.name,
            labels=dict(order.labels),
            life="running",
            started_ns=self._clock.boottime_ns(),
            pid=self._pid,
        )
        self._workers[order.name] = _Worker(order, running)
        does = order.spec.source.split(":")
        if does[0] == "exit":
            self.end(order.name, int(does[1]))
        elif does[0] == "hog":
            self.end(order.name, KILLED_CODE, oom=True)
        if self.lost_replies:
            self.lost_replies -= 1
            raise RuntimeAway("no reply")

    async def list(self) -> Sequence[Found]:
        """In the order of their names."""
        self._ask()
        for worker in self._workers.values():
            due = worker.killed_at_ns is not None and worker.killed_at_ns <= self._clock.boottime_ns()
            if due and worker.found.life == "running":
                self.end(worker.order.name, KILLED_CODE)
        ours = (w for _, w in sorted(self._workers.items()) if w.order.labels["installation"] == self._installation)
        return [replace(w.found, life="unknown", code=None) if w.hidden else w.found for w in ours]

    async def stop(self, name: str, *, grace_s: float) -> None:
        """At once, but for the stubborn."""
        self._ask(name)
        worker = self._workers.get(name)
        if worker is None or worker.found.life != "running":
            return
        if worker.order.spec.source == "stubborn":
            worker.killed_at_ns = self._clock.boottime_ns() + round(grace_s * NS_PER_S)
        else:
            self.end(name, ASKED_CODE)

    async def kill(self, name: str) -> None:
        """At once."""
        self._ask(name)
        if name in self._workers and self._workers[name].found.life == "running":
            self.end(name, KILLED_CODE)

    async def remove(self, name: str) -> None:
        """As all of them."""
        self._ask(name)
        if name in self._workers:
            if self._workers[name].found.life != "exited":
                raise ValueError(f"{name} runs")
            del self._workers[name]

    async def logs(self, name: str, *, lines: int = 200) -> str:
        """What the small program says."""
        self._ask(name)
        if name not in self._workers:
            return ""
        spec = self._workers[name].order.spec
        does = spec.source.split(":")
        said = [f"line {number}" for number in range(int(does[1]))] if does[0] == "say" else []
        assert spec.control is not None
        return "\n".join([*said, f"read {len(spec.control.token)}"][-lines:])

    async def close(self) -> None:
        """Workers run on."""
        self.closed = True

    def end(self, name: str, code: int, *, oom: bool = False) -> None:
        """By itself, or by a hand from outside."""
        worker = self._workers[name]
        worker.found = replace(worker.found, life="exited", code=code, oom=oom, pid=None)

    def hide(self, name: str, hidden: bool = True) -> None:
        """The engine cannot say how it is."""
        self._workers[name].hidden = hidden

    def another(self, installation: str | None = None) -> FakeRuntime:
        """What another supervisor has of the same engine."""
        other = FakeRuntime(self._clock, installation or self._installation)
        other._workers, other.started = self._workers, self.started
        return other

    def _ask(self, name: str = "w-any") -> None:
        if not is_worker_name(name):
            raise ValueError(f"{name!r} is not a worker's name")
        if self.away:
            raise RuntimeAway("the engine is away")
