"""Finished files of clips: made while the workspace may have them made, else refused with the reason."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.ids import ClipId, SessionId
from daemon.finish import Finished, Priority, Render, Style
from daemon.worker.emitter import Emitter
from daemon.worker.renders import Renders
from telemetry import Metrics
from tests.fakes import FakeClock


@dataclass
class Finishing:
    """A Finisher that notes for whom it was asked; `half` is waited at halfway."""

    made: list[str]
    formats: tuple[str, ...] = ("small",)
    half: threading.Barrier | None = None

    def __call__(
        self,
        folder: Path,
        formats: tuple[str, ...],
        style: Style,
        progress: Callable[[float], None],
        cancelled: threading.Event,
    ) -> Finished:
        if self.half is not None:
            for hundredth in range(51):
                progress(hundredth / 100)
            self.half.wait(30)
            self.half.wait(30)
        self.made.append(folder.name)
        return Finished(files={}, section={})


def wanted(name: str, parent: Path) -> Render:
    """Of a clip whose folder is there."""
    (parent / name).mkdir()
    return Render(clip=ClipId(name), revision=1, folder=parent / name, formats=(), priority=Priority.FINAL)


def test_a_render_without_quota_is_refused_and_the_next_one_with_it_is_made(tmp_path: Path) -> None:
    """Told with what helps; nothing of it is made, and the clip counts as unfinished."""
    told, may = io.StringIO(), [False, True]
    made: list[str] = []
    refused: list[tuple[str, str]] = []
    clock = FakeClock()

    renders = Renders(
        Finishing(made), lambda *_: None, lambda render, err: refused.append((render.clip, err.code)),
        may_render=lambda: may.pop(0), at_once=1,
        emitter=Emitter(told, SessionId("s-test"), clock), clock=clock, metrics=Metrics(),
    )  # fmt: skip
    for name in ("c1", "c2"):
        renders.want(wanted(name, tmp_path))
        renders.drain()
    renders.close()
    lines = [json.loads(text) for text in told.getvalue().splitlines()]
    states = [(line["id"], line["state"], line.get("reason")) for line in lines if line["type"] == "render"]
    assert states == [
        ("c1", "queued", None), ("c1", "failed", "quota_renders"),
        ("c2", "queued", None), ("c2", "running", None), ("c2", "done", None),
    ]  # fmt: skip
    [warning] = [line for line in lines if line["type"] == "warning"]
    assert (warning["code"], "clipd render" in warning["remedy"]) == ("quota_renders", True)
    assert (made, renders.failed, refused) == (["c2"], ["c1"], [("c1", "quota_renders")])


def test_how_far_all_of_them_are_is_known_while_they_are_made(tmp_path: Path) -> None:
    """One halfway and one waiting are a quarter; every step is progress, though only tenths are told."""
    told, half, clock = io.StringIO(), threading.Barrier(2), FakeClock()
    renders = Renders(
        Finishing([], half=half), lambda *_: None, lambda *_: None, may_render=lambda: True, at_once=1,
        emitter=Emitter(told, SessionId("s-test"), clock), clock=clock, metrics=Metrics(),
    )  # fmt: skip
    assert renders.done == 0
    for name in ("c1", "c2"):
        renders.want(wanted(name, tmp_path))
    half.wait(30)
    lines = len(told.getvalue().splitlines())
    assert lines < 10
    assert (renders.done, renders.progress) == (0.25, 50 + lines)
    half.wait(30)
    half.wait(30)
    assert renders.done == 0.75
    half.wait(30)
    renders.drain()
    renders.close()
    assert renders.done == 1
