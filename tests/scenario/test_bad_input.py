"""Bad input as users meet it: exit code, message and remedy of the real command (the issue's list, one test each)."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.demo import LiveOrigin, Recipe
from daemon.demo.origin import OriginOptions
from telemetry import SystemClock
from tests.scenario.command import clipd
from tests.soaking import more
from tests.synthetic_streams import make_media


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """3, and the path is named."""
    ran = clipd("vod", str(tmp_path / "none.mp4"), "--json", home=tmp_path)
    assert ran.code == 3
    assert "none.mp4" in ran.error["message"]
    assert ran.error["remedy"]


@pytest.mark.parametrize("kind", ["empty", "text", "no_moov"])
def test_a_file_that_is_no_media(kind: str, tmp_path: Path) -> None:
    """3 with a word on what it is instead; no session that claims to be done."""
    path = make_media(kind, tmp_path)
    ran = clipd("vod", str(path), "--json", home=tmp_path)
    assert ran.code == 3, ran
    assert ran.error["message"]
    assert ran.error["remedy"]


@pytest.mark.parametrize(
    "kind",
    [
        "audio_only",
        "video_only",
        "vfr",
        "hevc",
        "rotated",
        "pts_wrap",
        "truncated",
        *more("vp9_opus", "av1_opus", "surround", "mono_44k"),
    ],
)
def test_unusual_media_works(kind: str, tmp_path: Path) -> None:
    """Analysed to its end with exit code 0, and a cut by hand gives a playable file."""
    path = make_media(kind, tmp_path)
    ran = clipd("vod", str(path), "--json", "--data-dir", str(tmp_path / "data"), home=tmp_path)
    assert ran.code == 0, (ran.of("error"), ran.stderr[-2000:])
    assert ran.summary["media_s"] > 2
    session = ran.summary["session"]
    cut = clipd("cut", session, "1", "3", "--json", "--data-dir", str(tmp_path / "data"), home=tmp_path)
    assert cut.code == 0, cut.stderr[-2000:]
    master = Path(cut.lines[0]["files"]["master"])
    assert master.stat().st_size > 1000


def test_zero_clips_says_why(tmp_path: Path) -> None:
    """`completed, 0 clips` with the reason swallowed is what users of other tools complain about."""
    ran = clipd("vod", str(make_media("video_only", tmp_path)), "--json", home=tmp_path)
    assert ran.code == 0
    assert ran.summary["clips"] == 0
    assert "nothing over the bar" in ran.summary["why_no_clips"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """5 before anything starts, naming the folder. (A file in the way stands for it: root may write anywhere.)"""
    blocked = tmp_path / "data"
    blocked.write_text("in the way")
    ran = clipd("vod", str(make_media("video_only", tmp_path)), "--data-dir", str(blocked), home=tmp_path)
    assert ran.code == 5
    assert str(blocked) in ran.stderr
    assert "--data-dir" in ran.stderr


def test_a_profile_nobody_knows(tmp_path: Path) -> None:
    """2, and the known ones are listed."""
    ran = clipd("vod", "x.mp4", "--profile", "gamming", home=tmp_path)
    assert ran.code == 2
    assert "gaming" in ran.stderr
    assert "podcast" in ran.stderr


def test_an_unknown_setting_in_the_file(tmp_path: Path) -> None:
    """2, with the nearest known name."""
    (tmp_path / "clipd.yaml").write_text("rng:\n  minutes: 3\n")
    ran = clipd("vod", "x.mp4", home=tmp_path)
    assert ran.code == 2
    assert "rng" in ran.stderr
    assert "ring" in ran.stderr


@pytest.mark.parametrize("name", ["CLIPD_RNG__MINUTES", "CLIPD_RING__MINUTE"])
def test_an_unknown_setting_in_the_environment(name: str, tmp_path: Path) -> None:
    """2: a misspelt variable is not ignored in silence."""
    ran = clipd("vod", "x.mp4", home=tmp_path, env={name: "3"})
    assert ran.code == 2
    assert name in ran.stderr


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan"])
def test_a_speed_that_is_none(speed: str, tmp_path: Path) -> None:
    """2 with the allowed values."""
    ran = clipd("vod", "x.mp4", "--speed", speed, home=tmp_path)
    assert ran.code == 2
    assert "max" in ran.stderr


def test_a_session_nobody_knows(tmp_path: Path) -> None:
    """2 from cut and replay; path tricks are names like any other."""
    for command in (("cut", "nope", "1", "2"), ("cut", "../../etc", "1", "2"), ("replay", "-x")):
        assert clipd(command[0], "--data-dir", str(tmp_path), "--", *command[1:], home=tmp_path).code == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """3 MB of disk: the stream of the test has 6."""
    mount = tmp_path / "small"
    mount.mkdir()
    tmpfs = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(mount)]
    if subprocess.run(tmpfs, capture_output=True, check=False).returncode:
        pytest.skip("not-root: a small tmpfs cannot be mounted")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


async def test_a_full_disk_while_recording(small_disk: Path, tmp_path: Path) -> None:
    """5; the message names the folder and what to do."""
    async with LiveOrigin(Recipe.from_seed(3), SystemClock(), options=OriginOptions(vod=True)) as origin:
        arguments = ("vod", origin.url, "--json", "--data-dir", str(small_disk / "data"))
        ran = await asyncio.to_thread(clipd, *arguments, home=tmp_path)
    assert ran.code == 5, (ran.code, ran.lines[-3:], ran.stderr[-2000:])
    assert ran.error["code"] == "disk_full"
    assert str(small_disk) in ran.error["message"]
    assert ran.error["remedy"]
