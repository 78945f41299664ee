"""Things that an object detection model finds, over time; the model itself is the caller's. Pure but for the model."""

from __future__ import annotations

from core.game import GameEvent
from core.times import ns
from detectors.hud.debounce import Now, Sighting
from detectors.hud.frames import ObjectReader
from detectors.hud.model import ModelRule
from detectors.hud.view import View
from detectors.hud.watcher import LONGEST, Told


class ObjectWatcher:
    """One model rule. It looks at frames that are pushed only: a model costs more than all other rules together."""

    def __init__(self, game: str, rule: ModelRule, objects: ObjectReader) -> None:
        self.region = rule.region
        self._game, self._rule, self._objects = game, rule, objects
        self._longest_ns = round(LONGEST * ns(rule.shown_s))
        self._known: dict[str, Sighting] = {}

    def look(self, _view: View) -> None:
        """Nothing that is cheap."""

    def differs(self, _sight: None) -> bool:
        """Whether the next look decides on something."""
        return any(sighting.open for sighting in self._known.values())

    def take(self, _sight: None, view: View, now: Now) -> list[GameEvent]:
        """Ask the model, and count a look for each of the labels."""
        [found] = self._objects.find(self._rule.name, [view.crop])
        scores: dict[str, float] = {}
        for one in found:
            if one.label in self._rule.labels and one.score >= self._rule.threshold:
                scores[one.label] = max(one.score, scores.get(one.label, 0.0))
        for label, sighting in list(self._known.items()):
            sighting.look(now.t_ns, label in scores)
            if sighting.gone:
                del self._known[label]
        for label in scores:
            if label not in self._known:
                self._known[label] = Sighting.begin(now, self._longest_ns)
        return [
            self._tell(label).event(sighting, now.t_ns, scores.get(label, self._rule.threshold))
            for label, sighting in self._known.items()
            if sighting.due()
        ]

    def cut(self) -> None:
        """Forget what is on the screen."""
        self._known.clear()

    def _tell(self, label: str) -> Told:
        means = self._rule.labels[label]
        return Told(game=self._game, source="model", kind=means.event, own=means.own, count=means.count)
