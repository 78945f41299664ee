"""What the parts of a HUD's reader have in common: each looks at one region for one rule, or the banners of one region.

`look` depends on the view alone; `differs` and `take` compare what was seen with what is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from core.game import GameEvent, GameKind, GameSource, clean_name
from core.times import Ns
from detectors.hud.debounce import Now, Sighting
from detectors.hud.view import View

LONGEST: Final = 2.0  # times `shown_s`, the least: nothing stands longer than this before it goes; judgement


class Watcher(Protocol):
    """Turns the looks at one region into events. `take` is never called with a view in which nothing can be seen."""

    region: str

    def look(self, view: View, /) -> Any: ...  # what `differs` and `take` of the same watcher are given; pure
    def differs(self, sight: Any, /) -> bool: ...  # from the last look taken, so that the two may not tell all
    def take(self, sight: Any, view: View, now: Now, /) -> list[GameEvent]: ...
    def cut(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a rule says when it speaks."""

    game: str
    source: GameSource
    kind: GameKind
    own: bool
    count: int = 1
    names: dict[str, str] = field(default_factory=dict)  # who, victim, weapon

    def event(self, sighting: Sighting, now_ns: Ns, score: float) -> GameEvent:
        """The event of a sighting that became sure now."""
        return GameEvent(
            t_ns=sighting.start_ns,
            known_ns=now_ns,
            kind=self.kind,
            game=self.game,
            own=self.own,
            source=self.source,
            count=self.count,
            score=min(1.0, max(0.0, score)),
            end_ns=sighting.last_ns,
            **{name: clean_name(text) for name, text in self.names.items()},
        )
