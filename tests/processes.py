"""What a process has started, by the kernel's own list: for tests that leave nothing behind and show no secrets."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def children(of: int | None = None) -> dict[int, bytes]:
    """Command lines of all that descends from a process, this one by default, by their ids; without the Docker engine
    that the tests of a run share, which an earlier test may have started."""
    parents, lines = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            lines[int(folder.name)] = (folder / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        if b"dockerd" in lines[int(folder.name)].split(b"\0")[0]:
            parents[int(folder.name)] = 0
    found, grew = {of or os.getpid()}, True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        grew, found = bool(more), found | more
    return {pid: lines[pid] for pid in found - {of or os.getpid()} if pid in lines}


def is_worker(pid: int | str) -> bool:
    """By its command line: started by name, or forked from a mould (which looks the same). One that ended has none."""
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"worker" in argv or b"daemon.worker.program" in argv


def open_files(pid: int | str, prefix: str) -> list[str]:
    """Paths of what a process has open now that begin so; none where it has ended."""
    names = []
    with contextlib.suppress(OSError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                names.append(os.readlink(file))
    return [name for name in names if name.startswith(prefix)]
