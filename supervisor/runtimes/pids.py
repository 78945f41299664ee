"""Processes by a name that is never given twice, and signals that reach no other: Linux's pidfd and /proc."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.times import NS_PER_S

_START, _STATE, _SESSION = 19, 0, 3  # fields of /proc/<pid>/stat behind the name
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """`start` is in ticks since boot: within one boot and one pid namespace no two processes share both."""

    pid: int
    start: int

    @property
    def started_ns(self) -> int:
        """CLOCK_BOOTTIME, to a tick (10 ms)."""
        return self.start * NS_PER_S // TICKS_PER_S

    @property
    def alive(self) -> bool:
        """Whether it runs still; one that has ended and waits for its parent does not."""
        fields = _stat(self.pid)
        return fields is not None and int(fields[_START]) == self.start and fields[_STATE] not in "ZX"

    def send(self, number: signal.Signals) -> bool:
        """False where it has gone. The pidfd is opened first and checked then: the signal cannot reach a successor."""
        try:
            pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.alive:
                return False
            signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(pidfd)
        return True


def process(pid: int) -> Process | None:
    """Who has this number now."""
    fields = _stat(pid)
    return None if fields is None else Process(pid, int(fields[_START]))


def session_of(leader: Process) -> list[Process]:
    """What is left of the session that `leader` has led.

    Its number is not given out again while a member lives. Where a process of that number runs that is not the leader,
    the session is another one.
    """
    fields = _stat(leader.pid)
    if fields is not None and int(fields[_START]) != leader.start:
        return []
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) is not None:
            process = Process(int(entry.name), int(fields[_START]))
            if int(fields[_SESSION]) == leader.pid and process.start >= leader.start:
                found.append(process)
    return found


def boot_id() -> str:
    """Of this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def pid_namespace() -> int:
    """Pids mean something only within it; each container has its own."""
    return Path("/proc/self/ns/pid").stat().st_ino


def _stat(pid: int) -> list[str] | None:
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()
    return None
