"""The lint: each reason on its own, on values and on real files."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from core.errors import ClipdError
from core.times import ns
from daemon.cli.main import app
from daemon.ffmpeg import ffmpeg_path
from daemon.platforms import FileFacts, fits, load_platform, platform_names, read_facts

GOOD = FileFacts(
    length_ns=ns(30),
    size=8_000_000,
    width=720,
    height=1280,
    fps=Fraction(30),
    video_codec="h264",
    pixel_format="yuv420p",
    index_first=True,
    sound_codec="aac",
    sound_rate=48_000,
    channels=2,
    integrated_lufs=-14.2,
    true_peak_dbtp=-1.6,
)


@pytest.mark.parametrize("name", platform_names())
def test_a_good_clip_fits_everywhere(name: str) -> None:
    assert fits(GOOD, load_platform(name)) == []


@pytest.mark.parametrize(
    ("platform", "change", "code"),
    [
        ("x", {"length_ns": ns(141)}, "too_long"),
        ("reels", {"length_ns": ns(2)}, "too_short"),
        ("discord", {"size": 10_000_001}, "too_large"),
        ("tiktok", {"fps": Fraction(15)}, "frame_rate"),
        ("tiktok", {"fps": Fraction(120)}, "frame_rate"),
        ("x", {"width": 1080, "height": 1920}, "picture_size"),
        ("shorts", {"width": 1280, "height": 720}, "aspect"),
        ("x", {"video_codec": "hevc"}, "video_codec"),
        ("x", {"pixel_format": "yuv420p10le"}, "pixel_format"),
        ("reels", {"index_first": False}, "index_at_end"),
        ("x", {"sound_codec": "opus"}, "sound_codec"),
        ("x", {"sound_rate": 96_000}, "sound_rate"),
        ("x", {"channels": 6}, "channels"),
        ("x", {"sound_codec": None}, "no_sound"),
        ("tiktok", {"integrated_lufs": -20.0}, "loudness"),
        ("tiktok", {"true_peak_dbtp": -0.3}, "true_peak"),
    ],
)
def test_each_reason_is_named_with_a_remedy(platform: str, change: dict[str, Any], code: str) -> None:
    (found,) = fits(replace(GOOD, **change), load_platform(platform))
    assert found.code == code
    assert found.message
    assert found.remedy


def clip(folder: Path, *options: str) -> Path:
    path = folder / "clip.mp4"
    inputs = ["-f", "lavfi", "-i", "testsrc2=size=720x1280:rate=30:duration=3.2"]
    inputs += ["-f", "lavfi", "-i", "sine=frequency=700:duration=3.2"]
    command = [
        ffmpeg_path(),
        "-v",
        "error",
        *inputs,
        "-pix_fmt",
        "yuv420p",
        "-preset",
        "ultrafast",
        *options,
        str(path),
    ]
    subprocess.run(command, check=True)
    return path


def test_the_command_reads_a_real_file(tmp_path: Path) -> None:
    path = clip(tmp_path, "-movflags", "+faststart")
    assert read_facts(path).index_first
    result = CliRunner().invoke(app, ["lint", str(path), "tiktok", "shorts", "--json"])
    found = {
        line["platform"]: [each["code"] for each in line["misfits"]]
        for line in map(json.loads, result.stdout.splitlines())
    }
    assert found == {"tiktok": ["loudness"], "shorts": ["loudness"]}  # ffmpeg's sine is quiet
    assert result.exit_code == 1


def test_an_index_at_the_end_is_seen(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["lint", str(clip(tmp_path)), "vertical"])
    assert "index stands behind" in result.stdout


def test_what_is_no_clip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"\x00\x00\x00\x01mdat" + b"\xff" * 40)
    with pytest.raises(ClipdError):
        read_facts(tmp_path / "clip.mp4")
    with pytest.raises(ClipdError):
        read_facts(tmp_path / "nothing.mp4")
