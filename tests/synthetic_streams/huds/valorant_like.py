"""A drawn HUD laid out as Valorant's is: plates in two colours with own rows outlined, a medal for each own kill."""

from __future__ import annotations

import math
from typing import Final

from tests.synthetic_streams.huds.drawing import (
    WHITE,
    Colour,
    Parts,
    Patch,
    Picture,
    centred,
    letters,
    outline,
    paste,
    plate,
    shape,
    stack,
)
from tests.synthetic_streams.huds.look import Feed, Look, banner_at, draw_feed, draw_popping, shown_kills
from tests.synthetic_streams.huds.script import BANNER_S, Kill, Script
from tests.synthetic_streams.huds.weapons import headshot_icon, weapon_icon

FEED: Final = Feed(margin=0.0185, top=0.088, pitch=0.0389, stays_s=6.0, most=6)
ROW: Final = 0.0343
TEAL: Final[Colour] = (62, 178, 158)
RED: Final[Colour] = (222, 74, 84)
GOLD: Final[Colour] = (240, 226, 96)
DARK: Final[Colour] = (22, 28, 36)
MEDAL_S: Final = 2.4
MEDAL_AT: Final = 0.80
TEXTS: Final = {
    "ace": "ACE", "clutch": "CLUTCH", "round_won": "WON", "round_lost": "LOST", "victory": "VICTORY", "defeat": "DEFEAT"
}  # fmt: skip


class ValorantLike:
    """Draws the game's part of a frame. Rows and figures are drawn once and kept."""

    def __init__(self, script: Script, look: Look) -> None:
        self._script, self._look = script, look
        self._rows: dict[Kill, Patch] = {}
        self._medals: dict[int, Patch] = {}
        self._banners: dict[str, Patch] = {}
        self._spike = mark("spike", look.px(0.028))

    def draw(self, picture: Picture, t: float) -> None:
        """Everything that shows at t."""
        look, script = self._look, self._script
        middle = look.width / 2
        self._plates(picture, t)
        kills, then = shown_kills(script, t)
        draw_feed(picture, FEED, look, kills, then, self._row)
        own = [kill for kill in kills if kill.who == script.player and 0 <= then - kill.t < MEDAL_S]
        if own:
            number = script.kill_number(own[-1])
            if number not in self._medals:
                self._medals[number] = medal(look.px(0.085), number)
            draw_popping(picture, self._medals[number], middle, MEDAL_AT * look.height, then - own[-1].t, MEDAL_S)
        banner = banner_at(script, t)
        if banner is not None:
            if banner[0] not in self._banners:
                self._banners[banner[0]] = _banner(look, banner[0])
            draw_popping(picture, self._banners[banner[0]], middle, 0.21 * look.height, banner[1], BANNER_S)

    def _plates(self, picture: Picture, t: float) -> None:
        look = self._look
        middle = look.width / 2
        for side, colour, score in ((-1, TEAL, int(t / 31)), (1, RED, int(t / 47))):
            panel = plate(look.px(0.05), look.px(0.045), colour, 0.6 * look.opacity)
            paste(picture, panel, *centred(panel, middle + side * 0.085 * look.height, 0.035 * look.height))
            figure = letters(look.font, str(score), look.px(0.03))
            paste(picture, figure, *centred(figure, middle + side * 0.085 * look.height, 0.033 * look.height))
        timer = letters(look.font, f"{1 - int(t / 60) % 2}:{59 - int(t) % 60:02d}", look.px(0.03))
        paste(picture, timer, *centred(timer, middle, 0.03 * look.height))
        paste(picture, self._spike, *centred(self._spike, middle, 0.066 * look.height))
        radar = plate(look.px(0.24), look.px(0.24), DARK, 0.35)
        paste(picture, radar, look.px(0.02), look.px(0.03))
        health = letters(look.font, str(100 - int(t * 7) % 60), look.px(0.04))
        paste(picture, health, *centred(health, middle - 0.33 * look.height, 0.945 * look.height))
        ammo = letters(look.font, f"{25 - int(t * 2) % 25} / 75", look.px(0.035))
        paste(picture, ammo, *centred(ammo, middle + 0.33 * look.height, 0.945 * look.height))

    def _row(self, kill: Kill) -> Patch:
        if kill not in self._rows:
            self._rows[kill] = self._drawn_row(kill)
        return self._rows[kill]

    def _drawn_row(self, kill: Kill) -> Patch:
        look, high = self._look, self._look.px(ROW)
        friendly = kill.who in self._script.friends
        colours = (TEAL, RED) if friendly else (RED, TEAL)
        px, gap = look.px(0.0178), look.px(0.008)
        who, victim = letters(look.font, kill.who, px), letters(look.font, kill.victim, px)
        icons = [weapon_icon(kill.weapon, look.px(0.02), "angular")]
        if kill.headshot:
            icons.append(headshot_icon(look.px(0.02)))
        wide = sum(icon.shape[1] + gap for icon in icons)
        left = high + gap + who.shape[1] + gap
        row = plate(left + wide + gap + victim.shape[1] + gap + high, high, colours[0], 0.88 * look.opacity)
        row[:, left + wide :, :3] = colours[1]
        for x, name in ((0, kill.who), (row.shape[1] - high, kill.victim)):
            stack(row, _portrait(name, high), x, 0)
        stack(row, who, high + gap, (high - who.shape[0]) // 2)
        stack(row, victim, left + wide + gap, (high - victim.shape[0]) // 2)
        x = left
        for icon in icons:
            stack(row, icon, x, (high - icon.shape[0]) // 2)
            x += icon.shape[1] + gap
        own = self._script.player in (kill.who, kill.victim)
        return outline(row, GOLD, max(2, look.px(0.0024))) if own else row


def mark(name: str, px: int) -> Patch:
    """The figures of the HUD that its template holds as marks: `spike`, `medal`, and one for each banner."""
    if name == "spike":
        return shape(px, px, [
            (((0.5, 0.0), (0.85, 0.4), (0.5, 1.0), (0.15, 0.4)), (236, 228, 206)),
            (((0.5, 0.2), (0.66, 0.4), (0.5, 0.68), (0.34, 0.4)), (196, 62, 62)),
            (((0.0, 0.3), (0.1, 0.3), (0.42, 0.95), (0.3, 0.95)), (236, 228, 206)),
            (((1.0, 0.3), (0.9, 0.3), (0.58, 0.95), (0.7, 0.95)), (236, 228, 206)),
        ])  # fmt: skip
    if name == "medal":
        return shape(px, px, [
            (_polygon(20, 0.5), DARK),
            (_polygon(20, 0.44), (228, 214, 170)),
            (_polygon(20, 0.38), DARK),
            (((0.5, 0.18), (0.66, 0.5), (0.5, 0.82), (0.34, 0.5)), (226, 60, 58)),
            (((0.2, 0.42), (0.3, 0.36), (0.42, 0.62), (0.36, 0.74)), (244, 236, 214)),
            (((0.8, 0.42), (0.7, 0.36), (0.58, 0.62), (0.64, 0.74)), (244, 236, 214)),
        ])  # fmt: skip
    up = (((0.5, 0.16), (0.86, 0.54), (0.68, 0.54), (0.5, 0.36), (0.32, 0.54), (0.14, 0.54)), TEAL)
    down = (((0.5, 0.84), (0.86, 0.46), (0.68, 0.46), (0.5, 0.64), (0.32, 0.46), (0.14, 0.46)), RED)
    bar = (((0.24, 0.66), (0.76, 0.66), (0.76, 0.78), (0.24, 0.78)), WHITE)
    lid = (((0.24, 0.22), (0.76, 0.22), (0.76, 0.34), (0.24, 0.34)), WHITE)
    parts: dict[str, Parts] = {
        "ace": [(_star(0.46), GOLD), (_star(0.2), DARK)],
        "clutch": [(((0.14, 0.22), (0.86, 0.22), (0.5, 0.9)), GOLD), (((0.34, 0.32), (0.66, 0.32), (0.5, 0.6)), DARK)],
        "round_won": [up, bar],
        "round_lost": [down, lid],
        "victory": [(_polygon(6, 0.48), GOLD), up],
        "defeat": [(_polygon(6, 0.48), (188, 192, 200)), down],
    }
    ground = (_polygon(24, 0.5), DARK)
    return shape(px, px, [ground, *parts[name]])


def medal(px: int, number: int) -> Patch:
    """A kill's: the mark, with as many ticks around it as there were kills in the round."""
    patch = shape(px * 3 // 2, px * 3 // 2, [])
    stack(patch, mark("medal", px), px // 4, px // 4)
    for tick in range(min(number, 6)):
        angle = math.pi * (tick - (min(number, 6) - 1) / 2) / 5
        dot = shape(px // 8, px // 8, [(_polygon(8, 0.5), GOLD)])
        x, y = 0.75 * px + 0.62 * px * math.sin(angle), 0.75 * px - 0.62 * px * math.cos(angle)
        stack(patch, dot, *centred(dot, x, y))
    return patch


def _banner(look: Look, kind: str) -> Patch:
    band = plate(look.px(0.56), look.px(0.17), DARK, 0.0)
    band[look.px(0.085) :] = (*DARK, round(255 * 0.6 * look.opacity))
    figure = mark(kind, look.px(0.075))
    stack(band, figure, (band.shape[1] - figure.shape[1]) // 2, 0)
    text = letters(look.font, TEXTS[kind], look.px(0.058))
    stack(band, text, (band.shape[1] - text.shape[1]) // 2, look.px(0.087))
    return band


def _portrait(name: str, px: int) -> Patch:
    tone = 60 + sum(name.encode()) % 120
    return shape(px, px, [
        (((0, 0), (1, 0), (1, 1), (0, 1)), (tone // 2, 50, 90)),
        (((0.5, 0.15), (0.75, 0.4), (0.5, 0.7), (0.25, 0.4)), (tone, 150, 240 - tone)),
        (((0.2, 1), (0.5, 0.65), (0.8, 1)), (240 - tone, tone, 120)),
    ])  # fmt: skip


def _polygon(corners: int, radius: float) -> list[tuple[float, float]]:
    steps = [2 * math.pi * step / corners for step in range(corners)]
    return [(0.5 + radius * math.sin(angle), 0.5 - radius * math.cos(angle)) for angle in steps]


def _star(radius: float) -> list[tuple[float, float]]:
    steps = [(math.pi * step / 5, radius * (1.0 if step % 2 == 0 else 0.42)) for step in range(10)]
    return [(0.5 + out * math.sin(angle), 0.5 - out * math.cos(angle)) for angle, out in steps]
