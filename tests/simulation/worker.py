"""A worker as its supervisors see it: it holds the ring's lock, beats, promises and finishes clips, delivers them.

What is on its disk outlives it: the next attempt of the session cuts what was promised and delivers what was finished.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from core.ids import StreamId
from tests.simulation.services import Catalog
from tests.simulation.world import MS, Broken, Process, S, World

BEAT_NS: Final = 2 * S
CLIP_EACH_BEAT: Final = 0.15


@dataclass
class Disk:
    """A session's folder: its lock, its journal's promises and outbox. `locks` False: a planted bug."""

    locks: bool = True
    owner: Worker | None = None
    promised: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    outbox: list[str] = field(default_factory=list)
    progress: int = 0
    clips: int = 0


class Worker(Process):
    """One attempt. `reach` says whether a supervisor answers it now, `ended` hears of its exit code."""

    def __init__(
        self,
        world: World,
        stream: StreamId,
        token: int,
        disk: Disk,
        catalog: Catalog,
        reach: Callable[[], bool],
        ended: Callable[[Worker, int], None],
    ) -> None:
        super().__init__(f"w-{stream}-{token}")
        self._world, self._disk, self._catalog, self._reach, self._ended = world, disk, catalog, reach, ended
        self.stream, self._token = stream, token
        self.cut_until_ns = 0  # from every supervisor
        self._said_hello = False
        self.alive = True
        world.later(self, world.between(500 * MS, 3 * S), self._begin)

    def exit(self, code: int) -> None:
        """Its lock goes with it, its disk stays."""
        if not self.alive:
            return
        self.kill()
        if self._disk.owner is self:
            self._disk.owner = None
        self._ended(self, code)

    @property
    def records(self) -> bool:
        """Whether it writes the ring."""
        return self._disk.owner is self

    def _begin(self) -> None:
        disk = self._disk
        if disk.owner is not None and disk.owner.alive:
            if disk.locks:
                self.exit(71)
                return
            raise Broken("two-ring-writers", f"{self.name} beside {disk.owner.name}")
        disk.owner = self
        for clip in disk.promised:
            self._world.later(self, 500 * MS, self._finish, clip)
        self._beat()

    def _beat(self) -> None:
        world, disk = self._world, self._disk
        disk.progress += 1
        if world.chance(CLIP_EACH_BEAT):
            disk.clips += 1
            clip = f"{self.stream}-{disk.clips}"
            disk.promised.append(clip)
            world.later(self, world.between(S, 3 * S), self._finish, clip)
        if self.cut_until_ns <= world.now_ns and self._reach() and not self._say():
            self.exit(71)
            return
        world.later(self, BEAT_NS, self._beat)

    def _say(self) -> bool:
        """Hello, heartbeat, and what waits to be delivered; False: the claim has passed on."""
        self._deliver()
        if not self._said_hello:
            self._said_hello = self._catalog.hello(self.stream, self._token)
            return self._said_hello
        return self._catalog.beat(self.stream, self._token, self._disk.progress)

    def _deliver(self) -> None:
        """A request may arrive late, after its sender's death; its answer may be lost. Then it is sent again."""
        world = self._world
        for clip in self._disk.outbox:
            late = world.chance(0.05)
            world.after(world.between(S, 20 * S) if late else MS, self._catalog.deliver, clip)
            if not late and not world.chance(0.1):
                world.later(self, 2 * MS, self._acked, clip)

    def _acked(self, clip: str) -> None:
        if clip in self._disk.outbox:
            self._disk.outbox.remove(clip)

    def _finish(self, clip: str) -> None:
        if clip in self._disk.promised:
            self._disk.promised.remove(clip)
            self._disk.finished.append(clip)
            self._disk.outbox.append(clip)
