"""A real `clipd up` beside playwright, which has the main thread's loop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.scenario.command import clipd_argv, environment
from tests.scenario.upping import ADDRESS, workers

LIMIT_S: Final = 60.0


@dataclass
class RealServer:
    """The process. `log` is what it says, by lines."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    url: str = ""
    log: list[bytes] = field(default_factory=list)

    @property
    def token(self) -> str:
        """The owner's."""
        return (self.data_dir / "owner-token").read_text().strip()

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """As the owner: a POST with a body, a GET without."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/api/v1/{path}", data, headers)) as answer:
            return json.load(answer)

    def until(self, is_so: Callable[[Any], Any], path: str) -> Any:
        """Ask until the answer is as wanted; the answer."""
        ends = time.monotonic() + LIMIT_S
        while not is_so(answer := self.ask(path)):
            assert time.monotonic() < ends, (answer, b"".join(self.log)[-3000:])
            time.sleep(0.1)
        return answer

    def kill_worker(self) -> None:
        """The room's: there is one worker."""
        [pid] = workers(self.data_dir)
        os.kill(pid, signal.SIGKILL)


@contextmanager
def real_server(data_dir: Path, env: Mapping[str, str] | None = None) -> Iterator[RealServer]:
    """Runs while the block does."""
    config = data_dir.with_name("clipd.yaml")
    config.write_text("")
    process = subprocess.Popen(
        clipd_argv("up", "--data-dir", str(data_dir), "--config", str(config)),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=environment(data_dir.parent, {"CLIPD_API__PORT": "0", **(env or {})}),
    )  # fmt: skip
    server, started = RealServer(process, data_dir), threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            server.log.append(line)
            if found := ADDRESS.search(line):
                server.url = found[1].decode()
                started.set()
        started.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert started.wait(LIMIT_S)
        assert server.url, b"".join(server.log).decode()
        yield server
    finally:
        process.terminate()
        try:
            process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()
