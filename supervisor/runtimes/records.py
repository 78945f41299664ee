"""What is known of one process worker: a folder of small files that any supervisor can read after any restart.

    order.json      labels, limits, boot: written before the start; the folder's name is the worker's and is taken once
    keeper.json     who keeps it and who runs; written once, by the keeper, or as `null` by who gave the start up
    lock            held by the keeper for as long as it lives
    log, log.1      the end of its stderr
    ending          renamed to exit-<code>[-oom] at the end
    stop-<ms>       a stop was asked for with this much grace

The folder appears whole or not at all: it is made under another name and renamed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from supervisor.runtimes.api import NameTaken
from supervisor.runtimes.pids import Process

LOG_TAIL_BYTES: Final = 1 << 18  # of each of the two log files, when they are read
_MAX_FILE: Final = 1 << 16  # bytes of a record that is ours


@dataclass(frozen=True, slots=True)
class Kept:
    """keeper.json. `pid_ns`: the pid namespace in which the two numbers mean something."""

    keeper: Process
    worker: Process
    pid_ns: int


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended: `code` as a shell tells it (128 + signal), and whether the kernel took it for its memory."""

    code: int
    oom: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One worker's folder."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, order: Mapping[str, Any]) -> Record:
        """Take the name. Raises NameTaken, OSError."""
        made = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        try:
            (made / "order.json").write_text(json.dumps(order), encoding="utf-8")
            for name in ("lock", "ending"):
                (made / name).touch(0o600)
            made.rename(folder)  # onto a folder with files in it: refused
        except OSError as err:
            shutil.rmtree(made, ignore_errors=True)
            if folder.exists():
                raise NameTaken(folder.name) from err
            raise
        return cls(folder)

    def order(self) -> Mapping[str, Any]:
        """Raises ValueError where it is not ours, FileNotFoundError where the worker was removed meanwhile."""
        document = _read(self.folder / "order.json")
        if not isinstance(document, dict) or not isinstance(document.get("labels"), dict):
            raise ValueError("not a worker's order")
        return document

    def kept(self) -> Kept | None:
        """None: no keeper has come up yet, or none ever will (`given_up`)."""
        try:
            document = _read(self.folder / "keeper.json")
        except FileNotFoundError:
            return None
        if document is None:
            return None
        if not isinstance(document, dict):
            raise ValueError("not a keeper's record")
        try:
            return Kept(Process(*document["keeper"]), Process(*document["worker"]), int(document["pid_ns"]))
        except (TypeError, KeyError) as err:
            raise ValueError("not a keeper's record") from err

    def give_up(self) -> bool:
        """No keeper may come up any more. False where one has."""
        try:
            with open(self.folder / "keeper.json", "x", encoding="utf-8") as file:
                file.write("null")
        except FileExistsError:
            return (self.folder / "keeper.json").read_bytes() in (b"", b"null")
        return True

    def held(self) -> bool:
        """Whether its keeper lives. Readers share the lock, so they are not taken for one."""
        lock = os.open(self.folder / "lock", os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def ending(self) -> Ending | None:
        """None while it has not ended, or nobody has told."""
        for name in os.listdir(self.folder):
            parts = name.split("-")
            if parts[0] == "exit" and len(parts) > 1 and parts[1].isdigit():
                return Ending(int(parts[1]), parts[2:] == ["oom"])
        return None

    def end(self, ending: Ending) -> None:
        """Tell what its keeper could not; who is first is right."""
        name = f"exit-{ending.code}" + ("-oom" if ending.oom else "")
        with contextlib.suppress(FileNotFoundError):
            (self.folder / "ending").rename(self.folder / name)

    def ask_stop(self, grace_s: float) -> None:
        """Name the grace. A full disk leaves the keeper its own."""
        with contextlib.suppress(OSError):
            (self.folder / f"stop-{round(grace_s * 1000)}").touch(0o600)

    def log(self, lines: int) -> str:
        """The last lines."""
        data = b""
        for name in ("log.1", "log"):
            with contextlib.suppress(OSError), open(self.folder / name, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_TAIL_BYTES))
                data += file.read(LOG_TAIL_BYTES)
        return "\n".join(data.decode(errors="replace").splitlines()[-lines:])

    def remove(self) -> None:
        """Whole or not at all: renamed first."""
        gone = self.folder.with_name(f".gone-{self.folder.name}")
        with contextlib.suppress(FileNotFoundError):
            self.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _read(path: Path) -> object:
    with open(path, "rb") as file:
        return json.loads(file.read(_MAX_FILE))
