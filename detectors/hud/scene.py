"""Scenes in which nothing is reported: menus, scoreboards, replays; or the HUD's own mark is missing. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from core.times import Ns, ns
from detectors.hud.match import Template, find
from detectors.hud.model import SceneRule
from detectors.hud.view import View


class SceneWatcher:
    """One look is enough to be quiet: what a scene costs is little, what a replay counts twice is wrong."""

    def __init__(self, rule: SceneRule, templates: Mapping[str, Template]) -> None:
        self.region = rule.region
        self._wanted = [templates[mark] for mark in rule.marks]
        self._requires, self._linger_ns = rule.requires, ns(rule.linger_s)
        self._until_ns: Ns | None = None  # quiet up to here
        self._on = False
        self._missed = 1

    def look(self, view: View) -> bool:
        """Whether the scene is seen."""
        return any(find(view, wanted) for wanted in self._wanted)

    def differs(self, sight: bool) -> bool:
        """The scene began or ended."""
        return (sight == self._requires) == self._on

    def take(self, sight: bool, t_ns: Ns) -> None:
        """Count a look. A HUD's own mark may be missed once, except at the first look."""
        self._missed = 0 if sight else self._missed + 1
        self._on = self._missed > 1 if self._requires else sight
        if self._on:
            self._until_ns = Ns(t_ns + self._linger_ns)

    def quiet(self, t_ns: Ns) -> bool:
        """Whether nothing may be reported that is first seen at `t_ns`."""
        return self._on or (self._until_ns is not None and t_ns < self._until_ns)

    def cut(self) -> None:
        """Forget what is on the screen."""
        self._until_ns, self._on, self._missed = None, False, 1
