"""Runs one attempt of the real worker inside the test, with a clock of the test's own."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs import load_settings
from core.ids import SessionId, StreamId
from core.protocols import Clock
from core.spec import WorkerSpec
from daemon.worker.emitter import Emitter
from daemon.worker.run import attempt
from tests.fakes import FakeClock
from tests.scenario.command import MASTERS_ONLY, NO_SPEECH

BREATH_S = 0.005


def spec_for(source: str, folder: Path, **changes: Any) -> WorkerSpec:
    """A spec as `clipd vod` writes it; `env` are settings, by default without speech and finished files."""
    env = {**MASTERS_ONLY, **changes.pop("env", NO_SPEECH)}
    settings = load_settings(profile=changes.pop("profile", "gaming"), data_dir=folder, environment=env)
    fields: dict[str, Any] = {
        "kind": "vod",
        "stream": StreamId("test"),
        "session": SessionId("s-test"),
        "source": source,
        "origin": "cli",
        "data_dir": str(folder),
        "out_dir": str(folder / "out"),
        "speed": None,
        "settings": settings.model_dump(mode="json"),
    }
    return WorkerSpec(**(fields | changes))


class WorkersClock(FakeClock):
    """Virtual time for a worker whose threads decode and render in real time: waiting for them must not spin, which
    takes the interpreter from them."""

    async def sleep(self, duration_ns: int) -> None:
        """As short as the loop can."""
        await super().sleep(duration_ns)
        await asyncio.sleep(BREATH_S)


async def run_attempt(spec: WorkerSpec, clock: Clock | None = None) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and JSON lines."""
    out = io.StringIO()
    the_clock = clock or WorkersClock()
    code = await attempt(spec, the_clock, Emitter(out, spec.session, the_clock))
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


async def run_vod(
    source: Path,
    *,
    folder: Path,
    speed: float | None,
    chat: Path | None = None,
    duration_s: float | None = None,
    env: Mapping[str, str] = NO_SPEECH,
) -> list[dict[str, Any]]:
    """The lines of a run that must succeed."""
    chat_name = str(chat) if chat else None
    spec = spec_for(str(source), folder, speed=speed, chat=chat_name, duration_s=duration_s, env=env)
    code, lines = await run_attempt(spec)
    assert code == 0, [line for line in lines if line["type"] == "error"]
    return lines
