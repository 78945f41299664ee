"""House rules for every test: a soak option, no skip that is not listed, no thread, task or child left behind."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from tests.needs import AllowedSkip, allowed_skips

GRACE_S: Final = 20  # what a thread that was told to end may take on a busy machine


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--soak`: the long form of tests that have one."""
    parser.addoption("--soak", action="store_true", help="Run the long form of tests that have one.")


def pytest_configure(config: pytest.Config) -> None:
    """Watch skips from the first collected file on. A machine that stands still falsifies no property: they have no
    time of their own, which would be a fifth of a second an example."""
    settings.register_profile("clipd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("clipd")
    config.pluginmanager.register(SkipWatch(allowed_skips()), "skip-watch")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked `soak` has no short form: it runs in `make soak` only."""
    if not config.getoption("--soak"):
        long = [item for item in items if item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session")
def soak(pytestconfig: pytest.Config) -> bool:
    """Whether there is time for the long form."""
    return bool(pytestconfig.getoption("--soak"))


class SkipWatch:
    """Fails a session that skipped what it should have run."""

    def __init__(self, allowed: list[AllowedSkip]) -> None:
        self._allowed = allowed
        self.refused: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test, or its set-up, was skipped."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self._judge(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A whole file was skipped."""
        if report.skipped:
            self._judge(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Exit code 1, as for a failed test."""
        if self.refused and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which, and why they count."""
        if self.refused:
            terminalreporter.section("skips that tests/skips.toml does not allow here", red=True)
            for test, reason in self.refused:
                terminalreporter.line(f"{test}: {reason}")

    def _judge(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        place = report.longrepr
        reason = str(place[2] if isinstance(place, tuple) else place).removeprefix("Skipped: ")
        if not any(skip.covers(report.nodeid, reason) for skip in self._allowed):
            self.refused.append((report.nodeid, reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Remember which threads and children the test itself started."""
    threads, children = set(threading.enumerate()), _children()
    try:
        yield
    finally:
        item.stash[_STARTED] = (
            [thread for thread in threading.enumerate() if thread not in threads],
            _children() - children,
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Once its fixtures and its event loop are gone, what the test started has to be gone too."""
    yield
    threads, children = item.stash.get(_STARTED, ([], set()))
    for thread in threads:
        thread.join(GRACE_S)
    left = [thread.name for thread in threads if thread.is_alive()]
    left += [f"process {_command(pid)}" for pid in children & _children()]
    assert not left, f"left behind by {item.name}: {', '.join(left)}"


@pytest.fixture(autouse=True)
def _no_task_left(request: pytest.FixtureRequest) -> None:
    """For tests that are coroutines: every task they started has ended."""
    if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        request.getfixturevalue("_watch_tasks")


@pytest.fixture
async def _watch_tasks() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    me = asyncio.current_task()
    started = [task for task in asyncio.all_tasks() - before if task is not me]
    if started:  # one that was cancelled ends within a few turns of the loop, and once a child was waited for
        await asyncio.wait(started, timeout=GRACE_S)
    left = [task.get_name() for task in started if not task.done()]
    assert not left, f"tasks left behind: {', '.join(left)}"


_STARTED = pytest.StashKey[tuple[list[threading.Thread], set[int]]]()


def _children() -> set[int]:
    """Processes that this one started and that have not been waited for."""
    tasks = Path(f"/proc/{os.getpid()}/task")
    found: set[int] = set()
    for task in tasks.iterdir():
        try:
            found.update(int(pid) for pid in (task / "children").read_text().split())
        except OSError:
            continue  # the thread has just ended
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip() or str(
            pid
        )
    except OSError:
        return str(pid)
