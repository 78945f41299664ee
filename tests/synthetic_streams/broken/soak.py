"""Does a long watch leak? The real `clipd watch` on a source that restarts again and again, and what its two processes
hold meanwhile: memory, open files, threads.

Speech is off: nobody speaks. All else of a session runs: fetching, ring, journal, sound, pictures, chat, detectors.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any, Final, Literal, NamedTuple

from core.protocols import Clock
from tests.scenario.command import clipd_argv, environment
from tests.synthetic_streams.broken.restarting import RestartingOrigin

LIMIT_S: Final = 60.0  # beyond the stream's own length
MIB_KB: Final = 1024.0
Who = Literal["command", "worker"]
Figure = Literal["rss_kb", "files", "threads"]


class Held(NamedTuple):
    """What a process holds at a stream time: resident memory, open files, threads."""

    at_s: float
    rss_kb: int
    files: int
    threads: int


class Trend(NamedTuple):
    """Least squares over stream time, MiB an hour, with the standard error of the slope."""

    slope: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """One run. `made_s`: media that there was, `captured_s`: media that was kept; `epochs`: how often media time began,
    once and then at each restart; `chat`: what its last line says of the messages."""

    code: int
    restarts: int
    sessions: int
    epochs: int
    made_s: float
    captured_s: float
    chat: dict[str, Any]
    warm_s: float
    held: dict[Who, tuple[Held, ...]]

    def of(self, who: Who) -> list[Held]:
        """Samples after the warm-up."""
        return [held for held in self.held[who] if held.at_s >= self.warm_s]

    def trend(self, who: Who) -> Trend:
        """Of its memory, after the warm-up."""
        return trend([(held.at_s, held.rss_kb / MIB_KB) for held in self.of(who)])

    def grown(self, who: Who, figure: Figure) -> float:
        """Between the first and the last third after the warm-up, medians: one that is open for a moment does not
        count, one that stays open at each restart does."""
        values = [float(getattr(held, figure)) for held in self.of(who)]
        third = len(values) // 3
        return median(values[-third:]) - median(values[:third])


def trend(points: Sequence[tuple[float, float]]) -> Trend:
    """Of (seconds, value) by least squares; per hour."""
    mean_x, mean_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    off = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    return Trend(3600 * slope, 3600 * math.sqrt(off / (len(points) - 2) / spread))


def look(pid: int, at_s: float) -> Held:
    """By /proc. Raises OSError when it is gone."""
    place = Path(f"/proc/{pid}")
    rollup = (place / "smaps_rollup").read_text().splitlines()
    [rss] = [line.split()[1] for line in rollup if line.startswith("Rss:")]
    return Held(at_s, int(rss), len(os.listdir(place / "fd")), len(os.listdir(place / "task")))


async def watch_long(
    segments: tuple[Path, ...], clock: Clock, folder: Path, *, length_s: float, every_s: float, away_s: float,
    warm_s: float, ring_minutes: float,
) -> Soaked:  # fmt: skip
    """Watch from a fresh HOME to the stream's end. `ring_minutes`: shorter than the warm-up, so that the ring lets go
    of as much as it takes in while memory is looked at."""
    held: dict[Who, list[Held]] = {"command": [], "worker": []}
    child: asyncio.subprocess.Process | None = None

    def looked() -> None:
        if child is None or child.returncode is not None:
            return
        worker = _only_child(child.pid)
        if worker is not None:
            held["command"].append(look(child.pid, origin.now_s))
            held["worker"].append(look(worker, origin.now_s))

    async with RestartingOrigin(
        segments, clock, length_s=length_s, every_s=every_s, away_s=away_s, looked=looked
    ) as origin:
        child = await asyncio.create_subprocess_exec(
            *clipd_argv("watch", f"{origin.address}/live.m3u8", "--chat", f"{origin.address}/chat", "--json"),
            *("--data-dir", str(folder / "data")), cwd=folder, env=environment(folder, _ring(ring_minutes)),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(length_s + LIMIT_S):
                lines = await _lines(child)
            code = await child.wait()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        restarts, made_s = origin.restarts, origin.made_s
    last = lines[-1] if lines else {}
    return Soaked(
        code=code,
        restarts=restarts,
        sessions=len(list((folder / "data" / "sessions").iterdir())),
        epochs=1 + sum(line["type"] == "state" and line["reason"].startswith("epoch:") for line in lines),
        made_s=made_s,
        captured_s=float(last.get("media_s", 0.0)),
        chat=dict(last.get("chat") or {}),
        warm_s=warm_s,
        held={who: tuple(found) for who, found in held.items()},
    )


async def _lines(child: asyncio.subprocess.Process) -> list[dict[str, Any]]:
    assert child.stdout is not None
    return [json.loads(raw) async for raw in child.stdout]


def _only_child(pid: int) -> int | None:
    """The worker, once there is one."""
    found = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in _children(task)]
    return found[0] if found else None


def _children(task: Path) -> list[str]:
    try:
        return (task / "children").read_text().split()
    except OSError:
        return []  # the thread has just ended


def _ring(minutes: float) -> dict[str, str]:
    return {"CLIPD_RING__MINUTES": str(minutes)}
