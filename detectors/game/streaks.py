"""Kills of one player that follow each other: how many at once, from when to when, and in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.game import GameEvent
from core.times import Ns, to_s
from detectors.game.kills import Kill, alike

MOST_KILLS: Final = 100  # of one streak; a reader gone wild tells more
_LIKELY: Final = 0.5  # a kill is counted in words when it is more likely than not
_NAMED: Final = 5  # victims named in a reason


class Streak:
    """Mutable while it grows. `opened_ns` names it; its first kill may come to light later than a second one."""

    def __init__(self, opened_ns: Ns, *, own: bool, who: str) -> None:
        self.opened_ns = opened_ns
        self.own, self.who = own, who
        self.kills: list[Kill] = []
        self.called = 0  # how many the game itself counts
        self.called_sure = 0.0
        self._called_ns = opened_ns
        self._best: tuple[float, Ns] | None = None  # of its kills, until another comes

    @property
    def first_ns(self) -> Ns:
        """The first kill, or where the game counted them when none was seen."""
        return min((kill.t_ns for kill in self.kills), default=self._called_ns)

    @property
    def last_ns(self) -> Ns:
        """The last one."""
        return max((kill.t_ns for kill in self.kills), default=self._called_ns)

    def fits(self, event: GameEvent, window_ns: int, longest_ns: int) -> bool:
        """Whether a kill goes on with this streak: by the same player, soon, and not for ever."""
        first_ns, last_ns = self.first_ns, self.last_ns
        soon = first_ns - window_ns <= event.t_ns <= last_ns + window_ns
        length_ns = max(last_ns, event.t_ns) - min(first_ns, event.t_ns)
        same = self.own == event.own and alike(self.who, event.who) and len(self.kills) < MOST_KILLS
        return same and soon and length_ns <= longest_ns

    def told(self, event: GameEvent, same_ns: int) -> Kill | None:
        """The kill that an event tells of once more: the nearest one."""
        known = [kill for kill in self.kills if kill.matches(event, same_ns)]
        return min(known, key=lambda kill: abs(kill.t_ns - event.t_ns), default=None)

    def add(self, event: GameEvent, trust: float, kill: Kill | None = None) -> None:
        """Another kill, or `kill` told of once more."""
        if kill is None:
            kill = Kill(event.t_ns)
            self.kills.append(kill)
        kill.tell(event, trust)
        self.who, self._best = self.who or event.who, None

    def call(self, event: GameEvent, trust: float) -> None:
        """The game counts them itself."""
        if not self.kills:
            self._called_ns = event.t_ns
        self.who, self._best = self.who or event.who, None
        sure = trust * event.score
        self.called, self.called_sure = max((self.called, self.called_sure), (event.count, sure))

    def best(self, window_ns: int, called_less: float) -> tuple[float, Ns]:
        """The most kills within the window, each as far as it is sure, and when the last of them was.

        Or what the game counts: its kills are spread wider than the window, and so less rare.
        """
        if self._best is None:
            self._best = self._most(window_ns, called_less)
        return self._best

    def _most(self, window_ns: int, called_less: float) -> tuple[float, Ns]:
        kills = sorted(self.kills, key=lambda kill: kill.t_ns)
        most, last_ns = (self.called - called_less) * self.called_sure, self.last_ns
        for place, first in enumerate(kills):
            together = [kill for kill in kills[place:] if kill.t_ns <= first.t_ns + window_ns]
            size = sum(kill.sure for kill in together)
            if size > most:
                most, last_ns = size, together[-1].t_ns
        return most, last_ns

    def text(self, *, named: bool) -> str:
        """For people: who, where there are several; how many in how long, whom, and what the game says."""
        kills = [kill for kill in sorted(self.kills, key=lambda kill: kill.t_ns) if kill.sure >= _LIKELY]
        said = []
        if len(kills) > 1:
            said.append(f"{len(kills)} kills in {_span(kills)}{_names(kills)}")
        elif kills:
            said.append(f"a kill{_names(kills)}")
        elif self.kills:
            said.append("the sound of a kill" if len(self.kills) == 1 else f"the sound of {len(self.kills)} kills")
        if self.called > len(kills):
            said.append(f"{self.called} by the game's count")
        return f"{self.who}: {', '.join(said)}" if named and self.who else ", ".join(said)


def _span(kills: Sequence[Kill]) -> str:
    return f"{max(to_s(kills[-1].t_ns - kills[0].t_ns), 1.0):.0f} s"


def _names(kills: Sequence[Kill]) -> str:
    names = [kill.victim for kill in kills if kill.victim]
    more = ", ..." if len(names) > _NAMED else ""
    return f" ({', '.join(names[:_NAMED])}{more})" if names else ""
