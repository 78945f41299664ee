"""What every detector is to the engine. A new family is a new class with these methods; fusion does not change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.media import Gap
from core.moments import Event, Family
from core.signals import SignalChunk
from core.times import Ns


class Detector(Protocol):
    """Turns the signals of one family into events, in media time.

    `feed` may run ahead: `advance(t)` uses what is known at t and nothing later, so that batching decides nothing. An
    event given out again with the same kind and start replaces the earlier one. Times are raw: the engine moves them
    back by the family's lag.
    """

    family: Family

    def feed(self, chunk: SignalChunk) -> None: ...
    def gap(self, gap: Gap) -> None: ...
    def advance(self, t_ns: Ns) -> Sequence[Event]: ...
    def finish(self, t_ns: Ns) -> Sequence[Event]: ...
    def watermark(self) -> Ns: ...  # no new event will start before this time
    def available(self) -> bool: ...  # missing is not zero
