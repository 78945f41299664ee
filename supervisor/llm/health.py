"""Whether a provider is worth asking: a circuit breaker. Pure; times are CLOCK_BOOTTIME in ns.

A provider has one breaker for what is its own doing (no connection, 5xx, a wrong key), which counts for everybody, and
one for each workspace for what may be the question's doing (an answer of the wrong shape, or one that takes too long):
nobody shuts a provider for others by asking what no model can answer.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from core.times import ns

OPENS_AFTER: Final = 3  # failures in a row
FIRST_PAUSE_NS: Final = ns(15)
LONGEST_PAUSE_NS: Final = ns(600)
LONGEST_REST_NS: Final = ns(3600)  # a Retry-After beyond it is not believed
NO_HINT_S: Final = 10.0  # a 429 without Retry-After
MAX_WORKSPACES: Final = 1000

State = Literal["ready", "open", "probing", "resting"]


@dataclass(slots=True)
class Breaker:
    """Opens after failures in a row, for longer each time; then one question at a time tries whether it works again."""

    failures: int = 0
    _until_ns: int = 0
    _pause_ns: int = FIRST_PAUSE_NS
    _rests_until_ns: int = 0
    _is_probing: bool = False

    def state(self, now_ns: int) -> State:
        """`resting`: it has asked for a pause itself."""
        if now_ns < self._rests_until_ns:
            return "resting"
        if self.failures < OPENS_AFTER:
            return "ready"
        return "open" if now_ns < self._until_ns or self._is_probing else "probing"

    def is_closed(self, now_ns: int) -> bool:
        """Whether a question may be asked; one that may has to be followed by `begin`, then one of the three ends."""
        return self.state(now_ns) in ("ready", "probing")

    def begin(self) -> None:
        """A question is on its way."""
        self._is_probing = self.failures >= OPENS_AFTER

    def succeeded(self) -> None:
        """All is well again."""
        self.failures, self._is_probing, self._pause_ns = 0, False, FIRST_PAUSE_NS

    def failed(self, now_ns: int, *, at_once: bool = False) -> None:
        """`at_once`: another try would fail as well."""
        self.failures = max(self.failures + 1, OPENS_AFTER if at_once else 0)
        self._is_probing = False
        if self.failures >= OPENS_AFTER:
            self._until_ns = now_ns + self._pause_ns
            self._pause_ns = min(2 * self._pause_ns, LONGEST_PAUSE_NS)

    def dropped(self) -> None:
        """It was not asked in the end, or nobody waited for the answer."""
        self._is_probing = False

    def rest(self, now_ns: int, wait_s: float) -> None:
        """It answered 429: no failure, but nothing more for so long."""
        self._is_probing = False
        self._rests_until_ns = now_ns + min(ns(wait_s), LONGEST_REST_NS)


class Breakers:
    """Of one provider."""

    def __init__(self) -> None:
        self.own = Breaker()
        self._of_askers: OrderedDict[str, Breaker] = OrderedDict()

    def of(self, workspace: str) -> Breaker:
        """A workspace's own; those that were not used for longest are forgotten."""
        found = self._of_askers.setdefault(workspace, Breaker())
        self._of_askers.move_to_end(workspace)
        if len(self._of_askers) > MAX_WORKSPACES:
            self._of_askers.popitem(last=False)
        return found


def retry_after_s(header: str, now_s: float) -> float:
    """Of a `Retry-After`: seconds or a date. `now_s` is the wall clock."""
    text = header.strip()
    try:
        wait_s = float(text) if text.replace(".", "", 1).isdigit() else _until(text) - now_s
    except (ValueError, TypeError, OverflowError):
        return NO_HINT_S
    return min(max(wait_s, 1.0), 3600.0)


def _until(text: str) -> float:
    at: datetime = parsedate_to_datetime(text)
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
