"""kill -9 of a recording worker at random times: no finished clip is lost or corrupt, the session goes on."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.ids import SessionId
from core.spec import WorkerSpec
from core.times import Ns, ns
from daemon.demo import LiveOrigin, Recipe
from daemon.journal import Journal
from supervisor.local import worker_command
from tests.clocks import FastClock
from tests.publisher import eventually
from tests.scenario.command import environment
from tests.scenario.worker import spec_for

SPEED = 3  # the origin plays this much faster than life
PLANTED = Recipe.from_seed(31)  # two minutes
STREAM = replace(PLANTED, duration_s=1500.0)  # it goes on until the kills are done, however long that takes


async def start(spec: WorkerSpec, home: Path) -> asyncio.subprocess.Process:
    """The worker as its supervisor starts it."""
    read_fd, write_fd = os.pipe()
    with os.fdopen(write_fd, "w") as pipe:
        pipe.write(spec.to_json())
    try:
        return await asyncio.create_subprocess_exec(
            *worker_command(read_fd),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(read_fd,),
            start_new_session=True,
            limit=1 << 22,
            env=environment(home),
        )
    finally:
        os.close(read_fd)


async def lines_of(child: asyncio.subprocess.Process, into: list[dict[str, Any]], recording: asyncio.Event) -> None:
    assert child.stdout is not None
    async for raw in child.stdout:
        into.append(json.loads(raw))
        if into[-1]["type"] == "progress" and into[-1]["captured_s"] > 0:
            recording.set()


@pytest.mark.timeout(400)
async def test_random_kills_lose_no_finished_clip(tmp_path: Path, soak: bool) -> None:
    """Clips said to be finished before a kill are there after it, byte for byte, under the same session."""
    kills_wanted = 40 if soak else 4
    rng = random.Random(5)
    told: list[dict[str, Any]] = []
    kills = 0
    session = tmp_path / "data" / "sessions" / SessionId("s-test")
    async with LiveOrigin(STREAM, FastClock(SPEED)) as origin:
        spec = spec_for(origin.url, tmp_path / "data", kind="stream", speed=1.0, chat=origin.chat_url)
        while True:
            child = await start(spec, tmp_path)
            recording = asyncio.Event()
            reading = asyncio.ensure_future(lines_of(child, told, recording))
            if kills < kills_wanted:
                try:
                    if kills % 2 == 0:  # every other one anywhere, also before the first packet
                        await asyncio.wait_for(recording.wait(), 60)
                    await asyncio.wait_for(child.wait(), rng.uniform(1.5, 4.0))
                except TimeoutError:
                    os.killpg(child.pid, signal.SIGKILL)
                    kills += 1
            else:
                await asyncio.wait_for(recording.wait(), 120)
                await eventually(lambda: origin.now_ns() > ns(PLANTED.duration_s), limit_s=120)
                child.terminate()
            await child.wait()
            await reading
            if child.returncode != -signal.SIGKILL:
                break
            check_finished(told, session, settled=False)
        assert child.returncode in (0, 69), told[-3:]
    check_finished(told, session, settled=True)
    assert kills >= min(kills_wanted, 5)
    check_session(session)


def check_finished(told: list[dict[str, Any]], session: Path, *, settled: bool) -> None:
    """Every clip that was told of is whole: its bytes are those that a recipe of one of its revisions names.

    Between two revisions a kill may find the folder's master one step ahead of its clip.json; `settled` allows no step.
    """
    last = {line["id"]: line for line in told if line["type"] == "clip"}
    for line in last.values():
        if line["state"] == "withdrawn":
            continue
        master = Path(line["files"]["master"])
        recipes = [master.parent / "clip.json"]
        if not settled:
            recipes += (session / "clips" / line["id"]).glob("r*/clip.json")
        said = {json.loads(recipe.read_text())["files"]["master"]["sha256"] for recipe in recipes}
        assert hashlib.sha256(master.read_bytes()).hexdigest() in said


def check_session(folder: Path) -> None:
    """No partial file is left, every journaled segment is on disk, and media time never ran backwards."""
    assert not list(folder.rglob("*.tmp"))
    assert not list(folder.rglob("*.partial"))
    with Journal.open(folder / "session.db") as journal:
        rows = journal.segments()
        for row in rows:
            path = folder / "ring" / row.track / row.name
            assert path.stat().st_size == row.bytes
        starts = [row.start_ns for row in sorted(rows, key=lambda row: (row.attempt, row.seq))]
        assert starts == sorted(starts)
        assert not journal.promised_clips()
        gaps = journal.gaps()
        assert all(Ns(0) <= gap.start_ns < gap.end_ns for gap in gaps)
        assert len({row.attempt for row in rows}) > 1
        ordered = sorted(rows, key=lambda row: (row.attempt, row.seq))
        for before, after in pairwise(
            ordered
        ):  # the playlist may still have what a kill cost; what it has not is named
            if after.start_ns - before.end_ns > ns(0.5):
                middle_ns = (before.end_ns + after.start_ns) // 2
                assert any(gap.start_ns <= middle_ns < gap.end_ns for gap in gaps), (before, after, gaps)
