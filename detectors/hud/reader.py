"""Reads a game's HUD frame by frame: crops in, events out. No files, no clock; one thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.game import GameEvent
from core.times import Ns
from detectors.hud.banner import BannerWatcher
from detectors.hud.counter import CounterWatcher
from detectors.hud.debounce import Now
from detectors.hud.feed import FeedWatcher
from detectors.hud.frames import Box, Found, HudFrame, ObjectReader, Picture, TextLine, TextReader
from detectors.hud.match import Template, template
from detectors.hud.model import (
    BannerRule,
    CounterRule,
    FeedRule,
    Hud,
    LoadedHud,
    ModelRule,
    SceneRule,
    TextRule,
)
from detectors.hud.objects import ObjectWatcher
from detectors.hud.places import region_box, screen_lines
from detectors.hud.scene import SceneWatcher
from detectors.hud.text import TextWatcher
from detectors.hud.view import View
from detectors.hud.watcher import Watcher

__all__ = ["Box", "Found", "HudFrame", "HudReader", "ObjectReader", "Picture", "TextLine", "TextReader"]

_LARGEST_SCALE: Final = 4.0  # a picture with fewer lines than a quarter of the HUD's shows no shapes of it
_SHORTEST_S: Final = 2.0  # of a HUD whose rules don't say how long they show anything (counters)


class HudReader:
    """What a HUD says over time. `player` is the streamer's name (over the HUD's own); "any" makes everyone's own."""

    def __init__(
        self,
        loaded: LoadedHud,
        text: TextReader | None,
        *,
        player: str = "",
        objects: ObjectReader | None = None,
    ) -> None:
        hud = loaded.hud
        templates = {name: template(name, mark, loaded.marks[name]) for name, mark in hud.marks.items()}
        self._hud = hud
        self._scenes = [SceneWatcher(rule, templates) for rule in hud.rules if isinstance(rule, SceneRule)]
        self._watchers = _watchers(hud, templates, text, player or hud.player, objects)
        self._before: list[Ns | None] = [None] * len(self._watchers)  # when each last saw something of its region
        self._last_ns: Ns | None = None
        self._looks: list[tuple[HudFrame, _Look]] = []  # a keyframe is asked about again between others
        self.shortest_s: float = min(
            (rule.shown_s for rule in hud.rules if not isinstance(rule, CounterRule | SceneRule)), default=_SHORTEST_S
        )

    def boxes(self, width: int, height: int) -> dict[str, Box]:
        """Which part of a picture each region is; a frame's crops are these."""
        return {name: region_box(self._hud, region, width, height) for name, region in self._hud.regions.items()}

    def differs(self, frame: HudFrame) -> bool:
        """Does this frame show what the last one pushed did not, or not show what that one left open?

        What it shows again is settled by pushing it, whatever was between. Cheap: no text is read, and nothing changes
        here. Nothing differs in a scene that goes on.
        """
        look = self._look(frame)
        if any(
            scene.differs(sight) for scene, sight in zip(self._scenes, look.scenes, strict=True) if sight is not None
        ):
            return True
        if any(scene.quiet(frame.t_ns) for scene in self._scenes):
            return False
        for watcher, view, sight, before_ns in zip(self._watchers, look.views, look.sights, self._before, strict=True):
            if view is None:  # a flash that began since: things happen behind it
                if watcher.region in frame.crops and before_ns is not None and before_ns == self._last_ns:
                    return True
            elif watcher.differs(sight):
                return True
        return False

    def push(self, frame: HudFrame) -> list[GameEvent]:
        """Take the next frame, later than the last one. Events in the order of their times."""
        look = self._look(frame)
        self._looks, self._last_ns = [each for each in self._looks if each[0] is not frame], frame.t_ns
        for scene, seen in zip(self._scenes, look.scenes, strict=True):
            if seen is not None:
                scene.take(seen, frame.t_ns)
        quiet = any(scene.quiet(frame.t_ns) for scene in self._scenes)
        events: list[GameEvent] = []
        for i, (watcher, view, sight) in enumerate(zip(self._watchers, look.views, look.sights, strict=True)):
            if view is not None:
                events += watcher.take(sight, view, Now(frame.t_ns, self._before[i], quiet))
                self._before[i] = frame.t_ns
        return sorted(events, key=lambda event: event.t_ns)

    def cut(self) -> None:
        """A gap or a new epoch: nothing before is continued, and what stands in the next frame is not new."""
        self._looks, self._last_ns = [], None
        self._before = [None] * len(self._watchers)
        for scene in self._scenes:
            scene.cut()
        for watcher in self._watchers:
            watcher.cut()

    def _look(self, frame: HudFrame) -> _Look:
        """What is in a frame; asked for again where `differs` or `adds` comes before `push`."""
        look = next((look for known, look in self._looks if known is frame), None)
        if look is None:
            look = self._look_anew(frame)
            self._looks = [*self._looks[-1:], (frame, look)]
        return look

    def _look_anew(self, frame: HudFrame) -> _Look:
        scale = self._hud.height / screen_lines(self._hud, frame.height)
        views = {
            name: View(crop, scale)
            for name, crop in frame.crops.items()
            if name in self._hud.regions and min(crop.shape[:2]) >= 2 and scale <= _LARGEST_SCALE
        }
        seeing = {name: view for name, view in views.items() if not view.blind}
        return _Look(
            [scene.look(seeing[scene.region]) if scene.region in seeing else None for scene in self._scenes],
            [seeing.get(watcher.region) for watcher in self._watchers],
            [watcher.look(seeing[watcher.region]) if watcher.region in seeing else None for watcher in self._watchers],
        )


class _Look:
    """A frame as the scenes and the watchers see it: None where nothing can be seen."""

    def __init__(self, scenes: list[bool | None], views: list[View | None], sights: list[Any]) -> None:
        self.scenes, self.views, self.sights = scenes, views, sights


def _watchers(
    hud: Hud,
    templates: Mapping[str, Template],
    text: TextReader | None,
    player: str,
    objects: ObjectReader | None,
) -> list[Watcher]:
    banners: dict[str, list[BannerRule]] = {}
    result: list[Watcher] = []
    for rule in hud.rules:
        if isinstance(rule, FeedRule):
            result.append(FeedWatcher(hud.game, rule, templates, height=hud.height, player=player, text=text))
        elif isinstance(rule, BannerRule):
            banners.setdefault(rule.region, []).append(rule)
        elif isinstance(rule, CounterRule):
            result.append(CounterWatcher(hud.game, rule, templates, text))
        elif isinstance(rule, TextRule):
            result.append(TextWatcher(hud.game, rule, text, player))
        elif isinstance(rule, ModelRule) and objects is not None:
            result.append(ObjectWatcher(hud.game, rule, objects))
    return result + [BannerWatcher(hud.game, rules, templates) for rules in banners.values()]
