"""What the clip desk and its parts work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.edits import RenderSpec
from core.moments import Moment
from core.protocols import Clock, FootageSource
from core.times import Ns
from daemon.clips import ClipContext
from daemon.journal import Journal
from daemon.worker.arrivals import Arrivals
from daemon.worker.emitter import Emitter
from daemon.worker.ranks import Ranking
from daemon.worker.renders import Finisher
from telemetry import Metrics


class Pins(Protocol):
    """Keeps footage from eviction; a file that is its own ring needs none."""

    def pin(self, name: str, start_ns: Ns, end_ns: Ns) -> None: ...
    def unpin(self, name: str) -> None: ...


class NoPins:
    """For a local file: it is not ours to evict."""

    def pin(self, name: str, start_ns: Ns, end_ns: Ns) -> None:
        """Nothing to keep."""

    def unpin(self, name: str) -> None:
        """Nothing to let go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTools:
    """What the desk works with; built once by the session."""

    journal: Journal
    footage: FootageSource | None  # None: nothing is cut, masters are there
    pins: Pins
    emitter: Emitter
    arrivals: Arrivals | None  # None in a replay: there latency means nothing
    clock: Clock
    metrics: Metrics
    spec: RenderSpec
    session_dir: Path
    out_dir: Path | None
    context: Callable[[Ns, Ns, Moment | None], ClipContext]  # of a span of media
    finisher: Finisher | None = None  # None: masters only
    renders_at_once: int = 1
    may_render: Callable[[], bool] = lambda: True  # asked before each
    ranking: Ranking | None = None  # None: clips have no rank
    orders_only: bool = False  # of a worker that records nothing: orders are what it stays for
