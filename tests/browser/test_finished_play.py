"""Finished files in a real Chromium: vertical, with captions, to their end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from daemon.finish import finish_revision
from tests.browser.test_clips_play import WATCH
from tests.unit.finish.conftest import Bench, bench, cut, footage, media_file, media_folder

__all__ = ["bench", "cut", "footage", "media_file", "media_folder"]


@pytest.mark.parametrize("media", ["h264", "hevc", "vp9_opus", "video_only"])
def test_a_finished_clip_plays_to_its_end(bench: Bench, page: Page, serve: Callable[[Path], str], media: str) -> None:
    """Whatever its master was coded with: it is H.264 and AAC then, silent where nothing was heard."""
    made = finish_revision(bench.clip(media), bench.wishes(), lambda _: None, threading.Event())
    file = made.files["small-180x320"]
    url = serve(file.parent)
    page.goto(f"{url}/{file.name}")
    seen = page.evaluate(WATCH, f"{url}/{file.name}")
    assert (seen["width"], seen["height"]) == (180, 320)
    assert seen["first"]["spread"] > 4
    assert seen["end"] == pytest.approx(3.0, abs=0.1)
    assert seen["dropped"] == 0
