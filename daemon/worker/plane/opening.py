"""From a spec to a plane: the only place that constructs one."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.control import Hello
from core.protocols import Clock
from core.signals import SignalChunk
from core.spec import WorkerSpec
from daemon.journal import Journal
from daemon.worker.emitter import Emitter
from daemon.worker.orders import Orders
from daemon.worker.plane.api import Patience, Work
from daemon.worker.plane.plane import Plane
from daemon.worker.plane.supervisors import Supervisors
from daemon.worker.plane.wire import Wire
from telemetry import Metrics


class NoPlane:
    """For `watch`, `vod` and `demo`: nobody to tell, and nobody else who could have the stream."""

    may_publish = True
    may_render = True
    model = None

    def attend(self, work: Work) -> None:
        """Nobody listens."""

    def status(self) -> Mapping[str, Any]:
        """Nothing to say."""
        return {}

    def signals(self, chunks: Sequence[SignalChunk]) -> None:
        """Nobody looks."""


@contextlib.asynccontextmanager
async def open_plane(
    spec: WorkerSpec,
    folder: Path,
    journal: Journal,
    attempt: int,
    emitter: Emitter,
    clock: Clock,
    metrics: Metrics,
    orders: Orders,
    *,
    patience: Patience | None = None,
) -> AsyncIterator[Plane | NoPlane]:
    """The session's lock is held. When the block ends what waits is delivered, as patiently as the end allows."""
    if spec.control is None:
        yield NoPlane()
        return
    hello = Hello(
        stream=spec.stream,
        session=spec.session,
        claim_token=spec.control.claim_token,
        attempt=attempt,
        pid=os.getpid(),
        version=version("clipd"),
        node=platform.node()[:255],
    )
    async with Wire(spec.control.urls) as wire:
        plane = Plane(
            hello, Supervisors(wire, spec.control), journal, folder, clock, metrics, orders, patience=patience
        )
        emitter.keeping(journal, plane.line)
        async with plane.running():
            yield plane
