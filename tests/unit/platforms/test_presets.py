"""Presets: every shipped one is sound, one's own are checked, and the coding follows the limits."""

from __future__ import annotations

import re
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from core.times import Ns, ns
from daemon.platforms import Platform, bitrate_for, load_platform, plan_coding, platform_names, tightened

DISCORD = load_platform("discord")


def test_the_platforms_people_post_to_are_there() -> None:
    assert platform_names() == [
        "discord", "linkedin", "portrait", "reels", "shorts", "square", "tiktok", "vertical", "wide", "x",
    ]  # fmt: skip


@pytest.mark.parametrize("name", platform_names())
def test_every_preset_names_the_source_of_each_number(name: str) -> None:
    """On its line; the file's head says what the words mean."""
    platform = load_platform(name)
    assert platform.name == name
    lines = (files("daemon.platforms") / "presets" / f"{name}.yaml").read_text().splitlines()
    bare = [line for line in lines if re.search(r"\d", line) and "#" not in line]
    if name not in {"vertical", "square", "portrait", "wide"}:  # all of it is judgement, as its head says
        assert bare == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("extra: 1", "extra"),
        ("max_s: -3", "max_s"),
        ("max_bytes: '10'", "max_bytes"),
        ("canvas: { width: 1081, height: 1920 }", "canvas.width"),
        ("min_s: 400", "min_s"),
        ("safe: { left: 600, top: 0, right: 600, bottom: 0 }", "safe"),
        ("video: { max_kbit_s: 8000, crf: 22, level: '4.2;-i' }", "video.level"),
    ],
)
def test_a_preset_of_ones_own_is_checked(change: str, said: str, tmp_path: Path) -> None:
    text = (files("daemon.platforms") / "presets" / "discord.yaml").read_text()
    key = change.partition(":")[0]
    mine = tmp_path / "mine.yaml"
    mine.write_text("\n".join(line for line in text.splitlines() if not line.startswith(f"{key}:")) + f"\n{change}\n")
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        load_platform(str(mine))
    assert caught.value.remedy


def test_a_preset_of_ones_own_is_used(tmp_path: Path) -> None:
    text = (files("daemon.platforms") / "presets" / "discord.yaml").read_text()
    (tmp_path / "nitro.yaml").write_text(text.replace("max_bytes: 10_000_000", "max_bytes: 50_000_000"))
    assert load_platform(str(tmp_path / "nitro.yaml")).max_bytes == 50_000_000


def test_a_misspelt_name_gets_a_hint() -> None:
    with pytest.raises(UsageError, match="Did you mean tiktok"):
        load_platform("tiktoc")


@pytest.mark.parametrize("name", platform_names())
@given(
    length_s=st.floats(0.5, 600),
    fps=st.sampled_from([Fraction(24000, 1001), Fraction(30), Fraction(50), Fraction(60), Fraction(144)]),
)
def test_coding_keeps_every_limit(name: str, length_s: float, fps: Fraction) -> None:
    """Whatever the length and the source's rate: even sizes, sides, frame rate, and the bytes by arithmetic."""
    platform = load_platform(name)
    if length_s > platform.max_s:
        return
    coding = plan_coding(platform, ns(length_s), fps)
    video = coding.video
    assert video.width % 2 == video.height % 2 == 0
    assert video.fps <= platform.max_fps
    assert (fps / video.fps).denominator == 1  # every n-th frame, an even cadence
    assert 0 < video.max_kbit_s <= platform.video.max_kbit_s
    most = (video.max_kbit_s * length_s + video.buffer_kbit + coding.sound_kbit_s * length_s) * 125
    assert most < platform.max_bytes


def test_size_and_rate_go_down_together() -> None:
    """Longer clips are smaller and slower, and say so."""
    short, middle, long = (plan_coding(DISCORD, ns(s), Fraction(60)) for s in (5, 20, 100))
    assert (short.video.width, short.video.fps) == (1080, Fraction(60))
    assert short.reasons == ()
    assert (middle.video.width, middle.video.fps) == (1080, Fraction(30))
    assert long.video.width < 600
    assert any("Scaled down" in reason for reason in long.reasons)


@pytest.mark.parametrize(("fps", "kept"), [(60, 30), (50, 25), (144, Fraction(144, 5)), (48, 24), (35, 30), (30, 30)])
def test_frames_are_left_out_evenly_but_never_below_films(fps: int, kept: Fraction) -> None:
    assert plan_coding(load_platform("vertical"), ns(20), Fraction(fps)).video.fps == kept


def test_what_cannot_fit_is_refused_with_a_remedy() -> None:
    with pytest.raises(UsageError, match="do not fit") as caught:
        plan_coding(DISCORD, ns(3000), Fraction(30))
    assert caught.value.code == "no_room"


def test_a_file_that_went_over_is_coded_tighter() -> None:
    coding = plan_coding(DISCORD, ns(30), Fraction(30))
    again = tightened(coding, 11_000_000, DISCORD.max_bytes)
    assert again.video.max_kbit_s < coding.video.max_kbit_s * 0.9
    assert "11.00 MB" in again.reasons[-1]


def test_more_length_never_leaves_more_bits() -> None:
    rates = [bitrate_for(Ns(s * 10**9), 10_000_000, fps=Fraction(30), sound_kbit_s=96) for s in range(1, 300, 7)]
    assert rates == sorted(rates, reverse=True)


def test_safe_areas_leave_room_for_captions() -> None:
    """Two lines of text need a third of the width and a fifth of the height at least."""
    for platform in map(load_platform, platform_names()):
        assert_room(platform)


def assert_room(platform: Platform) -> None:
    safe, canvas = platform.safe, platform.canvas
    assert canvas.width - safe.left - safe.right > canvas.width / 3
    assert canvas.height - safe.top - safe.bottom > canvas.height / 5
