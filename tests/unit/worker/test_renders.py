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
    """A Finisher that notes for whom it was asked."""

    made: list[str]
    formats: tuple[str, ...] = ("small",)

    def __call__(
        self,
        folder: Path,
        formats: tuple[str, ...],
        style: Style,
        progress: Callable[[float], None],
        cancelled: threading.Event,
    ) -> Finished:
        self.made.append(folder.name)
        return Finished(files={}, section={})


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
        (tmp_path / name).mkdir()
        renders.want(Render(clip=ClipId(name), revision=1, folder=tmp_path / name, formats=(), priority=Priority.FINAL))
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
