"""What a game may show, for tests of what is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.game import GameEvent, GameKind
from core.moments import Event, Moment
from core.times import ns
from detectors import Engine, Profile
from detectors.game.detector import GameDetector
from tests.unit.detectors.runs import SESSION


def shows(t_s: float, kind: GameKind = GameKind.KILL, *, known_s: float | None = None, **values: Any) -> GameEvent:
    """An own kill in the feed, read a second after it shows."""
    values = {"own": True, "source": "feed", "game": "arena", **values}
    return GameEvent(t_ns=ns(t_s), known_ns=ns(t_s + 1.0 if known_s is None else known_s), kind=kind, **values)


def kills(*times_s: float, **values: Any) -> list[GameEvent]:
    """Own kills in the feed."""
    return [shows(t_s, **values) for t_s in times_s]


def judge(events: Sequence[GameEvent], *, until_s: float = 120.0, profile: Profile | None = None) -> list[Event]:
    """Every event of the detector, on the engine's grid."""
    detector = GameDetector(profile or Profile())
    detector.game(events)
    return [event for step in range(1, int(until_s * 2) + 1) for event in detector.advance(ns(step / 2))]


def newest(events: Sequence[Event]) -> dict[tuple[str, float], Event]:
    """The last version of each, by its kind and first kill."""
    return {(event.kind, event.values["onset_s"]): event for event in events}


def play(events: Sequence[GameEvent], *, until_s: float = 300.0, profile: Profile | None = None) -> list[Moment]:
    """What an engine that hears and reads nothing else decides."""
    engine = Engine(profile or Profile(), SESSION)
    engine.game(events)
    return engine.finish(ns(until_s)).moments
