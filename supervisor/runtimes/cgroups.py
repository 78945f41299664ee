"""Limits of memory, processes and CPU for process workers, where this machine lets us make cgroups.

Either version of the kernel's interface; without the right to make one a worker has rlimits only, and a kill for memory
cannot be told from another kill.
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.runtimes.api import Limits
from supervisor.runtimes.pids import Process, process

_PERIOD_US: Final = 100_000  # the kernel's default
_V1: Final = ("memory", "pids", "cpu")
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Cgroups:
    """Where an installation's cgroups lie: one parent in version 2, one for each controller in version 1."""

    parents: tuple[Path, ...]
    version: int

    @classmethod
    def here(cls, installation: str, root: Path = Path("/sys/fs/cgroup")) -> Cgroups:
        """What can be made here; no parents where nothing can."""
        name, two = f"clipd-{installation}", (root / "cgroup.controllers").exists()
        roots = (root,) if two else tuple(root / each for each in _V1)
        return cls(tuple(each / name for each in roots if os.access(each, os.W_OK)), 2 if two else 1)

    def make(self, name: str, limits: Limits) -> tuple[Path, ...]:
        """One worker's cgroups with its limits set; only those that could be made."""
        made = []
        for parent in self.parents:
            folder = parent / name
            if self._make(folder):
                made.append(folder)
                for file, value in self._settings(limits).items():
                    if (folder / file).exists():
                        with contextlib.suppress(OSError):
                            _write(folder / file, value)
        return tuple(made)

    def _make(self, folder: Path) -> bool:
        """With its parent, which goes when the last worker does: it may go between the two."""
        for _ in range(_TRIES):
            try:
                folder.parent.mkdir(exist_ok=True)
                if self.version == 2:
                    for each in (folder.parent.parent, folder.parent):
                        _write(each / "cgroup.subtree_control", "+memory +pids +cpu")
                folder.mkdir(exist_ok=True)
            except FileNotFoundError:
                continue
            except OSError:
                return False
            return True
        return False

    def _settings(self, limits: Limits) -> dict[str, str]:
        two = self.version == 2
        wanted = {"pids.max": str(limits.pids)}
        if limits.memory_bytes is not None:
            most = str(limits.memory_bytes)
            more = {"memory.max": most, "memory.swap.max": "0", "memory.oom.group": "1"}
            wanted |= more if two else {"memory.limit_in_bytes": most, "memory.memsw.limit_in_bytes": most}
        if limits.cpus is not None:
            quota = str(max(1000, int(limits.cpus * _PERIOD_US)))
            wanted |= {"cpu.max": f"{quota} {_PERIOD_US}"} if two else {"cpu.cfs_quota_us": quota}
        return wanted


def members(folders: tuple[Path, ...]) -> list[Process]:
    """All that runs in a worker's cgroups, whatever session it has gone to."""
    pids: set[int] = set()
    for folder in folders:
        with contextlib.suppress(OSError):
            pids.update(int(line) for line in (folder / "cgroup.procs").read_text(encoding="ascii").split())
    found = (process(pid) for pid in pids)
    return [each for each in found if each is not None]


def kill(folders: tuple[Path, ...]) -> None:
    """SIGKILL to all of them."""
    for each in members(folders):
        each.send(signal.SIGKILL)


def oom_kills(folders: tuple[Path, ...]) -> int:
    """How often the kernel has killed in them for memory."""
    for folder in folders:
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                lines = (folder / name).read_text(encoding="ascii").splitlines()
                return int(dict(line.split() for line in lines).get("oom_kill", "0"))
    return 0


def remove(folders: tuple[Path, ...]) -> None:
    """Empty ones, and their parents when these are empty then."""
    for folder in folders:
        for each in (folder, folder.parent):
            with contextlib.suppress(OSError):
                each.rmdir()


def _write(file: Path, value: str) -> None:
    file.write_text(value, encoding="ascii")
