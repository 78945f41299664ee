"""For tests of runtimes: orders, a small program that stands where `clipd worker` would, and a wait for what comes."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from core.ids import SessionId, StreamId
from core.spec import ControlSpec, WorkerSpec
from supervisor.runtimes.api import Found, Limits, Order, Runtime

T = TypeVar("T")
LIMIT_S: Final = 90.0
SECRET: Final = "canary-5b1f0c"  # stands in the spec and may be seen nowhere else

# Reads its spec from stdin, says so, and does what the spec's source names. Only its life matters.
PROGRAM: Final = """
import json, os, signal, subprocess, sys, time
spec = json.load(sys.stdin)
does = spec["source"].split(":")
if does[0] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
if does[0] == "children":
    for alone in (False, True):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=alone)
if does[0] == "say":
    for number in range(int(does[1])):
        print("line", number, file=sys.stderr)
print("read", len(spec["control"]["token"]), file=sys.stderr, flush=True)
if does[0] == "exit":
    sys.exit(int(does[1]))
if does[0] == "hog":
    hoard = [bytearray(1 << 20) for _ in range(400)]
while True:
    time.sleep(0.05)
"""


def program(python: str = sys.executable) -> list[str]:
    """The command line of the small program."""
    return [python, "-I", "-S", "-c", PROGRAM]


def order(
    does: str, data: Path, *, name: str = "w-ann-1", session: str = "s-one", limits: Limits | None = None, **spec: Any
) -> Order:
    """An attempt of the stream `ann`; `does` is for the small program."""
    installation = spec.pop("installation", "here")
    fields: dict[str, Any] = {
        "kind": "stream",
        "stream": StreamId("ann"),
        "session": SessionId(session),
        "source": does,
        "origin": "api",
        "data_dir": str(data),
        "control": ControlSpec(urls=("http://127.0.0.1:1",), claim_token=1, token=SECRET, renewal=SECRET),
    }
    labels = {"stream": "ann", "session": session, "claim_token": "1", "lease_token": "3", "installation": installation}
    return Order(name=name, spec=WorkerSpec(**(fields | spec)), labels=labels, limits=limits or Limits())


async def found(runtime: Runtime, name: str = "w-ann-1") -> Found | None:
    """One worker of the list."""
    return next((each for each in await runtime.list() if each.name == name), None)


async def until(
    ask: Callable[[], Awaitable[T]], is_it: Callable[[T], object], pause: Callable[[], Awaitable[None]]
) -> T:
    """Ask until the answer is what is waited for; what it is after LIMIT_S fails the test."""
    ends = time.monotonic() + LIMIT_S
    while not is_it(answer := await ask()):
        assert time.monotonic() < ends, answer
        await pause()
    return answer
