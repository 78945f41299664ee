"""One supervisor's keeper as a process: `python -m tests.unit.leases.candidate CONFIG_JSON`. It says what happens.

Lines: `started PID`, `gained TOKEN NS`, `lost REASON NS` and `left NS` (CLOCK_BOOTTIME), `held TOKEN` for each line on
stdin; `block` keeps all its threads still until SIGUSR1. The end of stdin: hand the lease back and end. With `obeys`
false it does not come back from `on_lost`, like a blocked program; with `leaves` it ends there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from supervisor.leases.api import LeaseTiming
from supervisor.leases.keeper import Keeper
from supervisor.leases.stores import open_floor_file, open_store
from telemetry import SystemClock, configure_logging

ENDED_BY_ITSELF = 3


def say(*words: object) -> None:
    """One line, whole."""
    os.write(1, (" ".join(str(word) for word in words) + "\n").encode())


def main(config: dict[str, Any]) -> None:
    """Run until stdin ends."""
    clock, timing, folder = SystemClock(), LeaseTiming(**config["timing"]), Path(config["folder"])
    configure_logging(as_json=True)

    def lost(reason: str) -> None:
        say("lost", reason, clock.boottime_ns())
        if config.get("leaves"):
            os._exit(ENDED_BY_ITSELF)
        if not config.get("obeys", True):
            threading.Event().wait()

    keeper = Keeper(
        open_store(config["store"], folder, timing=timing, clock=clock),
        open_floor_file(folder),
        timing=timing,
        clock=clock,
        on_gained=lambda token: say("gained", token, clock.boottime_ns()),
        on_lost=lost,
    )
    say("started", os.getpid())
    keeper.start()
    released: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, _frame: released.append(number))
    for line in sys.stdin:
        if line.startswith("block"):  # as long as a bad library holds the interpreter, no thread of ours runs
            sys.setswitchinterval(1e6)
            while not released:
                pass
            sys.setswitchinterval(0.005)
        say("held", keeper.held())
    keeper.close()
    say("left", clock.boottime_ns())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
