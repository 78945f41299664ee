"""What comes out of the encoder is at -14 LUFS +/- 1 and has no true peak over -1.5 dBTP; or the plan says why not."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import UsageError
from core.times import Ns, ns
from daemon.ffmpeg import ffmpeg_path
from daemon.sound import (
    SoundPlan,
    SoundWishes,
    aac_arguments,
    check_sound,
    measure_sound,
    plan_sound,
    settle_sound,
    sound_graph,
)
from tests.media import media
from tests.synthetic_sounds import CAPPED, FAMILIES, Sound, write_wav


def settled(path: Path, length_s: float, wishes: SoundWishes | None = None, start_s: float = 0) -> SoundPlan:
    measure = measure_sound(path, ns(start_s), ns(start_s + length_s))
    return settle_sound(path, ns(start_s), plan_sound(measure, wishes or SoundWishes()), kbit_s=128)


def finished(path: Path, plan: SoundPlan, out: Path, start_s: float = 0) -> Path:
    """The file as a finished clip's run makes it: picture and sound in one go."""
    graph = sound_graph(plan, ["1:a:0"], "sound").text()
    length = f"{plan.length_ns / 1e9}"
    inputs = ["-f", "lavfi", "-t", length, "-i", "testsrc2=size=64x64:rate=25", "-ss", f"{start_s}", "-t", length]
    maps = ["-filter_complex", graph, "-map", "0:v", "-map", "[sound]", "-c:v", "libx264", *aac_arguments(128)]
    command = [ffmpeg_path(), "-v", "error", "-y", *inputs, "-i", str(path), *maps, "-fflags", "+bitexact", str(out)]
    subprocess.run(command, check=True)
    return out


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - CAPPED))
def test_every_family_comes_out_right(family: str, tmp_path: Path) -> None:
    rate = {"voice": 22_050, "game": 44_100}.get(family, 48_000)
    source = write_wav(tmp_path / "in.wav", FAMILIES[family](5, 3, rate), rate)
    plan = settled(source, 5)
    heard = check_sound(finished(source, plan, tmp_path / "out.mp4"))
    assert heard.integrated_lufs == pytest.approx(-14, abs=1)
    assert heard.true_peak_dbtp <= -1.5
    assert heard == plan.heard  # the plan promised exactly this


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.5])
def test_short_clips_too(seconds: float, tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", FAMILIES["game"](seconds, 1, 48_000))
    heard = settled(source, seconds).heard
    assert heard is not None
    assert heard.true_peak_dbtp <= -1.5
    assert heard.integrated_lufs == pytest.approx(-14, abs=1)


def test_real_speech_and_game_sound(tmp_path: Path) -> None:
    """A span in the middle of a master, its start off any frame of sound."""
    for name in ("fx-video/example.mp4", "fx-game/fx_ministream.mp4"):
        heard = settled(media(name), 6.37, start_s=11.013).heard
        assert heard is not None
        assert heard.integrated_lufs == pytest.approx(-14, abs=1)
        assert heard.true_peak_dbtp <= -1.5


def test_another_target_is_met_as_well(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", FAMILIES["voice"](4, 9, 48_000))
    heard = settled(source, 4, SoundWishes(target_lufs=-19, peak_dbtp=-3)).heard
    assert heard is not None
    assert heard.integrated_lufs == pytest.approx(-19, abs=1)
    assert heard.true_peak_dbtp <= -3


def test_hiss_is_not_lifted_to_the_level_of_speech(tmp_path: Path) -> None:
    plan = settled(write_wav(tmp_path / "in.wav", FAMILIES["hiss"](4, 1, 48_000)), 4)
    assert plan.gain_db == 12
    assert any("steady noise" in reason for reason in plan.reasons)


def test_bangs_are_as_loud_as_the_limit_lets_them(tmp_path: Path) -> None:
    """Three bangs of 20 ms a second are no -14 LUFS without being squared off; the plan says so."""
    plan = settled(write_wav(tmp_path / "in.wav", FAMILIES["bangs"](4, 3, 48_000)), 4)
    assert plan.heard is not None
    assert plan.heard.true_peak_dbtp <= -1.5
    assert -24 < plan.heard.integrated_lufs < -15
    assert "short and sharp" in plan.reasons[-1]


def test_silence_stays_silent(tmp_path: Path) -> None:
    plan = settled(write_wav(tmp_path / "in.wav", FAMILIES["silence"](2, 1, 48_000)), 2)
    assert (plan.method, plan.gain_db) == ("untouched", 0)
    assert plan.heard is not None
    assert plan.heard.silent


def test_a_master_without_sound_gets_a_silent_track(tmp_path: Path) -> None:
    master = tmp_path / "mute.mp4"
    make = [ffmpeg_path(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=1", str(master)]
    subprocess.run(make, check=True)
    plan = settled(master, 1)
    assert plan.method == "absent"
    assert check_sound(finished(master, plan, tmp_path / "out.mp4")).silent


def test_a_gain_alone_where_peaks_leave_room_and_a_limiter_where_not(tmp_path: Path) -> None:
    steady, jumpy = (FAMILIES[name](4, 2, 48_000) for name in ("clipped voice", "game"))
    assert settled(write_wav(tmp_path / "a.wav", 0.2 * steady), 4).method == "linear"
    limited = settled(write_wav(tmp_path / "b.wav", jumpy), 4)
    assert limited.method == "limited"
    assert any("limiter" in reason for reason in limited.reasons)


def test_the_same_plan_gives_the_same_bytes_and_survives_json(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", FAMILIES["game"](3, 4, 48_000))
    plan = settled(source, 3)
    again = SoundPlan.from_json(plan.to_json())
    assert again == plan == settled(source, 3)
    one, two = (finished(source, each, tmp_path / f"{n}.mp4") for n, each in enumerate((plan, again)))
    assert one.read_bytes() == two.read_bytes()


def test_it_is_as_long_as_the_clip_to_the_sample(tmp_path: Path) -> None:
    """Also where the master's sound ends before its picture."""
    source = write_wav(tmp_path / "in.wav", FAMILIES["voice"](2, 4, 48_000))
    plan = replace(settled(source, 2), length_ns=ns(2.5))
    assert len(rendered(source, plan)) == 2.5 * 48_000


def rendered(source: Path, plan: SoundPlan, pads: tuple[str, ...] = ("0:a:0",)) -> Sound:
    """Samples before the encoder, shape (samples, 2)."""
    graph = sound_graph(plan, pads, "sound").text()
    command = [ffmpeg_path(), "-v", "error", "-i", str(source), "-filter_complex", graph, "-map", "[sound]"]
    made = subprocess.run([*command, "-f", "f64le", "-"], check=True, capture_output=True).stdout
    return np.frombuffer(made, dtype=np.float64).reshape(-1, 2)


def test_a_length_of_nothing_is_refused(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", FAMILIES["voice"](1, 4, 48_000))
    with pytest.raises(UsageError):
        measure_sound(source, ns(1), Ns(0))
