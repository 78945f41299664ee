"""The supervisor's end of a mould (mould.py): started when it is wanted, and again when it has died."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path


class Mould:
    """One at a time. Calls come from several threads."""

    def __init__(self, program: str, environment: Mapping[str, str]) -> None:
        self._program, self._environment = program, dict(environment)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None
        self._closed = False

    def warm(self) -> None:
        """Have one soon; returns at once. One that died is not started again before it is wanted: it may die of what
        it reads, and this is asked every second. A machine that has no process to spare tells who starts a worker."""
        with self._lock, contextlib.suppress(OSError):
            if self._process is None:
                self._running()

    def cast(self, folder: Path, spec: int, within_s: float) -> bool:
        """Start the worker of this folder (records.py) with the spec in that file. True once its keeper says that it
        runs, False where none will. Raises TimeoutExpired, OSError; the caller then gives the start up."""
        told, tell = os.pipe()
        try:
            with self._lock:
                self._send(str(folder).encode(), spec, tell)
        finally:
            os.close(tell)
        with os.fdopen(told, "rb", buffering=0) as said:
            if not select.select([said], [], [], within_s)[0]:
                raise subprocess.TimeoutExpired("mould", within_s)
            return said.read(1) == b"k"

    def close(self) -> None:
        """The workers stay."""
        with self._lock:
            self._closed = True
            self._end()

    def _send(self, message: bytes, *passed: int) -> None:
        """One that died since it was last used is noticed here."""
        try:
            socket.send_fds(self._running(), [message], passed)
        except ConnectionError:
            self._end()
            socket.send_fds(self._running(), [message], passed)

    def _running(self) -> socket.socket:
        if self._closed:
            raise BrokenPipeError("closed")
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._orders is None:
            # S603: our own interpreter and modules; no shell. `-P`: see supervisor/local.py
            command = [sys.executable, "-P", "-m", "supervisor.runtimes.mould", self._program]
            self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=self._environment,
                    start_new_session=True,
                )
        return self._orders

    def _end(self) -> None:
        if self._orders is not None:
            self._orders.close()
            self._orders = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            self._process = None
