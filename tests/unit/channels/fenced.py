"""Run in a process of its own: enters the fence and reports what it can still do, one JSON object."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import ClipdError
from supervisor.channels.guard import Guard
from supervisor.channels.wire import decode_ask


def tried(work: Callable[[], Any]) -> str:
    """ "done", or the exception's name."""
    try:
        work()
    except (ClipdError, OSError, MemoryError) as err:
        return type(err).__name__
    return "done"


def unix() -> None:
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect("/run/nothing.sock")


def datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.sendto(b"x", ("169.254.169.254", 53))


def main() -> None:
    """argv: a port of 127.0.0.1 where somebody listens, and a file that could be written."""
    ask = decode_ask(sys.stdin.buffer.read())
    port = int(sys.argv[1])
    guard = Guard(ask.policy)
    guard.enter(ask.deadline_s)
    found = {
        "by_name": tried(lambda: socket.create_connection(("localhost", port), 2).close()),
        "by_address": tried(lambda: socket.create_connection(("127.0.0.1", port), 2).close()),
        "by_mapped_address": tried(lambda: socket.create_connection(("::ffff:127.0.0.1", port), 2).close()),
        "without_lookup": tried(lambda: socket.socket().connect(("127.0.0.1", port))),
        "metadata": tried(lambda: socket.create_connection(("169.254.169.254", 80), 2).close()),
        "datagram": tried(datagram),
        "unix": tried(unix),
        "program": tried(lambda: subprocess.run([sys.executable, "-c", ""], check=False)),
        "shell": tried(lambda: os.system("true")),
        "fork": tried(os.fork),
        "file": tried(lambda: Path(sys.argv[2]).write_bytes(b"x")),
        "memory": tried(lambda: bytearray(2 << 30)),
        "refused": guard.refused.code if guard.refused else "",
    }
    print(json.dumps(found), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
