"""When a model is asked about which clips, in media time. Pure.

Clips gather into a group; it ends when it is full, when its first clip has waited long enough, or with the session.
Then those that detection was not sure of are asked about, beside those that it was sure of, for comparison. A group in
which it was sure of every clip is never asked about.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.ids import ClipId
from core.times import Ns
from daemon.ranking.bounds import logit


@dataclass(frozen=True, slots=True)
class Waiting:
    """A clip of a group. `unsure`: a model is asked about it."""

    clip: ClipId
    unsure: bool


def is_unsure(p: float, bar: float, band: float) -> bool:
    """Whether a score lies within `band` logits of what it had to reach."""
    return abs(logit(p) - logit(bar)) <= band


class Groups:
    """Not safe for threads."""

    def __init__(self, *, size: int, every_ns: Ns) -> None:
        self._size, self._every_ns = size, every_ns
        self._waiting: dict[ClipId, bool] = {}
        self._since_ns: Ns | None = None

    def add(self, clip: ClipId, t_ns: Ns, *, unsure: bool) -> tuple[Waiting, ...]:
        """A clip was finished; the group, if that ends it. One that waits already has its new standing."""
        self.put_back(clip, t_ns, unsure=unsure)
        return self.close() if len(self._waiting) >= self._size else ()

    def put_back(self, clip: ClipId, t_ns: Ns, *, unsure: bool = True) -> None:
        """To be asked about again, with the next group: it ends none."""
        if self._since_ns is None:
            self._since_ns = t_ns
        self._waiting[clip] = unsure

    def advance(self, t_ns: Ns) -> tuple[Waiting, ...]:
        """Media has come to `t_ns`; the group, if it has waited long enough."""
        if self._since_ns is None or t_ns - self._since_ns < self._every_ns:
            return ()
        return self.close()

    def drop(self, clip: ClipId) -> None:
        """It was withdrawn."""
        self._waiting.pop(clip, None)

    def close(self) -> tuple[Waiting, ...]:
        """The group as it is, if there is anything to ask in it. With those that were put back it may be over-full."""
        group = tuple(Waiting(clip, unsure) for clip, unsure in self._waiting.items())
        self._waiting, self._since_ns = {}, None
        return group if any(each.unsure for each in group) else ()
