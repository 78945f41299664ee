"""Kills, each once, whoever tells of it: the feed, a counter, a medal, its sound, a model. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rapidfuzz import fuzz

from core.game import GameEvent, GameSource
from core.times import Ns
from detectors.hud.names import fold

_ALIKE: Final = 80.0  # of 100, as for the player's own name (detectors.hud.names)


def alike(one: str, other: str) -> bool:
    """Whether two names, as they were read, may be the same; an unknown one may be anybody's."""
    return not one or not other or one == other or fuzz.ratio(fold(one), fold(other)) >= _ALIKE


@dataclass(slots=True)
class Kill:
    """One kill, and how sure each source is of it."""

    t_ns: Ns
    who: str = ""
    victim: str = ""
    told: dict[GameSource, float] = field(default_factory=dict)

    def matches(self, event: GameEvent, same_ns: int) -> bool:
        """Whether an event may tell of this kill: near in time, and by a source that has not told of it yet."""
        near = abs(event.t_ns - self.t_ns) <= same_ns
        return near and event.source not in self.told and alike(self.victim, event.victim)

    def tell(self, event: GameEvent, trust: float) -> None:
        """Take a source's word. A sound times it best: a screen is looked at some times a second."""
        self.told[event.source] = trust * event.score
        self.t_ns = event.t_ns if event.source == "sound" or "sound" not in self.told else self.t_ns
        self.who, self.victim = self.who or event.who, self.victim or event.victim

    @property
    def sure(self) -> float:
        """0..1: that one source at least is right, were they independent."""
        wrong = 1.0
        for told in self.told.values():
            wrong *= 1.0 - told
        return 1.0 - wrong
