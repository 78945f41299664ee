"""Candidates as processes, and what they have said."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from supervisor.leases.api import LeaseTiming


class Candidate:
    """A process of `candidate.py`; its lines are read as they come."""

    def __init__(self, store: str, folder: Path, timing: LeaseTiming, **config: Any) -> None:
        document = {"store": store, "folder": str(folder), "timing": asdict(timing), **config}
        command = [sys.executable, "-m", "tests.unit.leases.candidate", json.dumps(document)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.lines: list[list[str]] = []
        self._came = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def said(self, word: str) -> list[list[str]]:
        """Its lines that begin with a word, so far."""
        with self._came:
            return [line for line in self.lines if line[0] == word]

    def wait(self, word: str, *, count: int = 1, timeout_s: float = 60.0) -> list[str]:
        """The `count`-th line that begins with this word."""
        with self._came:
            assert self._came.wait_for(lambda: sum(line[0] == word for line in self.lines) >= count, timeout_s), (
                f"no {word} from {self.process.pid}: {self.lines}"
            )
            return [line for line in self.lines if line[0] == word][count - 1]

    def held(self) -> str:
        """What `held()` says there now."""
        return self.ask("?")

    def ask(self, line: str) -> str:
        """Ask anything; the answer is what it holds after that."""
        count = len(self.said("held")) + 1
        self.tell(line)
        return self.wait("held", count=count)[1]

    def tell(self, line: str) -> None:
        """Ask, and do not wait for the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        """SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9, and reaped."""
        self.process.kill()
        self.process.wait()

    def leave(self) -> None:
        """In good order."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def close(self) -> None:
        """Nothing of it is left."""
        self.kill()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._came:
                self.lines.append(line.split())
                self._came.notify_all()


@contextmanager
def candidates(store: str, folder: Path, timing: LeaseTiming) -> Iterator[Callable[..., Candidate]]:
    """Makes candidates for one lease, and ends them all."""
    made: list[Candidate] = []

    def make(**config: Any) -> Candidate:
        made.append(Candidate(store, folder, timing, **config))
        return made[-1]

    try:
        yield make
    finally:
        for one in made:
            one.close()


def until(what: Callable[[], object], *, timeout_s: float = 60.0) -> None:
    """Wait for a condition that no line tells of."""
    by = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < by, "waited in vain"
        threading.Event().wait(0.01)
