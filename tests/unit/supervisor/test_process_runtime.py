"""Workers as processes: what survives, what dies with whom, and what a record left by a crash means."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.runtimes.api import Found, Limits, RuntimeAway
from supervisor.runtimes.cgroups import Cgroups, remove
from supervisor.runtimes.keeper import LOG_BYTES
from supervisor.runtimes.pids import Process, process, session_of
from supervisor.runtimes.process import KEEPER, START_S, ProcessRuntime
from supervisor.runtimes.records import Record
from telemetry import SystemClock
from tests.needs import require_root
from tests.processes import children
from tests.runtimes import SECRET, found, order, program, until

NAME = "w-ann-1"
NO_CGROUPS = Cgroups((), 1)


class Stage:
    """A run folder, and whom a test has to leave behind dead."""

    def __init__(self, data: Path) -> None:
        self.data, self.clock = data, SystemClock()
        self.record = Record(data / "run" / NAME)
        self.open(NO_CGROUPS)

    def open(self, groups: Cgroups) -> None:
        """The runtime anew."""
        self.groups = groups
        self.runtime = ProcessRuntime(self.data / "run", "here", self.clock, command=program(), groups=groups)

    async def pause(self) -> None:
        await self.clock.sleep(10_000_000)

    async def start(self, does: str, **changes: Any) -> Found:
        """Start and wait until the program has read its spec."""
        await self.runtime.start(order(does, self.data, **changes))
        await until(lambda: self.runtime.logs(NAME), lambda text: "read" in text, self.pause)
        now = await found(self.runtime)
        assert now is not None
        return now

    async def found(self) -> Found | None:
        return await found(self.runtime)

    async def ended(self) -> Found:
        last = await until(self.found, lambda now: now is not None and now.life == "exited", self.pause)
        assert last is not None
        return last

    async def gone(self, processes: list[Process]) -> None:
        """Wait until none of them lives."""

        async def left() -> list[Process]:
            return [each for each in processes if each.alive]

        await until(left, lambda living: not living, self.pause)

    def keeper(self) -> Process:
        kept = self.record.kept()
        assert kept is not None
        return kept.keeper

    async def family(self, count: int) -> list[Process]:
        """The keeper, the worker and what it has started, once there are so many."""

        async def living() -> list[Process]:
            pids = [self.keeper().pid, *children(self.keeper().pid)]
            return [each for each in map(process, pids) if each is not None]

        return await until(living, lambda all_: len(all_) == count, self.pause)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path)
    yield made
    for each in await made.runtime.list():
        await made.runtime.kill(each.name)
    await made.runtime.close()


async def test_a_worker_outlives_the_supervisor_that_started_it(stage: Stage) -> None:
    """kill -9 of a real one, of its whole process group: the next finds the worker, stops it and reads its code."""
    script = f"""
import asyncio, os, signal
from pathlib import Path
from supervisor.runtimes.cgroups import Cgroups
from supervisor.runtimes.process import ProcessRuntime
from telemetry import SystemClock
from tests.runtimes import order, program
folder, groups = Path({str(stage.data / "run")!r}), Cgroups((), 1)
runtime = ProcessRuntime(folder, "here", SystemClock(), command=program(), groups=groups)
asyncio.run(runtime.start(order("run", Path({str(stage.data)!r}))))
os.killpg(0, signal.SIGKILL)
"""
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", script, start_new_session=True)
    assert await starter.wait() == -signal.SIGKILL
    await until(lambda: stage.runtime.logs(NAME), lambda text: "read" in text, stage.pause)
    now = await stage.found()
    assert now is not None
    assert now.life == "running"
    await stage.runtime.stop(NAME, grace_s=20)
    assert (await stage.ended()).code == 7


async def test_a_worker_of_a_real_time_supervisor_is_an_ordinary_process(stage: Stage) -> None:
    """Under `chrt`, say: the kernel lets no real-time process into a cgroup that was given no time of that kind."""
    require_root()
    groups = Cgroups.here("test-real-time")
    stage.open(groups)
    script = f"""
import asyncio, os
from pathlib import Path
from supervisor.runtimes.cgroups import Cgroups
from supervisor.runtimes.process import ProcessRuntime
from telemetry import SystemClock
from tests.runtimes import order, program
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
folder, groups = Path({str(stage.data / "run")!r}), Cgroups.here("test-real-time")
runtime = ProcessRuntime(folder, "here", SystemClock(), command=program(), groups=groups)
asyncio.run(runtime.start(order("run", Path({str(stage.data)!r}))))
"""
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    assert await starter.wait() == 0
    await until(lambda: stage.runtime.logs(NAME), lambda text: "read" in text, stage.pause)
    now = await stage.found()
    assert now is not None
    assert now.pid is not None
    assert os.sched_getscheduler(now.pid) == os.SCHED_OTHER
    assert all(str(now.pid) in (each / NAME / "cgroup.procs").read_text().split() for each in groups.parents)
    await stage.runtime.kill(NAME)
    assert (await stage.ended()).code == 137
    await stage.runtime.remove(NAME)


def test_a_cgroup_that_refuses_is_asked_again(tmp_path: Path) -> None:
    """It does for a moment, now and then. A real-time process is refused for good, and so for as long as it is one."""
    require_root()
    groups = Cgroups.here(tmp_path.name)
    made = groups.make("one", Limits())
    script = f"""
import os
from supervisor.runtimes import keeper
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
waited = []
def pause(seconds):
    waited.append(seconds)
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
keeper.time.sleep = pause
for path in {[str(each) for each in made]!r}:
    keeper.join(path)
    assert str(os.getpid()) in open(path + "/cgroup.procs").read().split()
print(len(waited))
"""
    try:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    finally:
        remove(made)
    assert done.stdout.split() in (["1"], ["0"])  # 0 where the kernel has no such rule


@pytest.mark.parametrize("how", ["killed", "stopped", "by hand"])
async def test_nothing_a_worker_started_outlives_it(stage: Stage, how: str) -> None:
    """Children in its session and in sessions of their own, after a kill, a stop, and a kill -9 from outside."""
    now = await stage.start("children")
    family = await stage.family(4)  # keeper, worker, two children
    assert len({os.getsid(each.pid) for each in family}) == 3  # the keeper's, the worker's, the one that went away
    if how == "killed":
        await stage.runtime.kill(NAME)
    elif how == "stopped":
        await stage.runtime.stop(NAME, grace_s=20)
    else:
        assert now.pid is not None
        os.kill(now.pid, signal.SIGKILL)
    ended = await stage.ended()
    assert ended.code == (7 if how == "stopped" else 137)
    await stage.gone(family)


@pytest.mark.parametrize("grouped", [False, True])
async def test_a_worker_without_its_keeper_is_killed_and_told(stage: Stage, grouped: bool) -> None:
    """The kernel kills it; whoever lists next ends what is left of its session, and of its cgroup, and tells 137.

    Without a cgroup nothing names a process that has made a session of its own when its keeper is gone too.
    """
    if grouped:
        require_root()
        stage.open(Cgroups.here("test-keeper"))
    away = []
    try:
        await stage.start("children")
        family = await stage.family(4)
        worker = await stage.found()
        assert worker is not None
        away = [each for each in family if os.getsid(each.pid) == each.pid and each.pid != worker.pid]
        away.remove(stage.keeper())
        stage.keeper().send(signal.SIGKILL)
        assert (await stage.ended()).code == 137
        await stage.gone([each for each in family if grouped or each not in away])
    finally:
        for each in away:
            each.send(signal.SIGKILL)
        await stage.runtime.remove(NAME)
        assert not any(parent.exists() for parent in stage.groups.parents)


async def test_a_stopped_worker_is_killed_after_the_grace(stage: Stage) -> None:
    """SIGSTOP of keeper and worker: neither hears SIGTERM."""
    now = await stage.start("run")
    assert now.pid is not None
    for pid in (now.pid, stage.keeper().pid):
        os.kill(pid, signal.SIGSTOP)
    await stage.runtime.stop(NAME, grace_s=0.3)
    assert (await stage.ended()).code == 137


async def test_the_spec_is_seen_nowhere(stage: Stage) -> None:
    """Not in argv, not in the environment, not in any file of ours; and the environment is a few names."""
    now = await stage.start("run")
    assert now.pid is not None
    for pid in (now.pid, stage.keeper().pid):
        for name in ("cmdline", "environ"):
            assert SECRET.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()
    for path in stage.record.folder.iterdir():
        assert SECRET.encode() not in path.read_bytes(), path.name
    names = {entry.partition(b"=")[0] for entry in Path(f"/proc/{now.pid}/environ").read_bytes().split(b"\0") if entry}
    kept = {b"PATH", b"HOME", b"LANG", b"LC_ALL", b"TZ", b"TMPDIR", b"SSL_CERT_FILE", b"SSL_CERT_DIR"}
    assert names <= kept | {b"CUDA_VISIBLE_DEVICES"}


async def test_a_worker_starts_with_its_limits(stage: Stage) -> None:
    """Open files, no core, no new privileges, first for the kernel to take; no file of ours stays open in it."""
    now = await stage.start("run", limits=Limits(files=200))
    status = Path(f"/proc/{now.pid}/status").read_text()
    limits = {line[:26].strip(): line[26:].split() for line in Path(f"/proc/{now.pid}/limits").read_text().splitlines()}
    assert limits["Max open files"][:2] == ["200", "200"]
    assert limits["Max core file size"][:2] == ["0", "0"]
    assert "NoNewPrivs:\t1" in status
    assert Path(f"/proc/{now.pid}/oom_score_adj").read_text().strip() == "300"
    assert sorted(os.listdir(f"/proc/{now.pid}/fd")) == ["0", "1", "2"]


async def test_a_worker_that_talks_without_end_fills_two_small_files(stage: Stage) -> None:
    """And is never made to wait: it goes on to its end."""
    lines = 600_000
    await stage.runtime.start(order(f"say:{lines}", stage.data))
    await until(lambda: stage.runtime.logs(NAME, lines=1), lambda text: "read" in text, stage.pause)
    kept = [path.stat().st_size for path in stage.record.folder.glob("log*")]
    assert len(kept) == 2
    assert sum(kept) <= 2 * LOG_BYTES
    assert (await stage.runtime.logs(NAME, lines=2)).splitlines()[0] == f"line {lines - 1}"


def left_behind(stage: Stage, **changes: Any) -> None:
    """A record as a supervisor leaves it that dies between the intent and the start."""
    stage.record.folder.parent.mkdir(parents=True)
    document = {
        "labels": {"installation": "here"},
        "files": 64,
        "cgroups": [],
        "environment": {},
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "made_ns": stage.clock.boottime_ns(),
    }
    Record.make(stage.record.folder, document | changes)


async def test_an_intent_without_a_start_is_unknown_first_and_given_up_later(stage: Stage) -> None:
    """A keeper that comes up after that finds its place taken and starts nothing."""
    left_behind(stage)
    now = await stage.found()
    assert now is not None
    assert now.life == "unknown"
    old_ns = stage.clock.boottime_ns() - int(3 * START_S * 1e9)
    stage.record.remove()
    stage.record.folder.parent.rmdir()
    left_behind(stage, made_ns=old_ns)
    assert (await stage.ended()).code == 137
    marker = stage.data / "marker"
    command = [sys.executable, "-I", "-S", str(KEEPER), str(stage.record.folder), "/usr/bin/touch", str(marker)]
    late = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    assert await late.wait() == 1
    assert not marker.exists()


async def test_a_record_of_an_earlier_boot_is_of_a_dead_worker(stage: Stage) -> None:
    """Whoever has its pid now is somebody else."""
    left_behind(stage, boot="another")
    me = process(os.getpid())
    assert me is not None
    claim = {"keeper": [me.pid, me.start], "worker": [me.pid, me.start], "pid_ns": os.stat("/proc/self/ns/pid").st_ino}
    (stage.record.folder / "keeper.json").write_text(json.dumps(claim))
    ended = await stage.ended()
    assert ended.code == 137
    await stage.runtime.kill(NAME)  # would be our own end


async def test_a_pid_that_was_given_again_is_not_signalled(stage: Stage) -> None:
    """The start time tells the two apart; and its session is not ours either."""
    bystander = await asyncio.create_subprocess_exec("/bin/sleep", "1000", start_new_session=True)
    try:
        now = process(bystander.pid)
        assert now is not None
        before = Process(now.pid, now.start - 1)
        assert not before.send(signal.SIGKILL)
        assert session_of(before) == []
        left_behind(stage)
        claim = {"keeper": [1, 1], "worker": [before.pid, before.start], "pid_ns": os.stat("/proc/self/ns/pid").st_ino}
        (stage.record.folder / "keeper.json").write_text(json.dumps(claim))
        assert (await stage.ended()).code == 137
        assert bystander.returncode is None
        assert now.alive
    finally:
        bystander.kill()
        await bystander.wait()


async def test_a_record_that_cannot_be_read_is_of_a_worker_that_is_unknown(stage: Stage) -> None:
    """It has not said that it is gone; the others are told as ever."""
    await stage.start("run")
    broken = stage.record.folder.with_name("w-bob-1")
    broken.mkdir()
    (broken / "order.json").write_text("{")
    lives = {each.name: each.life for each in await stage.runtime.list()}
    assert lives == {NAME: "running", "w-bob-1": "unknown"}
    with pytest.raises(ValueError, match="unknown"):
        await stage.runtime.remove("w-bob-1")


async def test_a_folder_that_cannot_be_written_is_an_engine_that_is_away(tmp_path: Path) -> None:
    """Nothing was started, and the reason is told."""
    (tmp_path / "run").write_text("a file")
    runtime = ProcessRuntime(tmp_path / "run", "here", SystemClock(), command=program(), groups=NO_CGROUPS)
    with pytest.raises(RuntimeAway):
        await runtime.start(order("run", tmp_path))
    with pytest.raises(RuntimeAway):
        await runtime.list()
    await runtime.close()


async def test_many_starts_at_once_are_all_found(stage: Stage) -> None:
    """Each with its own keeper; no zombie is left with us."""
    names = [f"w-ann-{number}" for number in range(1, 9)]
    await asyncio.gather(*(stage.runtime.start(order("run", stage.data, name=name)) for name in names))
    listed = await until(stage.runtime.list, lambda all_: all(each.life == "running" for each in all_), stage.pause)
    assert [each.name for each in listed] == names
    assert children() == {}
