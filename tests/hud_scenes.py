"""A HUD drawn with numpy and OpenCV for unit tests: rows, medals, digits and menus over a scenery that moves.

Its texts are boxes in a code of their own, since reading is the fake's work: `SpellingReader` knows what was drawn.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from core.game import GameEvent
from core.times import ns
from detectors.hud.model import Hud, LoadedHud
from detectors.hud.reader import HudFrame, HudReader, Picture, TextLine, TextReader

H = 720  # the working height, at which everything is drawn first
GOLD, TEAL, RED, WHITE, PANEL = (230, 190, 60), (60, 200, 190), (230, 70, 70), (240, 240, 240), (30, 34, 40)
ROW = 26

FEED = {
    "kind": "feed",
    "name": "feed",
    "region": "feed",
    "row_h": ROW / H,
    "marks": ["skull"],
    "own_kill": {"colours": [{"hue": [35, 55], "saturation": [0.5, 1], "value": [0.6, 1]}], "share": [0.1, 1]},
    "shown_s": 4,
}
TREE = {
    "game": "drawn",
    "title": "Drawn",
    "height": H,
    "regions": {
        "feed": {"anchor": "top-right", "x": 0.01, "y": 0.05, "w": 0.5, "h": 0.25},
        "medal": {"anchor": "bottom", "y": 0.12, "w": 0.2, "h": 0.14},
        "frags": {"anchor": "bottom-left", "x": 0.02, "y": 0.02, "w": 0.14, "h": 0.07},
        "middle": {"anchor": "centre", "w": 0.3, "h": 0.12},
    },
    "marks": {
        "skull": {"file": "skull.png"},
        "medal2": {"file": "medal2.png"},
        "medal3": {"file": "medal3.png"},
        "menu": {"file": "menu.png"},
        **{f"d{i}": {"file": f"d{i}.png", "threshold": 0.85} for i in range(10)},
    },
    "rules": [
        FEED,
        {"kind": "banner", "name": "two", "region": "medal", "marks": ["medal2"], "event": "streak", "count": 2},
        {"kind": "banner", "name": "three", "region": "medal", "marks": ["medal3"], "event": "streak", "count": 3},
        {"kind": "counter", "name": "frags", "region": "frags", "digits": [f"d{i}" for i in range(10)]},
        {"kind": "scene", "name": "menu", "region": "middle", "marks": ["menu"]},
    ],
}


def skull() -> Picture:
    """The mark of a kill, 18 by 18."""
    icon = np.full((18, 18, 3), PANEL, np.uint8)
    cv2.circle(icon, (9, 7), 6, WHITE, -1)
    cv2.rectangle(icon, (6, 12), (12, 16), WHITE, -1)
    for x in (7, 11):
        cv2.circle(icon, (x, 7), 1, PANEL, -1)
    return icon


def medal(count: int) -> Picture:
    """A medal with as many bars, 48 by 48."""
    icon = np.full((48, 48, 3), PANEL, np.uint8)
    cv2.circle(icon, (24, 24), 22, GOLD, 3)
    for i in range(count):
        x = 24 + round(12 * (i - (count - 1) / 2))
        cv2.line(icon, (x, 14), (x, 34), WHITE, 4)
    return icon


def digit(value: int) -> Picture:
    """A red digit, 24 by 18."""
    icon = np.full((24, 18, 3), PANEL, np.uint8)
    cv2.putText(icon, str(value), (1, 21), cv2.FONT_HERSHEY_SIMPLEX, 0.8, RED, 2, cv2.LINE_AA)
    return icon


def menu() -> Picture:
    """The head of a menu, 150 by 40."""
    icon = np.full((40, 150, 3), PANEL, np.uint8)
    cv2.putText(icon, "SETTINGS", (4, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.9, WHITE, 2, cv2.LINE_AA)
    return icon


def rgba(picture: Picture) -> NDArray[np.uint8]:
    """Opaque all over."""
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def drawn_hud(tree: dict[str, object] | None = None) -> LoadedHud:
    """The HUD of these drawings."""
    pictures = {"skull": skull(), "medal2": medal(2), "medal3": medal(3), "menu": menu()}
    pictures |= {f"d{i}": digit(i) for i in range(10)}
    return LoadedHud(
        hud=Hud.model_validate(tree or TREE), marks={name: rgba(picture) for name, picture in pictures.items()}
    )


@dataclass(frozen=True)
class Line:
    """A row of the feed: `who` killed `victim`."""

    who: str
    victim: str
    own: bool = False


@dataclass
class Screen:
    """What is on the screen at one time. `seed`: the scenery; `white`: how much of a flash lies over everything."""

    rows: Sequence[Line] = ()
    medal: int = 0
    frags: int | None = None
    menu: bool = False
    white: float = 0.0
    seed: int = 0
    top: int = 0  # pixels by which rows are shifted down: they slide
    lost: bool = False  # the frame never comes


def word(text: str) -> Picture:
    """A name as blocks that no other name has, 14 pixels high, 9 a letter."""
    rng = np.random.default_rng(zlib.crc32(text.encode()))
    cells = rng.integers(0, 2, (7, 4 * len(text)), np.uint8)
    cells[:, 3::4] = 0
    big = np.kron(cells, np.ones((2, 2), np.uint8))
    return np.where(big[..., None] > 0, np.array(WHITE, np.uint8), np.array(PANEL, np.uint8))


def draw(screen: Screen, width: int = 1280, height: int = 720) -> Picture:
    """The whole picture."""
    wide = round(H * width / height)
    picture = scenery(screen.seed % 16, wide).copy()
    for i, row in enumerate(screen.rows):
        _row(picture, row, round(0.05 * H) + 4 + i * ROW + screen.top)
    if screen.medal:
        _paste(picture, medal(screen.medal), wide // 2 - 24, H - round(0.12 * H) - 72)
    if screen.frags is not None:
        cv2.rectangle(picture, (14, H - 66), (120, H - 12), PANEL, -1)
        for i, letter in enumerate(str(screen.frags)):
            _paste(picture, digit(int(letter)), 26 + 20 * i, H - 54)
    if screen.menu:
        _paste(picture, menu(), wide // 2 - 75, H // 2 - 20)
    if screen.white:
        picture = (picture * (1 - screen.white) + 255 * screen.white).astype(np.uint8)
    how = cv2.INTER_AREA if height < H else cv2.INTER_CUBIC
    return (
        picture
        if (wide, H) == (width, height)
        else np.asarray(cv2.resize(picture, (width, height), None, 0, 0, how), np.uint8)
    )


@lru_cache(maxsize=64)
def scenery(seed: int, wide: int) -> Picture:
    """What lies behind the HUD: blurred shapes under grain."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 200, (9, 16, 3), np.uint8)
    picture = np.asarray(cv2.resize(small, (wide, H), interpolation=cv2.INTER_CUBIC), np.uint8)
    grain = rng.integers(-12, 12, picture.shape)
    return np.asarray(np.clip(picture.astype(np.int16) + grain, 0, 255), np.uint8)


def _row(picture: Picture, row: Line, top: int) -> None:
    left, right = word(row.who), word(row.victim)
    end = picture.shape[1] - round(0.01 * H) - 4
    start = end - (left.shape[1] + right.shape[1] + 18 + 32)
    cv2.rectangle(picture, (start, top), (end, top + ROW - 4), PANEL, -1)
    if row.own:
        cv2.rectangle(picture, (start, top), (end, top + ROW - 4), GOLD, 2)
    _paste(picture, left, start + 8, top + 5)
    _paste(picture, skull(), start + 16 + left.shape[1], top + 2)
    _paste(picture, right, end - 8 - right.shape[1], top + 5)


def _paste(picture: Picture, icon: Picture, x: int, y: int) -> None:
    picture[y : y + icon.shape[0], x : x + icon.shape[1]] = icon


@dataclass
class SpellingReader:
    """A TextReader that knows the names that may have been drawn, and counts how often it is asked."""

    names: Sequence[str]
    height: int = H
    crops: int = 0
    wrong: dict[str, str] = field(default_factory=dict)

    def read(self, crops: Sequence[Picture]) -> list[list[TextLine]]:
        """One list of lines a crop."""
        self.crops += len(crops)
        return [self._read(crop) for crop in crops]

    def _read(self, crop: Picture) -> list[TextLine]:
        scale = H / self.height
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        grey = np.asarray(cv2.resize(grey, None, None, scale, scale, cv2.INTER_LINEAR), np.uint8)
        found = []
        for name in self.names:
            wanted = cv2.cvtColor(word(name), cv2.COLOR_RGB2GRAY)
            if wanted.shape[0] > grey.shape[0] or wanted.shape[1] > grey.shape[1]:
                continue
            _, score, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(grey, wanted, cv2.TM_CCOEFF_NORMED))
            if score > 0.7:
                found.append(TextLine(self.wrong.get(name, name), min(1.0, score), x + wanted.shape[1] / 2, float(y)))
        return sorted(found, key=lambda line: line.x)


def frame(reader: HudReader, picture: Picture, t_s: float) -> HudFrame:
    """The crops of a picture, as a sampler makes them."""
    height, width = picture.shape[:2]
    crops = {n: picture[b.y : b.y + b.h, b.x : b.x + b.w] for n, b in reader.boxes(width, height).items()}
    return HudFrame(t_ns=ns(t_s), width=width, height=height, crops=crops)


def play(
    screens: Sequence[Screen],
    *,
    text: TextReader | None = None,
    player: str = "",
    step_s: float = 0.5,
    size: tuple[int, int] = (1280, 720),
    tree: dict[str, object] | None = None,
) -> list[GameEvent]:
    """What a reader says of screens that follow each other; the first one is of what stood there before."""
    reader = HudReader(drawn_hud(tree), text, player=player)
    events = []
    for i, screen in enumerate(screens):
        if screen.lost:
            continue
        events += reader.push(frame(reader, draw(screen, *size), i * step_s))
    return events
