"""The in-process supervisor with real child processes: restarts, exit codes, Ctrl-C."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from core.ids import SessionId, StreamId
from core.spec import WorkerSpec
from supervisor import local

SPEC = WorkerSpec(
    kind="stream",
    stream=StreamId("x"),
    session=SessionId("s1"),
    source="/x.mp4",
    origin="cli",
    data_dir="/tmp",
)


class InstantClock:
    """Back-offs pass at once; what was slept is remembered."""

    def __init__(self) -> None:
        self.slept_ns: list[int] = []

    def boottime_ns(self) -> int:
        return sum(self.slept_ns)

    def wall_ns(self) -> int:
        return self.boottime_ns()

    async def sleep(self, duration_ns: int) -> None:
        self.slept_ns.append(duration_ns)


def child(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let workers be a small Python program; it finds its spec on the descriptor in argv[1]."""
    monkeypatch.setattr(local, "worker_command", lambda fd: [sys.executable, "-c", code, str(fd)])


async def run(clock: InstantClock, lines: list[dict[str, Any]], spec: WorkerSpec = SPEC) -> int:
    return await local.run_worker(spec, on_line=lines.append, stopper=local.Stopper(), clock=clock)


async def test_a_worker_gets_its_spec_and_its_lines_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text that is no JSON object is a library talking and is ignored."""
    child(
        monkeypatch, "import os,sys; print('noise'); print(os.fdopen(int(sys.argv[1])).read().replace('spec', 'type'))"
    )
    lines: list[dict[str, Any]] = []
    assert await run(InstantClock(), lines) == 0
    assert lines[0]["session"] == "s1"


async def test_a_crashed_worker_is_started_again_and_the_session_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Killed by the kernel once, done the second time: the command succeeds and says what happened."""
    flag = tmp_path / "crashed"
    child(
        monkeypatch,
        f"import os,pathlib,signal; p=pathlib.Path({str(flag)!r})\n"
        "if not p.exists(): p.touch(); os.kill(os.getpid(), signal.SIGKILL)",
    )
    lines: list[dict[str, Any]] = []
    clock = InstantClock()
    assert await run(clock, lines) == 0
    assert [line["code"] for line in lines] == ["worker_restarted"]
    assert "SIGKILL" in lines[0]["message"]
    assert len(clock.slept_ns) == 1


async def test_a_crash_loop_ends_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits double, then the stream is given up with code 70."""
    child(monkeypatch, "import sys; sys.exit(70)")
    lines: list[dict[str, Any]] = []
    clock = InstantClock()
    assert await run(clock, lines) == 70
    assert lines[-1]["code"] == "worker_crash_loop"
    assert clock.slept_ns == [2_000_000_000 * 2**n for n in range(8)][: len(clock.slept_ns)]


@pytest.mark.parametrize(("code", "expected"), [(64, 3), (69, 3), (73, 5)])
async def test_bad_input_and_a_full_disk_are_not_retried(
    monkeypatch: pytest.MonkeyPatch, code: int, expected: int
) -> None:
    """Another attempt would only repeat it; the exit code is the one the worker's last error named."""
    said = json.dumps({"type": "error", "exit": expected})
    child(monkeypatch, f"import sys; print({said!r}); sys.exit({code})")
    clock = InstantClock()
    assert await run(clock, []) == expected
    assert clock.slept_ns == []


async def test_the_first_stop_drains_and_the_second_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that ignores the drain is killed by the second Ctrl-C; both end with 130."""
    child(
        monkeypatch,
        "import os, signal\n"
        'signal.signal(signal.SIGTERM, lambda *_: os.write(1, b\'{"type": "draining"}\\n\'))\n'
        'os.write(1, b\'{"type": "ready"}\\n\')\n'
        "while True: signal.pause()",
    )
    stopper = local.Stopper()
    seen: list[str] = []

    def on_line(line: dict[str, Any]) -> None:
        seen.append(line["type"])
        stopper.ask()

    assert await local.run_worker(SPEC, on_line=on_line, stopper=stopper, clock=InstantClock()) == 130
    assert seen == ["ready", "draining"]


async def test_a_worker_hears_that_its_supervisor_died(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stdin is a lifeline that stays open while the supervisor lives."""
    child(
        monkeypatch,
        "import select; r, _, _ = select.select([0], [], [], 0)\n"
        "print('{\"type\": \"%s\"}' % ('eof' if r else 'alive'))",
    )
    lines: list[dict[str, Any]] = []
    await run(InstantClock(), lines)
    assert lines == [{"type": "alive"}]


def test_children_see_no_secrets_of_our_environment() -> None:
    """Only what a program needs to run is passed on."""
    assert not [name for name in local.KEPT_ENVIRONMENT if "CLIPD" in name or "TOKEN" in name or "KEY" in name]
