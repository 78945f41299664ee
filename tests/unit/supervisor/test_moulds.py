"""Workers forked from a mould: what the contract of runtimes leaves open (tests/contract/test_runtime_contract.py)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from supervisor.runtimes.api import RuntimeAway
from supervisor.runtimes.cgroups import Cgroups
from supervisor.runtimes.pids import Process, process
from supervisor.runtimes.process import PROGRAM, ProcessRuntime
from telemetry import SystemClock
from tests.processes import children
from tests.runtimes import found, order, until

CLOCK = SystemClock()


async def pause() -> None:
    await CLOCK.sleep(10_000_000)


def opened(data: Path, program: str = "tests.worker_stub") -> ProcessRuntime:
    return ProcessRuntime(data / "run", "here", CLOCK, program=program, groups=Cgroups((), 1))


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[ProcessRuntime]:
    made = opened(tmp_path)
    yield made
    for each in await made.list():
        await made.kill(each.name)
    await until(made.list, lambda all_: all(each.life == "exited" for each in all_), pause)
    await made.close()


def moulds() -> list[int]:
    """Of this process."""
    return [pid for pid, line in children().items() if b"supervisor.runtimes.mould" in line]


async def gone(one: Process) -> None:
    async def alive() -> bool:
        return one.alive

    await until(alive, lambda lives: not lives, pause)


async def test_a_mould_that_was_killed_is_replaced(runtime: ProcessRuntime, tmp_path: Path) -> None:
    """Its worker runs on; the next start finds another one."""
    await runtime.start(order("run", tmp_path))
    [mould] = moulds()
    was = process(mould)
    assert was is not None
    os.kill(mould, signal.SIGKILL)
    await gone(was)
    await runtime.start(order("run", tmp_path, name="w-ann-2"))
    assert {each.name: each.life for each in await runtime.list()} == {"w-ann-1": "running", "w-ann-2": "running"}
    assert moulds() != [mould]


async def test_a_closed_runtime_leaves_its_workers_and_no_mould(runtime: ProcessRuntime, tmp_path: Path) -> None:
    """The next supervisor finds the worker, and how it ended."""
    first = opened(tmp_path)
    await first.start(order("run", tmp_path))
    await until(lambda: first.logs("w-ann-1"), lambda text: "read" in text, pause)
    await first.close()
    now = await found(runtime)
    assert now is not None
    assert now.life == "running"
    assert len(moulds()) <= 1  # the other runtime's, where it has one by now
    await runtime.stop(now.name, grace_s=20)
    last = await until(lambda: found(runtime), lambda it: it is not None and it.life == "exited", pause)
    assert last is not None
    assert last.code == 7


async def test_a_worker_has_nothing_of_its_mould_s(runtime: ProcessRuntime, tmp_path: Path) -> None:
    """Not its socket, nor its place in a session of processes; and a name to be known by."""
    await runtime.start(order("run", tmp_path))
    await until(lambda: runtime.logs("w-ann-1"), lambda text: "read" in text, pause)
    now = await found(runtime)
    assert now is not None
    assert now.pid is not None
    files = {os.readlink(file) for file in Path(f"/proc/{now.pid}/fd").iterdir()}
    assert not any(name.startswith("socket:") for name in files)
    assert os.getsid(now.pid) == now.pid
    assert Path(f"/proc/{now.pid}/comm").read_text() == "clipd-worker\n"


async def test_a_program_that_cannot_be_read_is_an_engine_that_is_away(tmp_path: Path) -> None:
    """Told to who asked, as any start that fails; the record is settled."""
    runtime = opened(tmp_path, "tests.no_such_module")
    with pytest.raises(RuntimeAway):
        await runtime.start(order("run", tmp_path))
    assert [(each.life, each.code) for each in await runtime.list()] == [("exited", 137)]
    await runtime.close()


def test_the_worker_s_program_can_be_forked(tmp_path: Path) -> None:
    """Once it is read there is one thread, nothing is open and nothing was written: a fork has none of a library's
    threads, and what they held stays held. (OpenBLAS knows how to be forked; here it has one thread too.)"""
    script = (
        f"import json, os, {PROGRAM}\n"
        "files = [f'/proc/self/fd/{each}' for each in range(3, 64)]\n"
        "files = [os.readlink(file) for file in files if os.path.exists(file)]\n"
        "print(json.dumps([len(os.listdir('/proc/self/task')), files]))"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OPENBLAS_NUM_THREADS": "1"}
    said = subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True)
    assert json.loads(said.stdout) == [1, []]
    assert list(tmp_path.rglob("*")) == []
