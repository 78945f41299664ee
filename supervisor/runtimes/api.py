"""The Protocol of runtimes and its values. Next to no code.

A worker survives its supervisor: whoever leads next finds it by `list` and goes on with it. Answers are three-valued:
an engine that does not answer has not said that a worker is gone (reliability.md section 3, item 16).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from core.spec import WorkerSpec

RuntimeName = Literal["process", "docker"]
Life = Literal["running", "exited", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one worker may take. None: not limited."""

    memory_bytes: int | None = None
    cpus: float | None = None
    pids: int = 512
    files: int = 4096
    gpu: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One attempt to start. `name` is `w-<stream>-<claim token>`: the engine's unique name is the last fence (row 14).

    `labels` travel with the worker and come back in `Found`: stream, session, claim_token, lease_token, installation.
    """

    name: str
    spec: WorkerSpec
    labels: dict[str, str]
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One worker of this installation as the runtime knows it. `code` is set for `exited`, 137 for any kill.

    `oom`: the kernel killed it for its memory. `started_ns` is CLOCK_BOOTTIME.
    """

    name: str
    labels: dict[str, str]
    life: Life
    code: int | None = None
    oom: bool = False
    started_ns: int = 0
    pid: int | None = None


class NameTaken(Exception):
    """A worker of this name is there already: it is adopted, not replaced."""


class RuntimeAway(Exception):
    """The engine did not answer within its deadline, or answered nonsense. What it was asked may have happened."""


class Runtime(Protocol):
    """Every call ends within its deadline. All raise RuntimeAway; `start` also NameTaken and UsageError (no image)."""

    @property
    def name(self) -> RuntimeName: ...

    async def start(self, order: Order) -> None:
        """Start a worker that outlives us; its spec never stands in argv, environment or labels."""

    async def list(self) -> Sequence[Found]:
        """All workers of this installation, the exited ones too until they are removed."""

    async def stop(self, name: str, *, grace_s: float) -> None:
        """SIGTERM, and SIGKILL to all of its processes `grace_s` later. Returns at once; gone already is no error."""

    async def kill(self, name: str) -> None:
        """SIGKILL now, to all of its processes."""

    async def remove(self, name: str) -> None:
        """Forget an exited worker. Unknown is no error; running is refused by ValueError."""

    async def logs(self, name: str, *, lines: int = 200) -> str:
        """The end of its stderr."""

    async def close(self) -> None:
        """Let go of connections; workers run on."""
