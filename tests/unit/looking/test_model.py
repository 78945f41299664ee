"""A user's own detection model: found where the extra is, refused with a remedy where it is not."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import UsageError
from daemon.looking.model import YoloObjects, open_objects
from detectors.hud.frames import Picture
from tests.needs import require_extra

RED = str(Path(__file__).with_name("red.onnx"))  # finds red; how it was made stands in red.py


def picture(*, red: bool) -> Picture:
    """A grey region, with a red patch of 64 px about (160, 96)."""
    crop = np.full((320, 320, 3), 90, np.uint8)
    if red:
        crop[64:128, 128:192] = (230, 20, 20)
    return crop


def test_a_yolo_model_finds_its_objects() -> None:
    """By the names of its classes, each where it is in the crop."""
    require_extra("yolo", "ultralytics", "onnx")
    objects = open_objects({"medal": RED})
    [found, nothing] = objects.find("medal", [picture(red=True), picture(red=False)])
    assert (nothing, {one.label for one in found}) == ([], {"red"})
    assert found[0].score > 0.5
    assert abs(found[0].x - 160) < 40
    assert abs(found[0].y - 96) < 40


def test_it_asks_nobody_and_installs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ultralytics would ask name servers, install packages and send figures."""
    require_extra("yolo", "ultralytics", "onnx")
    asked: list[str] = []

    def refuse(host: str, *_args: object, **_options: object) -> None:
        asked.append(host)
        raise OSError("no name is looked up here")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    open_objects({"medal": RED}).find("medal", [picture(red=True)])
    utils = vars(sys.modules["ultralytics.utils"])
    assert (asked, utils["ONLINE"], utils["AUTOINSTALL"]) == ([], False, False)


def test_without_the_extra_a_hud_with_a_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install, and under which licence."""
    monkeypatch.setattr("daemon.looking.model.find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="AGPL"):
        open_objects({"medal": RED})


def test_a_model_that_cannot_be_opened_finds_nothing(tmp_path: Path) -> None:
    """It is counted, and the stream goes on; without the extra it cannot be opened either."""
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    objects = YoloObjects({"medal": str(tmp_path / "broken.onnx")})
    assert objects.find("medal", [picture(red=True)]) == [[]]
    assert objects.errors == 1
