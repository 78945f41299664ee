"""Two of three looks: what shows once is nothing, what is missed once is still there. Pure.

A look at which nothing can be seen (a flash, a fade) is not counted at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from core.times import Ns

_LOOKS: Final = 3
_ENOUGH: Final = 2


@dataclass(frozen=True, slots=True)
class Now:
    """A look: its time, that of the look before (None after a cut), and whether a scene forbids reports."""

    t_ns: Ns
    before_ns: Ns | None
    quiet: bool


@dataclass(slots=True)
class Sighting:
    """One thing on the screen from its first look on.

    `silent`: it is not reported, since it was there at the first look after a cut, or came while a scene was on.
    """

    first_ns: Ns
    start_ns: Ns  # between the last look without it and the first one with it
    silent: bool
    last_ns: Ns = field(init=False)
    told: bool = False
    _looks: list[bool] = field(default_factory=lambda: [True])

    def __post_init__(self) -> None:
        self.last_ns = self.first_ns

    @classmethod
    def begin(cls, now: Now, longest_ns: int) -> Sighting:
        """First seen now. `longest_ns`: it cannot have stood longer than this, however old the look before is."""
        before_ns = now.t_ns if now.before_ns is None else Ns(max(now.before_ns, now.t_ns - longest_ns))
        start_ns = Ns((before_ns + now.t_ns) // 2)
        return cls(now.t_ns, start_ns, now.before_ns is None or now.quiet)

    def look(self, t_ns: Ns, seen: bool) -> None:
        """Count a look."""
        self._looks = [*self._looks[1 - _LOOKS :], seen]
        if seen:
            self.last_ns = t_ns

    @property
    def sure(self) -> bool:
        """Seen at two of the last three looks."""
        return sum(self._looks) >= _ENOUGH

    @property
    def open(self) -> bool:
        """Neither sure nor gone: the next look decides."""
        return not self.sure and not self.gone and not self.told

    @property
    def gone(self) -> bool:
        """Missed at two of the last three looks."""
        return len(self._looks) - sum(self._looks) >= _ENOUGH

    def due(self) -> bool:
        """True once: when it is sure and to be reported."""
        if self.told or not self.sure:
            return False
        self.told = True
        return not self.silent
