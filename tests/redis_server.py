"""A Redis server of a test's own, on a free port of the loopback, and a wire to it that can be made to misbehave."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.needs import require

START_S: Final = 60
ANSWER_S: Final = 30


class RedisServer:
    """Started by `with`; nothing is kept on disk unless `keep`."""

    def __init__(self, folder: Path, *, keep: bool = False) -> None:
        self._folder, self._keep = folder, keep
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Return when it answers."""
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        words += ["--appendonly", "yes" if self._keep else "no"]
        self._process = subprocess.Popen([require("redis-server"), *words], stdout=subprocess.DEVNULL)
        by = time.monotonic() + START_S
        while True:
            try:
                self.command("PING")
                return
            except redis.ConnectionError:  # not up yet, or loading
                assert self._process.poll() is None, "redis-server ended at once"
                assert time.monotonic() < by, "redis-server does not answer"
                threading.Event().wait(0.02)

    def command(self, *words: str | int) -> Any:
        """As an administrator, on a connection of its own."""
        with redis.Redis(port=self.port, socket_timeout=ANSWER_S, retry=Retry(NoBackoff(), 0)) as client:
            return client.execute_command(*words)

    def kill(self) -> None:
        """kill -9, and gone when it returns."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def hang(self) -> None:
        """It keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It does what it was asked meanwhile."""
        self._signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


class Wire:
    """A TCP proxy. `swallow_replies`: what is asked arrives, what is answered does not. `drip`: a byte each 50 ms."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self.swallow_replies = False
        self.drip = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None) -> None:
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to_port))
            self._sockets += [near, far]
            self._run(lambda near=near, far=far: self._pump(near, far, replies=False))
            self._run(lambda near=near, far=far: self._pump(far, near, replies=True))

    def _pump(self, source: socket.socket, target: socket.socket, *, replies: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if replies and self.swallow_replies:
                    continue
                if replies and self.drip:
                    for at in range(len(data)):
                        target.sendall(data[at : at + 1])
                        threading.Event().wait(0.05)
                else:
                    target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def _run(self, what: Any) -> None:
        thread = threading.Thread(target=what, daemon=True)
        self._threads.append(thread)
        thread.start()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
