"""What one attempt is handed, whatever kind it is of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from configs import Settings
from core.protocols import Clock
from core.spec import WorkerSpec
from daemon.journal import Journal
from daemon.worker.emitter import Emitter
from daemon.worker.orders import Orders
from daemon.worker.plane import NoPlane, Plane
from telemetry import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Its orders and its tools. The session's lock is held; `number` is the attempt's."""

    spec: WorkerSpec
    settings: Settings
    folder: Path
    journal: Journal
    number: int
    emitter: Emitter
    clock: Clock
    metrics: Metrics
    orders: Orders
    plane: Plane | NoPlane
