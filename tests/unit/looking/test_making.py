"""A HUD made from a frame: what was drawn on it is found in it again."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from configs.hud import HudOptions
from configs.huds import load_hud
from core.errors import UsageError
from core.game import GameKind
from daemon.looking.checking import Check
from daemon.looking.draw import annotated, ruled
from daemon.looking.frames import read_picture
from daemon.looking.making import Drawn, Wishes, record
from detectors.hud.frames import Box, Picture
from detectors.hud.model import BannerRule, FeedRule

FEED, ROW = Box(380, 10, 250, 80), Box(420, 14, 200, 22)
MEDAL, MENU = Box(300, 280, 48, 48), Box(10, 10, 90, 40)
NOTHING = Wishes()


def frame(*, medal: bool = True, row: bool = True) -> Picture:
    """640 by 360: a noisy scenery, a row of yellow letters at the top right, a green medal below the middle."""
    rng = np.random.default_rng(4)
    picture = cv2.resize(rng.integers(20, 110, (36, 64, 3), np.uint8), (640, 360), interpolation=cv2.INTER_CUBIC)
    if row:
        cv2.putText(picture, "Ann fragged Bob", (422, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (250, 210, 40), 2)
    if medal:
        cv2.circle(picture, (324, 304), 20, (40, 220, 60), -1)
        cv2.circle(picture, (324, 304), 9, (250, 250, 250), 3)
    return np.asarray(picture, np.uint8)


def drawn(kind: str, box: Box, **more: object) -> Drawn:
    return Drawn(kind=kind, box=box, **more)  # type: ignore[arg-type]


def seen(folder: Path, picture: Picture) -> dict[str, bool]:
    return {one.rule: one.found for one in Check(str(folder), HudOptions()).picture(picture)}


def test_what_was_drawn_is_found_in_its_frame_and_not_in_another(tmp_path: Path) -> None:
    """A feed of sentences and a medal."""
    folder = tmp_path / "my-game"
    parts = [drawn("feed", FEED), drawn("row", ROW), drawn("banner", MEDAL, event=GameKind.STREAK, count=3)]
    files = record(folder, frame(), parts, Wishes(player="Ann", phrases=("{who} fragged {victim}",)))
    assert files == ["streak3.png", "hud.yaml"]
    assert seen(folder, frame()) == {"feed": True, "streak3": True}
    assert seen(folder, frame(medal=False, row=False)) == {"feed": False, "streak3": False}
    hud = load_hud(str(folder)).hud
    assert (hud.game, hud.player, hud.height) == ("my-game", "Ann", 360)
    feed, medal = hud.rules
    assert isinstance(feed, FeedRule)
    assert isinstance(medal, BannerRule)
    assert (medal.event, medal.count) == (GameKind.STREAK, 3)
    assert hud.marks["streak3"].gate is not None  # it is green


def test_it_fits_another_resolution(tmp_path: Path) -> None:
    """Regions are in heights of the picture, marks at the HUD's own."""
    record(tmp_path / "g", frame(), [drawn("banner", MEDAL, event=GameKind.VICTORY)], NOTHING)
    large = np.asarray(cv2.resize(frame(), (1280, 720), interpolation=cv2.INTER_CUBIC), np.uint8)
    assert seen(tmp_path / "g", large) == {"victory": True}


def test_a_second_frame_adds_to_the_first(tmp_path: Path) -> None:
    """A menu shows in another frame than a kill; what has the same name is replaced."""
    folder = tmp_path / "g"
    record(folder, frame(), [drawn("banner", MEDAL, event=GameKind.KILL)], Wishes(title="Game"))
    record(folder, frame(), [drawn("scene", MENU, name="menu"), drawn("banner", MEDAL, event=GameKind.KILL)], NOTHING)
    hud = load_hud(str(folder)).hud
    assert [rule.name for rule in hud.rules] == ["kill", "menu"] or [rule.name for rule in hud.rules] == [
        "menu",
        "kill",
    ]
    assert hud.title == "Game"


@pytest.mark.parametrize("box", [Box(600, 0, 100, 20), Box(0, 350, 20, 20), Box(0, 0, 2, 20)])
def test_a_box_outside_of_the_frame_is_refused(tmp_path: Path, box: Box) -> None:
    """And nothing is written."""
    with pytest.raises(UsageError, match="does not lie in the frame"):
        record(tmp_path / "g", frame(), [drawn("scene", box)], NOTHING)
    assert not (tmp_path / "g").exists()


def test_a_mark_without_a_shape_is_refused(tmp_path: Path) -> None:
    """One brightness all over is found on any wall."""
    flat = np.full((360, 640, 3), 90, np.uint8)
    with pytest.raises(UsageError, match="one brightness"):
        record(tmp_path / "g", flat, [drawn("scene", MENU)], NOTHING)
    assert not (tmp_path / "g").exists()


def test_a_feed_needs_a_row(tmp_path: Path) -> None:
    """Its height and its colour are taken from one."""
    with pytest.raises(UsageError, match="--row"):
        record(tmp_path / "g", frame(), [drawn("feed", FEED)], NOTHING)


def test_what_is_nearly_found_is_explained(tmp_path: Path) -> None:
    """The medal is half covered: the advice names the score and the threshold to set."""
    folder = tmp_path / "g"
    record(folder, frame(), [drawn("banner", MEDAL, event=GameKind.KILL)], NOTHING)
    covered = frame()
    covered[304:] = frame(medal=False)[304:]
    [one] = Check(str(folder), HudOptions()).picture(covered)
    assert not one.found
    assert one.advice


def test_pictures_to_look_at(tmp_path: Path) -> None:
    """With rulers and with what was found, both twice as large, as the frame is small."""
    record(tmp_path / "g", frame(), [drawn("banner", MEDAL, event=GameKind.KILL)], NOTHING)
    check = Check(str(tmp_path / "g"), HudOptions())
    for raw in (ruled(frame()), annotated(frame(), check.loaded, check.picture(frame()))):
        path = tmp_path / "drawn.png"
        path.write_bytes(raw)
        assert read_picture(path).shape == (720, 1280, 3)


def test_a_picture_that_is_none_is_refused(tmp_path: Path) -> None:
    """Damaged, or with more pixels than any screen has."""
    bomb = tmp_path / "bomb.png"
    _, raw = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))
    head = bytearray(raw.tobytes())
    head[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb.write_bytes(bytes(head))
    with pytest.raises(UsageError, match="cannot be decoded"):
        read_picture(bomb)
