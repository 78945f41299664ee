"""What streamers lay over a game: a camera, an alert that pops up, a chat, a border. Some cover parts of a HUD."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import cv2
import numpy as np

from tests.synthetic_streams.faces import staged_people
from tests.synthetic_streams.huds.drawing import Colour, Patch, Picture, letters, outline, paste, plate, stack
from tests.synthetic_streams.huds.look import Look
from tests.synthetic_streams.huds.script import Script

ALERT_S: Final = 4.0
LINES: Final = ("gg", "lets goooo", "clip that", "VICTORY incoming", "who is this guy", "+1", "ACE??", "insane", "kekw")


class Skin(NamedTuple):
    """Places in units of the height, from the top left; a camera's and a chat's x count from the right if negative."""

    camera: tuple[float, float, float, float]
    chat: tuple[float, float, float, float] | None
    alert: tuple[float, float]  # its middle
    border: float
    colour: Colour


TUNING: Final = (
    Skin((0.02, 0.62, 0.36, 0.24), None, (0.889, 0.34), 0.0, (150, 60, 220)),
    Skin((-0.4, 0.66, 0.38, 0.26), (0.01, 0.32, 0.34, 0.28), (0.889, 0.42), 0.006, (40, 160, 230)),
    Skin((0.02, 0.28, 0.3, 0.2), (-0.36, 0.4, 0.34, 0.3), (0.3, 0.6), 0.01, (230, 120, 40)),
)
TESTING: Final = (
    Skin((-0.37, 0.36, 0.35, 0.25), None, (0.889, 0.36), 0.0, (220, 40, 110)),  # close under the feed
    Skin((0.0, 0.0, 0.42, 0.27), (0.0, 0.34, 0.36, 0.32), (0.889, 0.5), 0.008, (30, 190, 120)),  # over the radar
    Skin(
        (0.01, 0.66, 0.34, 0.23), (-0.4, 0.52, 0.38, 0.36), (1.12, 0.68), 0.012, (210, 200, 60)
    ),  # alerts near the medal
)


class Overlay:
    """One stream's."""

    def __init__(self, skin: Skin, script: Script, look: Look) -> None:
        self._skin, self._script, self._look = skin, script, look
        self._chats: dict[int, Patch] = {}
        self._alert = self._drawn_alert()

    def draw(self, picture: Picture, t: float) -> None:
        """Over everything."""
        skin, look = self._skin, self._look
        picture_of = self._camera(t)
        paste(picture, picture_of, self._x(skin.camera[0]), look.px(skin.camera[1]) if skin.camera[1] else 0)
        if skin.chat is not None:
            line = int(t / 1.7)
            if line not in self._chats:
                self._chats = {line: self._chat(line, skin.chat)}
            paste(picture, self._chats[line], self._x(skin.chat[0]), look.px(skin.chat[1]))
        for at in self._script.alerts:
            if at <= t < at + ALERT_S:
                x, y = look.px(skin.alert[0]) - self._alert.shape[1] // 2, look.px(skin.alert[1])
                paste(picture, self._alert, x, y, min(1.0, (t - at) * 4))
        if skin.border:
            cv2.rectangle(picture, (0, 0), (look.width - 1, look.height - 1), skin.colour, look.px(skin.border))

    def _x(self, heights: float) -> int:
        return self._look.width - self._look.px(-heights) if heights < 0 else round(heights * self._look.height)

    def _camera(self, t: float) -> Patch:
        _, _, w, h = self._skin.camera
        room = np.empty((self._look.px(h), self._look.px(w), 3), np.uint8)
        room[:] = np.linspace(40, 120, room.shape[1])[None, :, None].astype(np.uint8)
        shown, _ = staged_people(room, [("hopper", 0.5 + 0.05 * math.sin(1.3 * t), 0.55, 0.9)])
        patch = np.dstack([shown, np.full(shown.shape[:2], 255, np.uint8)])
        return outline(patch, self._skin.colour, 2)

    def _chat(self, last: int, place: tuple[float, float, float, float]) -> Patch:
        look = self._look
        panel = plate(look.px(place[2]), look.px(place[3]), (12, 12, 16), 0.55)
        for i in range(int(place[3] / 0.036)):
            text = f"viewer{(last + i) * 7 % 90}: {LINES[(last + i) % len(LINES)]}"
            stack(panel, letters("aileron", text, look.px(0.02), (220, 220, 230)), 8, round(i * 0.036 * look.height))
        return panel

    def _drawn_alert(self) -> Patch:
        look = self._look
        panel = outline(plate(look.px(0.4), look.px(0.1), self._skin.colour, 0.94), (255, 255, 255), 2)
        stack(panel, letters("aileron", "NEW SUBSCRIBER: night_owl77", look.px(0.026)), 12, look.px(0.03))
        return panel
