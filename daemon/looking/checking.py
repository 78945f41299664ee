"""Runs a HUD over a picture or a recording, as a session would, and says what it saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from configs.hud import HudOptions
from configs.huds import load_hud
from core.errors import UsageError
from core.game import GameEvent
from core.times import Ns, ns
from daemon.looking.frames import packets
from daemon.looking.looker import readers
from daemon.looking.sampler import Sampler
from detectors.hud.explain import Explainer, Seen, boxes_of
from detectors.hud.frames import HudFrame, Picture, TextReader
from detectors.hud.model import LoadedHud
from detectors.hud.reader import HudReader


@dataclass(slots=True)
class Checked:
    """What a recording showed: events, and how many frames were looked at."""

    events: list[GameEvent] = field(default_factory=list)
    looks: int = 0
    length_s: float = 0.0


class Check:
    """One HUD. Raises UsageError for one that cannot be read."""

    def __init__(self, game: str, options: HudOptions, player: str = "") -> None:
        cv2.setNumThreads(1)
        self.loaded: LoadedHud = load_hud(game)
        self._text, self._objects = readers(self.loaded, options)
        self._player, self._fps = player, options.fps

    def picture(self, picture: Picture) -> list[Seen]:
        """What every rule sees in one frame."""
        height, width = picture.shape[:2]
        crops = {
            name: np.ascontiguousarray(picture[box.y : box.y + box.h, box.x : box.x + box.w])
            for name, box in boxes_of(self.loaded, width, height).items()
        }
        text: TextReader | None = self._text
        return Explainer(self.loaded, text).look(HudFrame(t_ns=Ns(0), width=width, height=height, crops=crops))

    def recording(self, path: Path, *, from_s: float, to_s: float | None) -> Checked:
        """The events of a stretch. What stands in its first frame is not one: nobody saw it come."""
        reader = HudReader(self.loaded, self._text, player=self._player, objects=self._objects)
        sampler: Sampler | None = None
        checked = Checked()
        for track, packet in packets(path, from_s=from_s, to_s=to_s):
            if packet.kind != "video":
                continue
            sampler = sampler or Sampler(track, reader, fps=self._fps)
            checked.events += sampler.push(packet)
            checked.length_s = max(checked.length_s, packet.end_ns / 1e9)
        if sampler is None:
            raise UsageError(f"{path} shows nothing from {from_s:g} s on", remedy="Give --from a second that it has.")
        checked.events += sampler.cut()
        checked.events = sorted(
            (event for event in checked.events if event.t_ns >= ns(from_s)), key=lambda event: event.t_ns
        )
        checked.looks = sampler.tally.keyframes + sampler.tally.between
        return checked
