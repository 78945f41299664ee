"""The shipped HUDs on drawn frames, without a codec: plates of two teams, flashes over rows, frags below zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from configs.huds import load_hud
from core.game import GameEvent, GameKind
from core.times import ns
from detectors.hud.frames import HudFrame, Picture, TextLine
from detectors.hud.reader import HudReader
from tests.synthetic_streams.huds.backgrounds import world
from tests.synthetic_streams.huds.drawing import paste
from tests.synthetic_streams.huds.look import Look
from tests.synthetic_streams.huds.script import Kill, Scene, Script
from tests.synthetic_streams.huds.stream import Game, Rendered, painter

LOOK = Look(font="NotoSans-ExtraBold", height=720, opacity=1.0)
KILL = Kill(2.0, "night_owl", "Marble", "ak47", False)


class Sides:
    """Reads `Ann` in the first crop of two and `Bob` in the second."""

    def read(self, crops: Sequence[Picture]) -> list[list[TextLine]]:
        return [[TextLine("Ann" if i == 0 else "Bob", 1.0, 0.0, 0.0)] for i, _ in enumerate(crops)]


def play(reader: HudReader, pictures: Sequence[Picture]) -> list[GameEvent]:
    """Two looks a second."""
    events = []
    for i, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        crops = {
            name: picture[box.y : box.y + box.h, box.x : box.x + box.w]
            for name, box in reader.boxes(width, height).items()
        }
        events += reader.push(HudFrame(t_ns=ns(i / 2), width=width, height=height, crops=crops))
    return events


def staged(game: Game, scenes: tuple[Scene, ...], length_s: float) -> list[Picture]:
    script = Script(
        player="night_owl", friends=frozenset({"night_owl"}), length_s=length_s, kills=(KILL,), scenes=scenes
    )
    draw = painter(
        Rendered(name="test", game=game, script=script, look=LOOK, background=world(LOOK.width, 720, 3), skin=None)
    )
    return [draw(i / 2) for i in range(round(2 * length_s))]


def test_names_are_read_on_the_plates_of_two_teams() -> None:
    reader = HudReader(load_hud("valorant"), Sides(), player="night_owl")
    [row] = [event for event in play(reader, staged("valorant", (), 4.0)) if event.source == "feed"]
    assert (row.kind, row.own, row.who, row.victim) == (GameKind.KILL, True, "Ann", "Bob")


def test_a_row_that_a_flash_shines_through_is_told_once() -> None:
    flashes = (Scene(3.1, 4.3, "flash"), Scene(4.9, 5.4, "blind"))
    reader = HudReader(load_hud("cs2"), Sides(), player="night_owl")
    assert [event.kind for event in play(reader, staged("cs2", flashes, 9.0))] == [GameKind.KILL]


def test_frags_below_zero_are_no_kills() -> None:
    """0, -1, 0, 1: a suicide, and then two rises."""
    hud = load_hud("freedoom")
    names = ("zero", "one", "two")

    def bar(value: int) -> Picture:
        picture = np.full((480, 640, 3), 52, np.uint8)
        paste(picture, hud.marks[names[abs(value)]], 250, 408)
        if value < 0:
            paste(picture, hud.marks["minus"], 220, 420)
        return picture

    reader = HudReader(hud, None)
    events = play(reader, [bar(value) for value in (0, 0, -1, -1, 0, 0, 1, 1)])
    assert [event.count for event in events] == [1, 1]
