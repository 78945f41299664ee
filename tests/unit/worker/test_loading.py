"""What a process loads: libraries that most sources never need are read when one needs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("aiortc", "cv2", "daemon.looking", "rapidocr", "streamlink", "yt_dlp")


@pytest.mark.parametrize("module", ["daemon.worker.program", "daemon.cli.watch", "daemon.cli.cut"])
def test_rooms_playlists_and_games_cost_only_those_who_have_them(module: str) -> None:
    """A third of a start, and of its memory."""
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
