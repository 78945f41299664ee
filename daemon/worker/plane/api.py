"""The Protocols between a worker and its control plane. Next to no code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.control import Command, WorkerState
from core.signals import SignalChunk
from core.times import ns
from daemon.ranking import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What a heartbeat says of the work. `progress` grows with every segment, and with whatever else gets done; `done`
    is the share of what it is at, 0 to 1."""

    state: WorkerState
    progress: int = 0
    media_s: float = 0.0
    lag_s: float = 0.0
    ring_bytes: int = 0
    reason: str = ""
    done: float = 0.0


class Work(Protocol):
    """What a worker does, as its control plane sees it: asked on the event loop, both answer at once."""

    def vitals(self) -> Vitals: ...

    async def obey(self, command: Command) -> None:
        """`clip-now` only; the others are orders of the process. Durable when it returns; raises ClipdError."""


class PublishGuard(Protocol):
    """Whoever hands something to the world asks here first, each time."""

    @property
    def may_publish(self) -> bool:
        """Not while it is unproven that the stream is ours: another worker may publish the same."""


class PlaneLink(PublishGuard, Protocol):
    """A worker's line to its supervisors."""

    @property
    def may_render(self) -> bool:
        """Whether its workspace has renders left today, by what was last heard. From any thread."""

    @property
    def model(self) -> Model | None:
        """A language model, behind the supervisors; None where nobody has one."""

    def attend(self, work: Work) -> None:
        """There is something to tell of now."""

    def status(self) -> Mapping[str, Any]:
        """For people: whether the claim is proven, how much waits, since when nobody has answered. {} for none."""

    def signals(self, chunks: Sequence[SignalChunk]) -> None:
        """Seen in passing; from any thread."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the outbox is tried at the end. `drain_ns`: once an end was asked for, or the claim is lost.

    `done_ns`: where the work ended by itself; as long as the renewal secret is good. `denied_ns`: where supervisors
    answer and take none of our tokens.
    """

    drain_ns: int = ns(20)  # reliability.md section 3, item 40
    done_ns: int = ns(7 * 86_400)
    denied_ns: int = ns(60)
