"""Which process holds a lease, and the end of one that sleeps on it: reliability.md section 3, item 9.

A pid alone is no name: it is reused, and means something else in another container or after a reboot. So a record
carries the boot, the pid namespace and the process's start time, and all three are compared before a signal is sent.
"""

from __future__ import annotations

import os
import secrets
import select
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

DEATH_MS: Final = 300  # how long a killed process may take to be gone, of a call's 1.2 s


def new_owner() -> str:
    """A name that no other candidate has or had."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"


def this_process() -> dict[str, str]:
    """The `meta` of a record: for people, and for `end_process`."""
    return {
        "host": socket.gethostname()[:64],
        "boot": _boot(),
        "namespace": _namespace(),
        "pid": str(os.getpid()),
        "start": start_time(os.getpid()) or "",
    }


def start_time(pid: int) -> str | None:
    """Clock ticks from boot to its start; None when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def end_process(meta: Mapping[str, str]) -> bool:
    """Kill the very process that wrote `meta` and wait until it is gone; False where it cannot be told or reached.

    A stopped process dies too. True as well when it is gone already. Never ends this process.
    """
    if (meta.get("boot"), meta.get("namespace")) != (_boot(), _namespace()):
        return False
    pid = meta.get("pid", "")
    if not pid.isascii() or not pid.isdigit() or len(pid) > 10 or int(pid) in (0, 1, os.getpid()):
        return False
    return end_pid(int(pid), meta.get("start", ""))


def end_pid(pid: int, start: str) -> bool:
    """Kill the process of this id and start time. The descriptor pins it: no other one can get its id meanwhile."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    try:
        if start_time(pid) != start:
            return True  # another process bears its id now
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        return bool(waiting.poll(DEATH_MS))
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
