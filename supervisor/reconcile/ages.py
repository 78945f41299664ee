"""How long things have been as they are, on the leader's own clock: nobody else's times decide anything."""

from __future__ import annotations

from collections.abc import Iterable

from core.ids import StreamId
from supervisor.catalog.values import ClaimRow
from supervisor.reconcile.values import Ages

Key = tuple[StreamId, int]


class Ageing:
    """Remembers when each claim was first seen as it is. A new leader begins anew, so nobody is given up at once."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[ClaimRow, Ages]] = {}

    def look(self, claims: Iterable[ClaimRow], now_ns: int) -> dict[Key, Ages]:
        """The ages of these claims; those that are not among them are forgotten."""
        self._known = {(row.stream, row.token): (row, self._aged(row, now_ns)) for row in claims}
        return {key: ages for key, (_, ages) in self._known.items()}

    def _aged(self, row: ClaimRow, now_ns: int) -> Ages:
        known = self._known.get((row.stream, row.token))
        if known is None:
            return Ages(first_ns=now_ns, state_ns=now_ns, beat_ns=now_ns, progress_ns=now_ns)
        before, ages = known
        moved = before.progress != row.progress or before.health.get("state") != row.health.get("state")
        return Ages(
            first_ns=ages.first_ns,
            state_ns=ages.state_ns if (before.state, before.reason) == (row.state, row.reason) else now_ns,
            beat_ns=ages.beat_ns if before.beat == row.beat else now_ns,
            progress_ns=now_ns if moved else ages.progress_ns,
        )
