"""What every Runtime promises to those who reconcile: processes, containers of a real Docker engine, and the fake one.

Left open by the contract: what a worker may reach, and what an engine does that breaks; those have tests of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core.protocols import Clock
from core.times import NS_PER_S
from supervisor.runtimes.api import Found, Limits, NameTaken, Runtime
from supervisor.runtimes.cgroups import Cgroups
from supervisor.runtimes.docker import DockerRuntime
from supervisor.runtimes.process import ProcessRuntime
from telemetry import SystemClock
from tests.docker_engine import NETWORK, docker_engine
from tests.fake_runtime import FakeRuntime
from tests.fakes import FakeClock
from tests.needs import require_root
from tests.runtimes import SECRET, found, order, program, until

PAUSE_NS = NS_PER_S // 50
MEMORY = 96 << 20  # bytes; an interpreter takes 10 MB of it


@dataclass
class Case:
    """One kind of runtime. `again` is another supervisor's, of the same installation unless told."""

    data: Path
    clock: Clock
    again: Callable[..., Runtime]
    runtime: Runtime

    async def found(self) -> Found | None:
        """The only worker."""
        return await found(self.runtime)

    async def ended(self) -> Found:
        """The same, when it has."""
        last = await until(self.found, lambda now: now is not None and now.life == "exited", self.pause)
        assert last is not None
        return last

    async def said(self) -> None:
        """Wait until the program has read its spec."""
        await until(lambda: self.runtime.logs("w-ann-1"), lambda text: f"read {len(SECRET)}" in text, self.pause)

    async def pause(self) -> None:
        """Of this runtime's clock."""
        await self.clock.sleep(PAUSE_NS)


def processes(data: Path, **how: Any) -> Callable[..., Runtime]:
    groups = Cgroups.here(data.name)
    return lambda installation="here": ProcessRuntime(data / "run", installation, SystemClock(), groups=groups, **how)


def containers(data: Path) -> Callable[..., Runtime]:
    engine = docker_engine()
    return lambda installation="here": DockerRuntime(
        data,
        installation,
        SystemClock(),
        image=engine.image,
        host=engine.host,
        network=NETWORK,
        command=program(engine.python),
    )


@pytest.fixture(params=["fake", "process", "forked", "docker"])
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    """Whatever a test leaves running is killed and forgotten."""
    clock: Clock = SystemClock()
    if request.param == "fake":
        clock = FakeClock()
        again: Callable[..., Runtime] = FakeRuntime(clock).another
    elif request.param == "process":
        again = processes(tmp_path, command=program())
    elif request.param == "forked":
        again = processes(tmp_path, program="tests.worker_stub")
    else:
        require_root()
        again = containers(tmp_path)
    made = Case(tmp_path, clock, again, again())
    try:
        yield made
    finally:
        for each in await made.runtime.list():
            await made.runtime.kill(each.name)
        await until(made.runtime.list, lambda all_: all(each.life == "exited" for each in all_), made.pause)
        for each in await made.runtime.list():
            await made.runtime.remove(each.name)
        await made.runtime.close()
        assert not any(parent.exists() for parent in Cgroups.here(tmp_path.name).parents)


def settled(seen: Found) -> Found:
    """Without what is a matter of clocks: an engine tells starts in wall time."""
    return replace(seen, started_ns=0)


async def test_what_was_started_is_found_with_its_labels(case: Case) -> None:
    """By every supervisor of the installation, and by no other's."""
    began_ns = case.clock.boottime_ns()
    wanted = order("run", case.data)
    await case.runtime.start(wanted)
    await case.said()
    now = await case.found()
    assert now is not None
    assert (now.life, now.labels, now.code, now.oom) == ("running", wanted.labels, None, False)
    assert now.pid is not None
    assert began_ns - NS_PER_S < now.started_ns <= case.clock.boottime_ns() + NS_PER_S
    other = case.again()
    assert [settled(each) for each in await other.list()] == [settled(now)]
    await other.close()
    stranger = case.again("elsewhere")
    assert await stranger.list() == []
    await stranger.close()


async def test_a_name_is_given_once(case: Case) -> None:
    """While it runs and after, until the worker is removed: of two supervisors one is refused."""
    other = case.again()
    tries = [runtime.start(order("exit:0", case.data)) for runtime in (case.runtime, other)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(each) for each in results if each is not None] == [NameTaken]
    await case.ended()
    with pytest.raises(NameTaken):
        await other.start(order("run", case.data))
    await case.runtime.remove("w-ann-1")
    assert await case.found() is None
    await other.start(order("run", case.data))
    await other.close()


@pytest.mark.parametrize("code", [0, 64, 73])
async def test_an_exit_code_is_kept_when_nobody_waits_for_it(case: Case, code: int) -> None:
    """The supervisor that started the worker has gone before it ends."""
    starter = case.again()
    await starter.start(order(f"exit:{code}", case.data))
    await starter.close()
    ended = await case.ended()
    assert (ended.code, ended.oom, ended.pid) == (code, False, None)


async def test_a_stop_lets_the_worker_end_by_itself(case: Case) -> None:
    """SIGTERM comes to the worker; its own code is kept. A second one is no error."""
    await case.runtime.start(order("run", case.data))
    await case.said()
    began_ns = case.clock.boottime_ns()
    await case.runtime.stop("w-ann-1", grace_s=200)
    await case.runtime.stop("w-ann-1", grace_s=200)
    assert case.clock.boottime_ns() - began_ns < 60 * NS_PER_S
    assert (await case.ended()).code == 7


async def test_who_does_not_hear_is_killed_after_the_grace(case: Case) -> None:
    """Though the supervisor that asked has gone; 137 and no talk of memory."""
    await case.runtime.start(order("stubborn", case.data))
    await case.said()
    asker = case.again()
    began_ns = case.clock.boottime_ns()
    await asker.stop("w-ann-1", grace_s=1)
    await asker.close()
    ended = await case.ended()
    assert case.clock.boottime_ns() - began_ns >= NS_PER_S
    assert (ended.code, ended.oom) == (137, False)


async def test_a_kill_is_told_as_137(case: Case) -> None:
    """At once, stubborn or not."""
    await case.runtime.start(order("stubborn", case.data))
    await case.said()
    await case.runtime.kill("w-ann-1")
    ended = await case.ended()
    assert (ended.code, ended.oom) == (137, False)


async def test_who_takes_too_much_memory_is_killed_and_it_is_said_why(case: Case) -> None:
    """`oom` tells it from every other kill."""
    require_root()  # a limit of memory is a cgroup's
    await case.runtime.start(order("hog", case.data, limits=Limits(memory_bytes=MEMORY)))
    ended = await case.ended()
    assert (ended.code, ended.oom) == (137, True), await case.runtime.logs("w-ann-1")


async def test_a_running_worker_is_not_removed(case: Case) -> None:
    """Only exited ones are; and what nobody knows is stopped, killed and removed without an error."""
    await case.runtime.start(order("run", case.data))
    with pytest.raises(ValueError, match="w-ann-1"):
        await case.runtime.remove("w-ann-1")
    await case.runtime.stop("w-bob-1", grace_s=1)
    await case.runtime.kill("w-bob-1")
    await case.runtime.remove("w-bob-1")
    now = await case.found()
    assert now is not None
    assert now.life == "running"


async def test_a_stop_of_who_has_ended_changes_nothing(case: Case) -> None:
    """Nor does a kill."""
    await case.runtime.start(order("exit:69", case.data))
    before = await case.ended()
    await case.runtime.stop("w-ann-1", grace_s=1)
    await case.runtime.kill("w-ann-1")
    after = await case.found()
    assert after is not None
    assert settled(after) == settled(before)


async def test_the_log_is_the_end_of_what_was_said(case: Case) -> None:
    """By lines; of a worker that nobody knows it is empty."""
    await case.runtime.start(order("say:50", case.data))
    await case.said()
    lines = (await case.runtime.logs("w-ann-1", lines=3)).splitlines()
    assert lines == ["line 48", "line 49", f"read {len(SECRET)}"]
    assert await case.runtime.logs("w-bob-1") == ""


@pytest.mark.parametrize("name", ["", "w-", "../w-ann-1", "w-ann/1", "w-a..b-1", "x" * 200])
async def test_a_name_that_is_none_is_refused(case: Case, name: str) -> None:
    """Names become folders and containers."""
    with pytest.raises(ValueError, match="not a worker's name"):
        await case.runtime.start(order("run", case.data, name=name))
    assert await case.runtime.list() == []
