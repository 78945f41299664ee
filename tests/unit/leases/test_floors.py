"""Floors: what is remembered where a wipe of the lease's store does not reach."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.errors import StorageError
from supervisor.leases.api import StoreAway
from supervisor.leases.floors import SLOT, FloorFile, highest, on_loop

WRITER = """
import sys
from pathlib import Path
from supervisor.leases.floors import FloorFile
floor = FloorFile(Path(sys.argv[1]))
for token in range(int(sys.argv[2]), 2000, 3):
    floor.raise_to(token)
    print(token, flush=True)
"""


def test_a_floor_is_remembered_and_never_falls(tmp_path: Path) -> None:
    """By whoever opens the file next."""
    floor = FloorFile(tmp_path / "floor")
    assert floor.read() == 0
    for token in (1, 7, 3, 200, 64, 199):
        floor.raise_to(token)
    assert FloorFile(tmp_path / "floor").read() == 200


def test_the_file_never_grows(tmp_path: Path) -> None:
    """One block, taken once: a full disk does not keep a successor from leading."""
    floor = FloorFile(tmp_path / "floor")
    size = floor.path.stat().st_size
    for token in range(1, 130):
        floor.raise_to(token)
    assert (floor.path.stat().st_size, floor.path.stat().st_blocks) == (size, 8)
    assert [name.name for name in tmp_path.iterdir()] == ["floor"]


def test_a_torn_or_foreign_slot_costs_only_itself(tmp_path: Path) -> None:
    """300 ways to damage the newest slot: the floor is then the one before, or still the newest, never higher."""
    floor = FloorFile(tmp_path / "floor")
    for token in (40, 41, 42):
        floor.raise_to(token)
    whole, rng = floor.path.read_bytes(), random.Random(3)
    for _ in range(300):
        block = bytearray(whole)
        at = 42 * SLOT + rng.randrange(SLOT)
        block[at : at + rng.randrange(1, 30)] = rng.randbytes(rng.randrange(1, 30))
        floor.path.write_bytes(block)
        assert floor.read() in (41, 42)


def test_a_floor_that_a_killed_writer_said_is_there(tmp_path: Path) -> None:
    """Three processes write at once and are killed at random: every token that one of them printed is remembered."""
    path, rng = tmp_path / "floor", random.Random(9)
    for _ in range(3):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(n)], stdout=subprocess.PIPE)
            for n in (1, 2, 3)
        ]
        assert all(writer.stdout is not None and writer.stdout.readline() for writer in writers)
        threading.Event().wait(rng.uniform(0.0, 0.02))
        for writer in writers:
            writer.kill()
        said = [writer.communicate()[0].split() for writer in writers]
        assert FloorFile(path).read() >= max(int(words[-1]) for words in said if words)


def test_a_floor_that_cannot_be_written_stops_the_candidate(tmp_path: Path) -> None:
    """StoreAway: no token that could be forgotten is ever used."""
    floor = FloorFile(tmp_path / "floor")
    floor.raise_to(5)
    os.remove(floor.path)
    for act in (floor.read, lambda: floor.raise_to(6)):
        with pytest.raises(StoreAway) as away:
            act()
        assert away.value.code == "floor"
    with pytest.raises(StorageError):
        FloorFile(tmp_path / "nowhere" / "floor")


def test_the_highest_floor_counts_and_one_that_is_away_stops_all(tmp_path: Path) -> None:
    """What it would have said may have been the highest."""

    def away() -> int:
        raise StoreAway("floor", "the catalog is away")

    assert highest([lambda: 3, lambda: 9, lambda: 4]) == 9
    assert highest([]) == 0
    with pytest.raises(StoreAway):
        highest([lambda: 3, away])


async def test_the_loop_is_asked_from_the_keeper_s_thread() -> None:
    """A coroutine's floor; one that hangs is away within its limit, and so is one whose loop has ended."""
    loop = asyncio.get_running_loop()

    async def nine() -> int:
        return 9

    async def hangs() -> int:
        await asyncio.Event().wait()
        return 9

    assert await asyncio.to_thread(on_loop(loop, nine, limit_s=30)) == 9
    with pytest.raises(StoreAway):
        await asyncio.to_thread(on_loop(loop, hangs, limit_s=0.05))


def test_a_loop_that_has_ended_or_is_stuck_is_away() -> None:
    """Nobody leads from there."""

    async def nine() -> int:
        return 9

    loop = asyncio.new_event_loop()
    began, gate = threading.Event(), threading.Event()

    def block() -> None:
        began.set()
        gate.wait(60)
        loop.stop()

    loop.call_soon(block)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    assert began.wait(30)
    with pytest.raises(StoreAway):
        on_loop(loop, nine, limit_s=0.05)()
    gate.set()
    thread.join()
    loop.run_until_complete(asyncio.sleep(0.01))  # lets the call that was given up end
    loop.close()
    with pytest.raises(StoreAway):
        on_loop(loop, nine)()
