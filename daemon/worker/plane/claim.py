"""Whether the stream is still ours, as far as this worker can know (reliability.md section 3, item 23)."""

from __future__ import annotations

from typing import Final, Literal

from core.control import PROOF_S
from core.protocols import Clock
from core.times import ns

PROOF_NS: Final = ns(PROOF_S)
ClaimState = Literal["proven", "unproven", "lost"]


class Claim:
    """Proven by every answer that names it, for PROOF_S from when it was asked for; lost once, and then for good."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._proven_ns: int | None = None
        self._lost = False

    @property
    def state(self) -> ClaimState:
        """By this machine's CLOCK_BOOTTIME, which goes on while it sleeps."""
        if self._lost:
            return "lost"
        proven_ns = self._proven_ns
        fresh = proven_ns is not None and self._clock.boottime_ns() - proven_ns < PROOF_NS
        return "proven" if fresh else "unproven"

    @property
    def may_publish(self) -> bool:
        """See PublishGuard."""
        return self.state == "proven"

    @property
    def lost(self) -> bool:
        """A newer attempt has the stream."""
        return self._lost

    def prove(self, asked_ns: int) -> None:
        """An answer to what was asked then says that it is ours."""
        self._proven_ns = max(self._proven_ns or asked_ns, asked_ns)

    def lose(self) -> bool:
        """An answer says that it is not; whether that is news."""
        news, self._lost = not self._lost, True
        return news
