"""What a game shows besides playing: buy panel, menu, scoreboard, a replay's tag, flashes.

Hard on purpose where it can be: frames in the own rows' colours, names of players, words of banners.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2

from tests.synthetic_streams.huds.drawing import (
    WHITE,
    Colour,
    Patch,
    Picture,
    Points,
    letters,
    outline,
    paste,
    plate,
    shape,
    stack,
)
from tests.synthetic_streams.huds.look import Look
from tests.synthetic_streams.huds.script import Scene, Script
from tests.synthetic_streams.huds.weapons import SHORT, weapon_icon


def scene_mark(game: str, kind: str, px: int) -> Patch:
    """The figure that a screen has beside its heading; another one in each game."""
    ring = [(0.5 + 0.5 * math.sin(math.pi * step / 4), 0.5 - 0.5 * math.cos(math.pi * step / 4)) for step in range(8)]
    square = [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98)]
    ground: tuple[Points, Colour] = (ring if game == "valorant" else square, (24, 30, 38))
    bars = ((0.2, 0.5), (0.42, 0.25), (0.64, 0.4))
    figures: dict[str, Sequence[Points]] = {
        "menu": [((0.2, y), (0.8, y), (0.8, y + 0.1), (0.2, y + 0.1)) for y in (0.25, 0.45, 0.65)],
        "buy": [((0.25, 0.3), (0.85, 0.3), (0.75, 0.6), (0.35, 0.6)),
                ((0.35, 0.68), (0.45, 0.68), (0.45, 0.8), (0.35, 0.8)),
                ((0.65, 0.68), (0.75, 0.68), (0.75, 0.8), (0.65, 0.8))],
        "replay": [((0.15, 0.5), (0.48, 0.22), (0.48, 0.78)), ((0.5, 0.5), (0.83, 0.22), (0.83, 0.78))],
        "scoreboard": [((x, top), (x + 0.16, top), (x + 0.16, 0.8), (x, 0.8)) for x, top in bars],
    }  # fmt: skip
    colour: Colour = (240, 214, 120) if game == "valorant" else WHITE
    return shape(px, px, [ground, *((figure, colour) for figure in figures[kind])])


class Scenes:
    """Draws them for one stream; `accent` is the colour of the game's own rows."""

    def __init__(self, script: Script, look: Look, game: str, accent: Colour) -> None:
        self._script, self._look, self._game, self._accent = script, look, game, accent
        self._kept: dict[tuple[str, int], Patch] = {}

    def before(self, picture: Picture, t: float) -> None:
        """What happens to the game's world, under the HUD: a flash."""
        flash = self._script.during(t, "flash")
        if flash is not None:
            _whiten(picture, min(1.0, 1.6 * (flash.end - t) / (flash.end - flash.start)))

    def after(self, picture: Picture, t: float) -> None:
        """What lies over the HUD."""
        look = self._look
        scene = self._script.during(t, "buy", "menu", "replay", "scoreboard")
        if scene is not None:
            patch = self._drawn(scene, t)
            paste(picture, patch, (look.width - patch.shape[1]) // 2, _top(scene.kind, look))
        if self._script.during(t, "blind") is not None:
            _whiten(picture, 1.0)
        stinger = self._script.during(t, "stinger")
        if stinger is not None:
            done = (t - stinger.start) / (stinger.end - stinger.start)
            left, right = (max(0, round((2.4 * done - shift) * look.width)) for shift in (1.4, 0))
            picture[:, left:right] = (70, 30, 140)

    def _drawn(self, scene: Scene, t: float) -> Patch:
        page = int(t - scene.start) // 3
        if (scene.kind, page) not in self._kept:
            draw = {"buy": self._buy, "menu": self._menu, "replay": self._replay, "scoreboard": self._scores}[
                scene.kind
            ]
            self._kept[scene.kind, page] = draw(page)
        return self._kept[scene.kind, page]

    def _headed(self, kind: str, text: str, width: float, height: float, opacity: float) -> Patch:
        look = self._look
        panel = plate(look.px(width), look.px(height), (26, 30, 40), opacity)
        stack(panel, scene_mark(self._game, kind, look.px(0.05)), look.px(0.02), look.px(0.015))
        stack(panel, letters(look.font, text, look.px(0.034)), look.px(0.085), look.px(0.016))
        return panel

    def _replay(self, page: int) -> Patch:
        return self._headed("replay", "REPLAY", 0.28, 0.08, 0.75)

    def _buy(self, page: int) -> Patch:
        look = self._look
        panel = self._headed("buy", "BUY PHASE", 1.1, 0.56, 0.86)
        for i, weapon in enumerate((*SHORT, "ak47", "m4a1", "awp", "famas", "ump45", "mac10")):
            cell = outline(
                plate(look.px(0.24), look.px(0.085), (44, 48, 60)), self._accent if i == page else (90, 90, 96), 2
            )
            stack(cell, weapon_icon(weapon, look.px(0.03), "angular" if self._game == "valorant" else "round"), 8, 8)
            stack(cell, letters(look.font, weapon.upper()[:8], look.px(0.018)), 8, look.px(0.05))
            stack(panel, cell, look.px(0.04 + 0.255 * (i % 4)), look.px(0.09 + 0.1 * (i // 4)))
        return panel

    def _scores(self, page: int) -> Patch:
        look = self._look
        panel = self._headed("scoreboard", "SCOREBOARD", 0.8, 0.5, 0.88)
        names = sorted(self._script.friends) + sorted(
            {kill.victim for kill in self._script.kills} - self._script.friends
        )
        for i, name in enumerate(names[:10]):
            row = plate(
                look.px(0.74), look.px(0.034), (40, 120, 110) if name in self._script.friends else (130, 50, 56)
            )
            if name == self._script.player:
                row = outline(row, self._accent, 2)
            stack(row, letters(look.font, f"{name}", look.px(0.02)), 10, 4)
            stack(row, letters(look.font, f"{7 + i}  {3 + i}  {i}", look.px(0.02)), look.px(0.5), 4)
            stack(panel, row, look.px(0.03), look.px(0.09 + 0.04 * i))
        return panel

    def _menu(self, page: int) -> Patch:
        """The whole picture: pages of a lobby, a match history full of victories, settings."""
        look = self._look
        panel = self._headed("menu", ("LOBBY", "CAREER", "SETTINGS")[page % 3], look.width / look.height, 1.0, 1.0)
        for i in range(9):
            words = ("VICTORY  13 - 7", "DEFEAT  9 - 13", "ACE x 1", "ROUND WON 12")[(i + page) % 4]
            wide = look.px(0.5 if page % 3 else 0.3)
            row = plate(wide, look.px(0.06), ((40, 84, 80), (90, 44, 50), (50, 54, 66))[(i + page) % 3])
            if i == (page * 2) % 9:
                row = outline(row, self._accent, 3)
            stack(row, letters(look.font, words if page % 3 else "PLAY", look.px(0.026)), 12, look.px(0.01))
            stack(panel, row, look.width - wide - look.px(0.04 + 0.5 * (i % 2)), look.px(0.09 + 0.085 * i))
        return panel


def _top(kind: str, look: Look) -> int:
    return round({"buy": 0.2, "menu": 0.0, "replay": 0.09, "scoreboard": 0.24}[kind] * look.height)


def _whiten(picture: Picture, amount: float) -> None:
    cv2.addWeighted(picture, 1 - amount, picture, 0.0, 252 * amount, dst=picture)
