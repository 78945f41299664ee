"""What workers say that is kept in memory only: the newest signals and provisional words of each stream.

Lossy by contract: a worker speaks to one process at a time, and what it has not said again for EXPIRES_NS is forgotten.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.control import HEARTBEAT_S, Live
from core.protocols import Clock
from core.times import ns
from supervisor.api.limits import Buckets

EXPIRES_NS: Final = ns(5 * HEARTBEAT_S)
LIVE_PER_MINUTE: Final = 120  # two a second, DESIGN.md section 3
MAX_SIGNALS: Final = 64
MAX_WORDS: Final = 1000  # characters


@dataclass(frozen=True, slots=True)
class _Said:
    at_ns: int
    claim_token: int
    value: Mapping[str, Any]


class LiveBoard:
    """By stream."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._live: dict[str, _Said] = {}
        self._turns = Buckets(per_minute=LIVE_PER_MINUTE, burst=2)

    def put(self, stream: str, live: Live) -> bool:
        """Whether it was taken: not when it comes too soon, or from an attempt that another one has followed."""
        self._sweep()
        now_ns, before = self._clock.boottime_ns(), self._live.get(stream)
        if before is not None and before.claim_token > live.claim_token:
            return False
        if self._turns.take(stream, now_ns):
            return False
        numbers = dict(itertools.islice(_numbers(live.signals), MAX_SIGNALS))
        value = {"t_s": live.t_s, "signals": numbers, "words": live.words[:MAX_WORDS]}
        self._live[stream] = _Said(now_ns, live.claim_token, value)
        return True

    def get(self, stream: str) -> Mapping[str, Any] | None:
        """The newest, or None where this process has heard nothing of late."""
        self._sweep()
        said = self._live.get(stream)
        return None if said is None else said.value

    def _sweep(self) -> None:
        oldest = self._clock.boottime_ns() - EXPIRES_NS
        for stream in [stream for stream, said in self._live.items() if said.at_ns < oldest]:
            del self._live[stream]


def _numbers(signals: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """By name, `audio.level` say: workers tell them by kind and column."""
    for kind, told in signals.items():
        columns = told if isinstance(told, Mapping) else {"": told}
        for column, value in columns.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield f"{kind}.{column}".rstrip(".")[:40], value
