"""The in-process supervisor of `demo`, `watch` and `vod`: one child process per stream, restarted from outside.

The child parses hostile media, so a crash of a decoder costs one attempt and not the session. Its stdin is a lifeline:
when this process dies, even by kill -9, the child reads end-of-file and drains.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.errors import EXIT_INTERRUPTED, EXIT_OK
from core.protocols import Clock
from core.spec import WorkerSpec
from core.times import NS_PER_S, ns

OnLine = Callable[[dict[str, Any]], None]

# Worker exit codes that another attempt would only repeat (reliability.md section 3, item 20), and what we return
FINAL_CODES: Final[Mapping[int, int]] = {64: 2, 69: 3, 71: 70, 73: 5}
KEPT_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
MAX_LINE: Final = 1 << 22  # bytes; a longer line from a worker is a bug of ours


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """`limit` restarts within `window_ns`, then the stream is given up; the wait doubles from `first_wait_ns`.

    Figures: reliability.md section 2, row 20 (2 s doubling, 8 in 30 min). A VOD is the same bytes again: one retry.
    """

    limit: int = 8
    window_ns: int = ns(1800)
    first_wait_ns: int = ns(2)
    max_wait_ns: int = ns(300)

    @classmethod
    def for_kind(cls, kind: str) -> RestartPolicy:
        """What suits a stream or a VOD."""
        return cls() if kind == "stream" else cls(limit=1, first_wait_ns=ns(1))


class Stopper:
    """Ctrl-C: the first asks for a clean drain, the second kills. Safe to call from a signal handler of the loop."""

    def __init__(self) -> None:
        self.asked = 0
        self._children: set[asyncio.subprocess.Process] = set()
        self._event = asyncio.Event()

    def ask(self) -> None:
        """One more request to stop."""
        self.asked += 1
        self._event.set()
        for child in self._children:
            self._signal(child)

    def adopt(self, child: asyncio.subprocess.Process) -> None:
        """A child that has to hear of requests, earlier ones too."""
        self._children.add(child)
        if self.asked:
            self._signal(child)

    def forget(self, child: asyncio.subprocess.Process) -> None:
        """It ended."""
        self._children.discard(child)

    async def wait(self) -> None:
        """Return when a stop has been asked for."""
        await self._event.wait()

    def _signal(self, child: asyncio.subprocess.Process) -> None:
        if child.returncode is not None:
            return
        if self.asked == 1:
            child.send_signal(signal.SIGTERM)
        else:
            os.killpg(child.pid, signal.SIGKILL)  # it leads a session of its own: what it started goes with it


async def run_worker(spec: WorkerSpec, *, on_line: OnLine, stopper: Stopper, clock: Clock) -> int:
    """Run one stream's worker until it is done; returns the command's exit code (DESIGN.md section 4)."""
    policy = RestartPolicy.for_kind(spec.kind)
    restarts: deque[int] = deque()
    while True:
        said = _Said(on_line)
        code = await _attempt(spec, said, stopper)
        if stopper.asked:
            return EXIT_INTERRUPTED
        if code == EXIT_OK or code in FINAL_CODES:
            return said.exit_code or FINAL_CODES.get(code, EXIT_OK)
        now = clock.boottime_ns()
        while restarts and now - restarts[0] > policy.window_ns:
            restarts.popleft()
        if len(restarts) >= policy.limit:
            on_line(_gave_up(spec, code, len(restarts)))
            return said.exit_code or 70
        restarts.append(now)
        wait_ns = min(policy.first_wait_ns * 2 ** (len(restarts) - 1), policy.max_wait_ns)
        on_line(_restarting(spec, code, wait_ns))
        await sleep_or_stop(clock, wait_ns, stopper)
        if stopper.asked:
            return EXIT_INTERRUPTED


class _Said:
    """Remembers the exit code of the last `error` line, which knows better than the process's code what to return."""

    def __init__(self, on_line: OnLine) -> None:
        self._on_line = on_line
        self.exit_code = 0

    def __call__(self, line: dict[str, Any]) -> None:
        if line.get("type") == "error":
            self.exit_code = int(line.get("exit", 70))
        self._on_line(line)


async def _attempt(spec: WorkerSpec, on_line: OnLine, stopper: Stopper) -> int:
    read_fd, write_fd = os.pipe()
    try:
        with os.fdopen(write_fd, "w") as pipe:
            pipe.write(spec.to_json())  # fits a pipe's 64 KiB: settings are a few KiB and URLs are capped
        child = await asyncio.create_subprocess_exec(
            *worker_command(read_fd),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(read_fd,),
            start_new_session=True,
            limit=MAX_LINE,
            env={name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ},
        )
    finally:
        os.close(read_fd)
    stopper.adopt(child)
    try:
        await _read_lines(child, on_line)
        return await child.wait()
    finally:
        stopper.forget(child)
        if child.returncode is None:
            child.kill()
            await child.wait()


def worker_command(spec_fd: int) -> list[str]:
    """The worker's command line. `-P`: a folder named like one of our rooms where the user stands is not imported."""
    return [sys.executable, "-P", "-m", "daemon.cli.main", "worker", "--spec", str(spec_fd)]


async def _read_lines(child: asyncio.subprocess.Process, on_line: OnLine) -> None:
    assert child.stdout is not None
    async for raw in child.stdout:
        try:
            line = json.loads(raw)
        except ValueError:
            continue  # a library printed to stdout; not ours
        if isinstance(line, dict) and "type" in line:
            on_line(line)


async def sleep_or_stop(clock: Clock, wait_ns: int, stopper: Stopper) -> None:
    """Wait, but no longer than until a stop is asked for."""
    sleeping = asyncio.ensure_future(clock.sleep(wait_ns))
    stopping = asyncio.ensure_future(stopper.wait())
    _, left = await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _restarting(spec: WorkerSpec, code: int, wait_ns: int) -> dict[str, Any]:
    return {
        "type": "warning",
        "session": spec.session,
        "code": "worker_restarted",
        "message": f"The worker {_how(code)}; the session goes on with a new attempt in {wait_ns // NS_PER_S} s",
        "remedy": "Nothing to do. If it happens often, the log above names the cause.",
    }


def _gave_up(spec: WorkerSpec, code: int, restarts: int) -> dict[str, Any]:
    return {
        "type": "error",
        "session": spec.session,
        "code": "worker_crash_loop",
        "message": f"The worker {_how(code)}, {restarts} restarts did not help",
        "remedy": "What was recorded and cut is kept. Please report the log above with the source's kind.",
        "exit": 70,
    }


def _how(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"
