"""Banners: a mark that appears means one event. The banners of one region compete for the same place. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.game import GameEvent
from core.times import ns
from detectors.hud.debounce import Now, Sighting
from detectors.hud.match import Hit, Template, find, stays
from detectors.hud.model import BannerRule
from detectors.hud.view import View
from detectors.hud.watcher import LONGEST, Told


class Seen(NamedTuple):
    """A banner in a view: of which rule, by which mark, where."""

    rule: int
    wanted: Template
    hit: Hit


class BannerWatcher:
    """All banner rules of one region."""

    def __init__(self, game: str, rules: Sequence[BannerRule], templates: Mapping[str, Template]) -> None:
        self.region = rules[0].region
        self._rules = rules
        self._wanted = [(i, templates[mark]) for i, rule in enumerate(rules) for mark in rule.marks]
        self._told = [
            Told(game=game, source="banner", kind=rule.event, own=rule.own, count=rule.count) for rule in rules
        ]
        self._longest = [round(LONGEST * ns(rule.shown_s)) for rule in rules]
        self._known: dict[int, tuple[Sighting, Seen]] = {}

    def look(self, view: View) -> list[Seen]:
        """Every banner in the view, at most one a rule, and at one place only the best match."""
        seen = [Seen(i, wanted, hit) for i, wanted in self._wanted for hit in find(view, wanted)]
        result: list[Seen] = []
        for one in sorted(seen, key=lambda one: one.hit.score, reverse=True):
            if not any(other.rule == one.rule or _over(one, other) for other in result):
                result.append(one)
        return result

    def differs(self, sight: list[Seen]) -> bool:
        """A banner that was not there, or one that is not sure yet and not there any more."""
        seen = {one.rule for one in sight}
        left = (rule for rule, (sighting, _) in self._known.items() if sighting.open and rule not in seen)
        return any(left) or not seen <= self._known.keys()

    def take(self, sight: list[Seen], view: View, now: Now) -> list[GameEvent]:
        """Count a look."""
        seen = {one.rule: one for one in sight}
        for rule, (sighting, _) in list(self._known.items()):
            if now.t_ns - sighting.last_ns > self._longest[rule]:  # what flashes hid for so long has gone in them
                del self._known[rule]
        for rule, (sighting, last) in list(self._known.items()):
            one = seen.pop(rule, None)
            # a flash that washes its colours out takes no banner away, another banner over it does
            there = one is not None or (
                not any(_over(last, other) for other in sight) and stays(view, last.wanted, last.hit)
            )
            sighting.look(now.t_ns, there)
            if one is not None:
                self._known[rule] = sighting, one
            elif sighting.gone:
                del self._known[rule]
        for rule, one in seen.items():
            self._known[rule] = Sighting.begin(now, self._longest[rule]), one
        return [
            self._told[rule].event(sighting, now.t_ns, one.hit.score)
            for rule, (sighting, one) in self._known.items()
            if sighting.due()
        ]

    def cut(self) -> None:
        """Forget what is on the screen."""
        self._known.clear()


def _over(one: Seen, other: Seen) -> bool:
    """Whether two banners share their place: the middle of one lies in the other."""
    return _holds(one, other) or _holds(other, one)


def _holds(one: Seen, other: Seen) -> bool:
    (width, height), (w, h) = one.wanted.size, other.wanted.size
    x, y = other.hit.x + w / 2 - one.hit.x, other.hit.y + h / 2 - one.hit.y
    return 0 <= x <= width and 0 <= y <= height
