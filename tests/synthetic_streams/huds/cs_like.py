"""A drawn HUD laid out as Counter-Strike's is: dark rows with names in the teams' colours, own rows in a red frame."""

from __future__ import annotations

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

FEED: Final = Feed(margin=0.0095, top=0.070, pitch=0.037, stays_s=5.5, most=6)
ROW: Final = 0.0315
BLUE: Final[Colour] = (124, 168, 234)
SAND: Final[Colour] = (234, 196, 96)
FRAME: Final[Colour] = (216, 22, 28)
DARK: Final[Colour] = (14, 15, 17)
GREEN: Final[Colour] = (96, 176, 92)
TEXTS: Final = {
    "ace": "ROUND WON", "clutch": "ROUND WON", "round_won": "ROUND WON", "round_lost": "ROUND LOST",
    "victory": "VICTORY", "defeat": "DEFEAT",
}  # fmt: skip
MARKS: Final = {"ace": "round_won", "clutch": "round_won"}  # this game has no banners of their own for them


class CsLike:
    """Draws the game's part of a frame. Rows and figures are drawn once and kept."""

    def __init__(self, script: Script, look: Look) -> None:
        self._script, self._look = script, look
        self._rows: dict[Kill, Patch] = {}
        self._banners: dict[str, Patch] = {}
        self._cross = mark("cross", look.px(0.03))

    def draw(self, picture: Picture, t: float) -> None:
        """Everything that shows at t."""
        look = self._look
        self._plates(picture, t)
        kills, then = shown_kills(self._script, t)
        draw_feed(picture, FEED, look, kills, then, self._row)
        banner = banner_at(self._script, t)
        if banner is not None:
            if banner[0] not in self._banners:
                self._banners[banner[0]] = _banner(look, banner[0])
            draw_popping(picture, self._banners[banner[0]], look.width / 2, 0.17 * look.height, banner[1], BANNER_S)

    def _plates(self, picture: Picture, t: float) -> None:
        look = self._look
        middle = look.width / 2
        timer = letters(look.font, f"{1 - int(t / 60) % 2}:{59 - int(t) % 60:02d}", look.px(0.028))
        back = plate(look.px(0.09), look.px(0.045), DARK, 0.6)
        paste(picture, back, *centred(back, middle, 0.03 * look.height))
        paste(picture, timer, *centred(timer, middle, 0.03 * look.height))
        for side, colour, score in ((-1, BLUE, int(t / 31)), (1, SAND, int(t / 47))):
            figure = letters(look.font, str(score), look.px(0.03), colour)
            paste(picture, figure, *centred(figure, middle + side * 0.065 * look.height, 0.032 * look.height))
        radar = plate(look.px(0.25), look.px(0.25), DARK, 0.55)
        paste(picture, radar, look.px(0.012), look.px(0.012))
        back = plate(look.px(0.2), look.px(0.045), DARK, 0.5)
        paste(picture, back, look.px(0.012), look.px(0.943))
        paste(picture, self._cross, look.px(0.02), look.px(0.95))
        health = letters(look.font, str(100 - int(t * 5) % 70), look.px(0.032))
        paste(picture, health, look.px(0.06), look.px(0.945))
        ammo = letters(look.font, f"{30 - int(t * 3) % 30} / 90", look.px(0.03))
        paste(picture, ammo, look.width - look.px(0.16), look.px(0.945))

    def _row(self, kill: Kill) -> Patch:
        if kill not in self._rows:
            self._rows[kill] = self._drawn_row(kill)
        return self._rows[kill]

    def _drawn_row(self, kill: Kill) -> Patch:
        look, high = self._look, self._look.px(ROW)
        friendly = kill.who in self._script.friends
        px, gap = look.px(0.0182), look.px(0.0085)
        who = letters(look.font, kill.who, px, BLUE if friendly else SAND)
        victim = letters(look.font, kill.victim, px, SAND if friendly else BLUE)
        parts = [who, weapon_icon(kill.weapon, look.px(0.019), "round")]
        if kill.headshot:
            parts.append(headshot_icon(look.px(0.019)))
        parts.append(victim)
        wide = gap + sum(part.shape[1] + gap for part in parts)
        died = kill.victim == self._script.player
        row = plate(wide, high, (112, 14, 18) if died else DARK, (0.85 if died else 0.74) * look.opacity)
        x = gap
        for part in parts:
            stack(row, part, x, (high - part.shape[0]) // 2)
            x += part.shape[1] + gap
        return outline(row, FRAME, max(2, look.px(0.0022))) if kill.who == self._script.player else row


def mark(name: str, px: int) -> Patch:
    """The figures of the HUD that its template holds as marks: `cross`, and one for each banner."""
    cross = ((0.35, 0.08), (0.65, 0.08), (0.65, 0.35), (0.92, 0.35), (0.92, 0.65), (0.65, 0.65), (0.65, 0.92),
             (0.35, 0.92), (0.35, 0.65), (0.08, 0.65), (0.08, 0.35), (0.35, 0.35))  # fmt: skip
    if name == "cross":
        return shape(px, px, [(((0, 0), (1, 0), (1, 1), (0, 1)), (40, 44, 48)), (cross, WHITE)])
    square = ((0, 0), (1, 0), (1, 1), (0, 1))
    tick = (((0.12, 0.52), (0.26, 0.4), (0.42, 0.58), (0.76, 0.16), (0.9, 0.28), (0.44, 0.84)), WHITE)
    slashes = [
        (((0.14, 0.26), (0.26, 0.14), (0.86, 0.74), (0.74, 0.86)), WHITE),
        (((0.74, 0.14), (0.86, 0.26), (0.26, 0.86), (0.14, 0.74)), WHITE),
    ]
    cup = (((0.2, 0.12), (0.8, 0.12), (0.72, 0.5), (0.56, 0.62), (0.56, 0.76), (0.74, 0.88), (0.26, 0.88), (0.44, 0.76),
            (0.44, 0.62), (0.28, 0.5)), SAND)  # fmt: skip
    broken = (
        ((0.2, 0.12), (0.44, 0.12), (0.36, 0.36), (0.56, 0.5), (0.46, 0.88), (0.26, 0.88), (0.4, 0.6), (0.24, 0.46)),
        WHITE,
    )
    parts: dict[str, Parts] = {
        "round_won": [(square, GREEN), tick],
        "round_lost": [(square, (176, 40, 40)), *slashes],
        "victory": [(square, (44, 60, 96)), cup],
        "defeat": [(square, (72, 72, 76)), broken],
    }
    return shape(px, px, parts[name])


def _banner(look: Look, kind: str) -> Patch:
    high = look.px(0.085)
    band = plate(look.px(0.52), high, DARK, 0.78 * look.opacity)
    stack(band, mark(MARKS.get(kind, kind), high), 0, 0)
    text = letters(look.font, TEXTS[kind], look.px(0.046))
    stack(band, text, high + (band.shape[1] - high - text.shape[1]) // 2, (high - text.shape[0]) // 2)
    return band
