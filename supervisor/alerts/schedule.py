"""When what failed is tried again, and when a receiver is left alone. Pure; times are ns.

The waits are those that Standard Webhooks 1.0.0 gives as an example ("Retry schedule"): ten tries in three days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.times import ns

WAITS_S: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)  # after the 1st, 2nd, ... try
JITTER: Final = 0.1  # of a wait, at most: receivers that come back are not met by all at once
TRIES: Final = len(WAITS_S) + 1
BREAKS_AFTER: Final = 3  # failures in a row, of whatever message
REST_NS: Final = ns(10)  # then it is asked with one message, after this; twice as long each time it fails again
MAX_REST_NS: Final = ns(300)


def next_try_ns(failed: int, now_ns: int, luck: float) -> int | None:
    """When a message is tried again that has failed this often, first once; None: never. `luck`: 0 to 1."""
    if failed > len(WAITS_S):
        return None
    return now_ns + round(ns(WAITS_S[failed - 1]) * (1 + JITTER * luck))


@dataclass(slots=True)
class Breaker:
    """Of one receiver: how often it failed in a row, and until when nothing is sent there."""

    failures: int = 0
    until_ns: int = 0

    @property
    def is_probing(self) -> bool:
        """One message, not many, finds out whether it is back."""
        return self.failures >= BREAKS_AFTER

    def failed(self, now_ns: int) -> None:
        """An attempt that counts."""
        self.failures += 1
        if self.is_probing:
            doubled = min(self.failures - BREAKS_AFTER, 10)
            self.rest(now_ns, min(REST_NS << doubled, MAX_REST_NS))

    def worked(self) -> None:
        """It took a message."""
        self.failures = 0

    def rest(self, now_ns: int, rest_ns: int) -> None:
        """Leave it alone for a while: its own wish, or ours."""
        self.until_ns = max(self.until_ns, now_ns + rest_ns)
