"""`clipd hud`: what it prints, what it refuses, and the page on which boxes are drawn."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest

from core.errors import UsageError
from core.game import GameKind
from daemon.cli import picking
from daemon.cli.hud import _box, _told, check_one, list_all, record_one
from daemon.cli.picking import Picked, pick
from detectors.hud.frames import Box
from tests.unit.looking.test_making import MEDAL, frame

OnThePage = Callable[[Callable[[str], object]], tuple[Picked | None, object]]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A frame on disk, with a green medal."""
    path = tmp_path / "frame.png"
    cv2.imwrite(str(path), frame()[..., ::-1])
    return path


def test_a_hud_is_made_and_checked(tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rulers first, then a medal, then a look at the same frame: found, and drawn."""
    folder = tmp_path / "my-game"
    record_one(folder, picture)
    assert "640 by 360" in capsys.readouterr().out
    record_one(folder, picture, banner=["streak*3=" + ",".join(map(str, MEDAL))])
    assert "streak3 found" in capsys.readouterr().out
    check_one(str(folder), picture, out=tmp_path / "out.jpg", as_json=True)
    [line] = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["rule"], told["found"], told["what"]) == ("streak3", True, "streak3")
    assert (tmp_path / "out.jpg").read_bytes().startswith(b"\xff\xd8")


def test_shipped_ones_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """One a line; as JSON with their rules."""
    list_all(as_json=True)
    for line in capsys.readouterr().out.splitlines():
        assert {"name", "title", "rules"} == set(json.loads(line))


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "1,2,3,-4", "1,2,3,4,5", "", "1,2,3,99999999999"])
def test_what_is_no_box_is_refused(text: str) -> None:
    """With how one is written."""
    with pytest.raises(UsageError, match="X,Y,WIDTH,HEIGHT"):
        _box(text)


def test_what_is_no_event_is_refused() -> None:
    """With those there are."""
    with pytest.raises(UsageError, match="streak"):
        _told("banner", "fun=1,2,3,4")
    assert (_told("banner", "streak*3=1,2,3,4").count, _told("counter", "kill=1,2,3,4").event) == (3, GameKind.KILL)


@pytest.fixture
def on_the_page(monkeypatch: pytest.MonkeyPatch) -> OnThePage:
    """Serve a page, and do something with its address meanwhile; its time is over when that is done."""
    done: list[object] = []
    helper: list[threading.Thread] = []
    monkeypatch.setattr(picking, "time", SimpleNamespace(monotonic=lambda: 0.0 if helper[0].is_alive() else 10.0))

    def run(act: Callable[[str], object]) -> tuple[Picked | None, object]:
        def say(line: str) -> None:
            url = next(word for word in line.split() if word.startswith("http://"))
            helper.append(threading.Thread(target=lambda: done.append(act(url))))
            helper[0].start()

        try:
            picked = pick(frame(), say, patience_s=2.0)
        except UsageError:
            picked = None
        helper[0].join()
        return picked, done[0]

    return run


def ask(url: str, body: object = None, **headers: str) -> tuple[int, bytes]:
    raw = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, raw, headers), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as err:
        return err.code, err.read()


def test_boxes_are_drawn_on_a_page(on_the_page: OnThePage) -> None:
    """The page, the frame, and what is sent back."""

    def act(url: str) -> tuple[bytes, bytes, int]:
        page, shown = ask(url)[1], ask(url + "frame.png")[1]
        parts = [{"kind": "banner", "box": list(MEDAL), "event": "streak", "count": 3}]
        return page, shown, ask(url + "save", {"parts": parts, "phrases": ["{who} shot {victim}"], "player": "Ann"})[0]

    picked, seen = on_the_page(act)
    assert picked is not None
    [one] = picked.drawn
    assert (one.kind, one.box, one.event, one.count) == ("banner", Box(*MEDAL), GameKind.STREAK, 3)
    assert (picked.phrases, picked.player) == (("{who} shot {victim}",), "Ann")
    assert isinstance(seen, tuple)
    assert (seen[0][:15], seen[1][:4], seen[2]) == (b"<!doctype html>", b"\x89PNG", 200)


def test_nobody_else_gets_at_the_page(on_the_page: OnThePage) -> None:
    """Another path, another host's name for this machine, a body that is none or too large: nothing is taken."""

    def act(url: str) -> list[int]:
        root = url.rsplit("/", 2)[0]
        return [
            ask(f"{root}/")[0],
            ask(f"{root}/x/frame.png")[0],
            ask(url, Host="evil.example")[0],
            ask(url + "../save", {"parts": []})[0],
            ask(url + "save", {"parts": [{"kind": "feed", "box": [0, 0, -1, 5]}]})[0],
            ask(url + "save", {"parts": [], "more": "x" * 100_000})[0],
        ]

    picked, codes = on_the_page(act)
    assert picked is None
    assert codes == [404, 404, 404, 404, 422, 404]
