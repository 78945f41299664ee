"""Finished files of a session's clips: asked for by `formats`, made in render threads, handed back there.

Masters never wait for them: they are cut in the clip thread, and renders run at low priority, N at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from core.errors import ClipdError
from core.ids import ClipId
from core.protocols import Clock
from core.times import NS_PER_S
from daemon.finish import Finished, Render, RenderQueue, Style
from daemon.worker.emitter import Emitter
from telemetry import Metrics

TELL_EVERY: Final = 0.1  # of a render, between two lines about its progress
log = structlog.get_logger()


class Finisher(Protocol):
    """Makes finished files of a revision's folder; tells how far it is (0 to 1). Raises ClipdError."""

    @property
    def formats(self) -> tuple[str, ...]:
        """Those that every clip gets."""

    def __call__(
        self,
        folder: Path,
        formats: tuple[str, ...],
        style: Style,
        progress: Callable[[float], None],
        cancelled: threading.Event,
    ) -> Finished: ...


class Renders:
    """The desk's side of the render queue. `done` and `refused` are called from a render thread."""

    def __init__(
        self,
        finisher: Finisher,
        done: Callable[[Render, Finished], None],
        refused: Callable[[Render, ClipdError], None],
        *,
        may_render: Callable[[], bool],
        at_once: int,
        emitter: Emitter,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._finisher, self._done, self._refused, self._may_render = finisher, done, refused, may_render
        self._emitter, self._clock, self._metrics = emitter, clock, metrics
        self._queue = RenderQueue(self._make, at_once)
        self.progress = 0  # grows with lines about renders, and between them
        self._over = 0  # renders that came to an end
        self._reached: dict[ClipId, float] = {}  # of those under way
        self.failed: list[ClipId] = []

    def want(self, render: Render) -> None:
        """A clip was cut, became final, has other words than before, or is asked for in more formats."""
        self._tell(render, "queued")
        self._queue.put(render)

    def drop(self, clip: ClipId) -> None:
        """A clip was withdrawn."""
        self._queue.drop(clip)

    def drain(self) -> None:
        """Wait for all that was asked for."""
        self._queue.drain()

    def close(self) -> None:
        """End the threads; what is not made by then is made by the next attempt, or by `clipd render`."""
        self._queue.close()

    def abandon(self) -> None:
        """Let go of what waits and runs; `drain` returns soon after."""
        self._queue.abandon()

    @property
    def left(self) -> int:
        """Clips whose finished files are not there yet."""
        return self._queue.left

    @property
    def done(self) -> float:
        """Share of all that was asked for so far, 0 to 1."""
        asked = self._over + self._queue.left
        return (self._over + sum([*self._reached.values()])) / asked if asked else 0.0

    def _make(self, render: Render, cancelled: threading.Event) -> None:
        self._reached[render.clip] = 0.0
        try:
            self._finish(render, cancelled)
        finally:
            del self._reached[render.clip]
            self._over += 1

    def _finish(self, render: Render, cancelled: threading.Event) -> None:
        """Boundary of one render: whatever goes wrong with it, the master is there and the next one is made."""
        if not self._may_render():
            self._failed(render, cancelled, _spent())
            return
        started_ns = self._clock.boottime_ns()
        self._tell(render, "running", progress=0.0)
        try:
            made = self._finisher(render.folder, render.formats, render.style, self._progress(render), cancelled)
        except ClipdError as err:
            self._failed(render, cancelled, err)
            return
        except Exception as err:
            log.exception("render.failed", clip=render.clip)
            remedy = "Its master is there. Please report the log above."
            self._failed(render, cancelled, ClipdError(f"A clip could not be finished: {err!r}", remedy=remedy))
            return
        took_s = (self._clock.boottime_ns() - started_ns) / NS_PER_S
        self._metrics.render_seconds.labels(kind="finished").observe(took_s)
        self._tell(render, "done", progress=1.0, seconds=round(took_s, 3))
        self._done(render, made)

    def _failed(self, render: Render, cancelled: threading.Event, err: ClipdError) -> None:
        if cancelled.is_set() or not render.folder.exists():  # withdrawn, or a newer revision took its place
            self._tell(render, "cancelled")
            return
        self.failed.append(render.clip)
        self._tell(render, "failed", reason=err.code)
        self._emitter.emit("warning", code=err.code, message=err.what, remedy=err.remedy)
        self._refused(render, err)

    def _progress(self, render: Render) -> Callable[[float], None]:
        told = 0.0

        def tell(done: float) -> None:
            nonlocal told
            if done > self._reached[render.clip]:
                self._reached[render.clip] = min(done, 1.0)
                self.progress += 1
            if done - told >= TELL_EVERY:
                told = done
                self._tell(render, "running", progress=round(min(done, 1.0), 2))

        return tell

    def _tell(self, render: Render, state: str, **fields: Any) -> None:
        self.progress += 1
        self._emitter.emit("render", id=render.clip, revision=render.revision, state=state, **fields)


def _spent() -> ClipdError:
    return ClipdError(
        "The workspace has had all its renders of today",
        remedy="The master is there: finish it tomorrow (`clipd render`), or raise renders_a_day.",
        code="quota_renders",
    )
