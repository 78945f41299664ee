"""Who watches a broken stream: the real `clipd watch`, and the streamlink command that writes to a file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import av

from core.errors import UsageError
from core.protocols import Clock
from core.times import ns
from daemon.worker.control import command
from tests.scenario.command import clipd_argv, environment
from tests.synthetic_streams.broken.media import FPS, Shelf
from tests.synthetic_streams.broken.origin import BrokenOrigin
from tests.synthetic_streams.broken.scripts import LENGTH_S, Script

LIMIT_S = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a viewer got. Seconds: `made_s` could be had, `kept_s` was recorded, `ledger_s` is accounted for by gaps,
    `frozen_s` the longest that nothing came while it said `live`, `back_s` from a fault's end to new media."""

    made_s: float
    kept_s: float
    code: int
    ended: str = ""
    ledger_s: float = 0.0
    reasons: tuple[str, ...] = ()
    sessions: int = 1
    epochs: int = 1
    frozen_s: float = 0.0
    back_s: float | None = None

    @property
    def lost_s(self) -> float:
        """Not recorded of what was made."""
        return self.made_s - self.kept_s


class _Answer(NamedTuple):
    """Stream time at which it was asked, and what the session said of itself then."""

    at_s: float
    state: str
    captured_s: float


async def with_clipd(script: Script, shelf: Shelf, clock: Clock, folder: Path) -> Outcome:
    """Watch to the end with a fresh HOME; speech is off, since nobody speaks."""
    folder.mkdir(parents=True)
    async with BrokenOrigin(script, shelf, clock) as origin:
        child = await asyncio.create_subprocess_exec(
            *clipd_argv("watch", origin.url, "--json", "--data-dir", str(folder / "data")),
            env=environment(folder), cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert child.stdout is not None
        lines: list[dict[str, Any]] = []
        asking = asyncio.create_task(_ask(folder / "data" / "sessions", origin, clock))
        try:
            async with asyncio.timeout(LIMIT_S):
                async for raw in child.stdout:
                    lines.append(json.loads(raw))
        except TimeoutError:
            child.kill()
        code = await child.wait()
        asking.cancel()
        answers = await asking
        sessions = sorted((folder / "data" / "sessions").iterdir())
        ring = [file for session in sessions for file in sorted((session / "ring" / "main").glob("*.ts"))]
        gaps = [line for line in lines if line["type"] == "gap"]
        states = [line for line in lines if line["type"] == "state"]
        return Outcome(
            made_s=origin.made_s(),
            kept_s=await asyncio.to_thread(_seconds, ring),
            code=code,
            ended=next((line["reason"] for line in states if line["state"] == "ended"), ""),
            ledger_s=_covered(sorted((gap["start_s"], gap["end_s"]) for gap in gaps)),
            reasons=tuple(sorted({gap["reason"] for gap in gaps})),
            sessions=len(sessions),
            epochs=1 + sum(line["reason"].startswith("epoch:") for line in states),
            frozen_s=_frozen(answers),
            back_s=_back(answers, script),
        )


async def with_streamlink(script: Script, shelf: Shelf, clock: Clock, folder: Path) -> Outcome:
    """The plain command, its defaults, into one file."""
    folder.mkdir(parents=True)
    async with BrokenOrigin(script, shelf, clock) as origin:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "streamlink", "--no-config", "-o", str(folder / "out.ts"), f"hls://{origin.url}",
            "best", cwd=folder, env={"HOME": str(folder), "PATH": os.environ["PATH"]},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(LIMIT_S):
                code = await child.wait()
        except TimeoutError:
            child.kill()
            code = await child.wait()
        kept_s = await asyncio.to_thread(_seconds, [folder / "out.ts"])
        return Outcome(made_s=origin.made_s(), kept_s=kept_s, code=code)


def _seconds(files: Iterable[Path]) -> float:
    """Length of the pictures in these files, by counting them up to where a file cannot be read any more."""
    frames = 0
    for file in files:
        if file.exists() and file.stat().st_size:
            with contextlib.suppress(av.FFmpegError), av.open(str(file), format="mpegts") as container:
                for packet in container.demux(container.streams.video[0]):
                    frames += packet.pts is not None
    return frames / FPS


def _covered(spans: list[tuple[float, float]]) -> float:
    """Length of what sorted spans cover together: a hole may be told for picture and for sound."""
    total, reached = 0.0, 0.0
    for start, end in spans:
        total += max(end - max(start, reached), 0.0)
        reached = max(reached, end)
    return total


async def _ask(sessions: Path, origin: BrokenOrigin, clock: Clock) -> list[_Answer]:
    """The session's own status, twice a second, until cancelled."""
    answers: list[_Answer] = []
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await clock.sleep(ns(0.5))
            for socket in sessions.glob("*/control.sock"):
                at_s = origin.now_s
                with contextlib.suppress(UsageError):
                    status = await command(socket, {"command": "status"})
                    if status:  # empty when it ends while it is asked
                        answers.append(_Answer(at_s, status["state"], status["captured_s"]))
    return answers


def _frozen(answers: list[_Answer]) -> float:
    """The longest stretch in which the session called itself live and no media came."""
    worst, since, captured = 0.0, None, 0.0
    for answer in answers:
        if since is None or answer.captured_s > captured or answer.state != "live":
            captured, since = answer.captured_s, answer.at_s
        worst = max(worst, answer.at_s - since)
    return worst


def _back(answers: list[_Answer], script: Script) -> float | None:
    """From the end of the fault, where it has one, to the first new media."""
    ends = [fault.end_s for fault in script.faults if fault.end_s < LENGTH_S]
    ends += [script.away[1]] if script.away else []
    if not ends:
        return None
    before = max((answer.captured_s for answer in answers if answer.at_s <= max(ends)), default=0.0)
    after = (answer.at_s for answer in answers if answer.captured_s > before)
    return max(next(after, float("inf")) - max(ends), 0.0)
