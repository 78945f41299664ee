"""Steps of the wall clock (R12): of supervisors, whose workers' tokens expire by it, and of a worker.

Only the wall clock moves (wallclock.c): that is what NTP, people and daylight saving do.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from core.times import ns
from supervisor.local import worker_command
from tests.chaos.leaders import LONGEST_PAUSE_S
from tests.chaos.site import Site, Told, boottime_ns, until
from tests.chaos.table import Row
from tests.scenario.command import environment
from tests.scenario.worker import spec_for

SOURCE: Final = Path(__file__).with_name("wallclock.c")
STEPS_S: Final = (7200, -7200, 0, 3600, -86_400, 1)  # from the true time


@dataclass(frozen=True)
class WallClock:
    """A clock that processes share, set by a file."""

    file: Path
    library: Path

    @classmethod
    def made(cls, folder: Path) -> WallClock | None:
        """None without a C compiler."""
        compiler = shutil.which("cc")
        if compiler is None:
            return None
        clock = cls(folder / "clock", folder / "wallclock.so")
        built = [compiler, "-O2", "-shared", "-fPIC", "-o", str(clock.library), str(SOURCE)]
        subprocess.run(built, check=True, timeout=60)
        clock.file.write_bytes(bytes(8))
        return clock

    def step(self, seconds: int) -> None:
        """From the true time; seen at once."""
        with self.file.open("r+b") as file:
            file.write(ns(seconds).to_bytes(8, sys.byteorder, signed=True))

    @property
    def environment(self) -> dict[str, str]:
        """Of processes that live by it."""
        return {"LD_PRELOAD": str(self.library), "CHAOS_CLOCK": str(self.file)}


async def of_supervisors(site: Site, clock: WallClock, steps_s: Sequence[int], *, each_s: float) -> Row:
    """The workers keep the true time: theirs and the supervisors' differ by as much."""
    sessions = await site.recording()
    leader, before, began_ns = await site.leader(), site.workers(), boottime_ns()
    for step_s in steps_s:
        clock.step(step_s)
        await asyncio.sleep(each_s)
    restarted = sum(site.workers().get(session) != before[session] for session in sessions.values())
    kept = await site.leader() is leader
    clips = await asyncio.gather(*(site.cut(session) for session in sessions.values()))
    longest = max(site.journal(session).pause_s(began_ns, boottime_ns()) for session in sessions.values())
    return Row(
        id="R12",
        what="wall clock of the supervisors stepped",
        volume=f"{len(steps_s)} steps of -24 h to +2 h, {len(sessions)} workers",
        target="0 workers restarted, same leader, no pause",
        value=f"{restarted} restarted, {'same' if kept else 'another'} leader, longest pause {longest:.1f} s",
        passed=restarted == 0 and kept and longest <= LONGEST_PAUSE_S and all(clips),
        facts={"steps_s": list(steps_s)},
    )


async def of_a_worker(source: str, folder: Path, clock: WallClock, steps_s: Sequence[int], *, each_s: float) -> Row:
    """A worker alone: no hole in its ring, and no name twice."""
    journal = folder / "data" / "sessions" / "s-test" / "session.db"
    child = await _start(source, folder, clock)
    try:

        async def records() -> bool:
            return journal.exists() and len(Told.read(journal).segments) > 1

        await until(records, "a recording")
        began_ns = boottime_ns()
        for step_s in steps_s:
            clock.step(step_s)
            await asyncio.sleep(each_s)
        told, now_ns = Told.read(journal), boottime_ns()
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
    holes, longest = len(told.gaps), told.pause_s(began_ns, now_ns)
    names = [(each.attempt, each.seq) for each in told.segments]
    clashes = len(names) - len(set(names))
    starts = [each.start_ns for each in told.segments]
    backwards = sum(b < a for a, b in pairwise(starts))
    return Row(
        id="R12",
        what="wall clock of a worker stepped",
        volume=f"{len(steps_s)} steps of -24 h to +2 h",
        target="0 holes, 0 names twice, media time only rises",
        value=f"{holes} holes, {clashes} twice, {backwards} backwards, longest pause {longest:.1f} s",
        passed=holes == clashes == backwards == 0 and longest <= LONGEST_PAUSE_S,
        facts={"segments": len(names)},
    )


async def _start(source: str, folder: Path, clock: WallClock) -> asyncio.subprocess.Process:
    spec = spec_for(source, folder / "data", kind="stream", speed=1.0)
    read_fd, write_fd = os.pipe()
    with os.fdopen(write_fd, "w") as pipe:
        pipe.write(spec.to_json())
    try:
        return await asyncio.create_subprocess_exec(
            *worker_command(read_fd),
            stdin=asyncio.subprocess.PIPE,  # its lifeline: it ends with who holds the other end
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(read_fd,),
            start_new_session=True,
            env={**environment(folder), **clock.environment},
        )
    finally:
        os.close(read_fd)
