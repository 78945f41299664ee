"""UTC to media time, by the epochs of the session. Pure; no clock."""

from __future__ import annotations

from collections.abc import Iterable

from core.media import Epoch
from core.times import Ns


class MediaTime:
    """Knows the epochs; asked for every chat message, so it lives in memory. Used on the event loop only."""

    def __init__(self, epochs: Iterable[Epoch] = ()) -> None:
        self._starts: list[tuple[int, Ns]] = []  # UTC and media time of each epoch that knows both, in their order
        for epoch in epochs:
            self.begin(epoch)

    def begin(self, epoch: Epoch) -> None:
        """One more epoch, later on media time than those before it."""
        if epoch.wall_ns is not None:
            self._starts.append((epoch.wall_ns, epoch.start_ns))

    def __call__(self, wall_ns: int) -> Ns | None:
        """By the newest epoch that had begun by then: what was said during an outage lies in its gap. Negative before
        the first epoch; None while no epoch knows its UTC time (a file)."""
        for began_ns, start_ns in reversed(self._starts):
            if wall_ns >= began_ns:
                return Ns(start_ns + wall_ns - began_ns)
        if not self._starts:
            return None
        began_ns, start_ns = self._starts[0]
        return Ns(start_ns + wall_ns - began_ns)
