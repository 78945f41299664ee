"""Encoders: used when they prove themselves, and a coding is the same value for each."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from core.errors import UsageError
from daemon.ffmpeg import Limits, VideoCoding, choose_encoder, coding_arguments, run_ffmpeg
from daemon.ffmpeg.encoders import HARDWARE, SOFTWARE, prove

CODING = VideoCoding(width=320, height=192, fps=Fraction(30), crf=22, max_kbit_s=400, buffer_kbit=400)


def test_the_bundled_software_encoder_proves_itself() -> None:
    assert prove(SOFTWARE).works
    assert not prove(SOFTWARE).hardware


@pytest.mark.parametrize("name", HARDWARE)
def test_a_hardware_encoder_works_or_says_why_not(name: str) -> None:
    """On a machine with one this codes and decodes real frames; elsewhere a name alone does not get it used."""
    proof = prove(name)
    if proof.works:
        assert choose_encoder(name) == proof
        assert choose_encoder().hardware
    else:
        assert proof.why_not
        with pytest.raises(UsageError, match="does not work here"):
            choose_encoder(name)


def test_an_unknown_encoder_is_refused() -> None:
    with pytest.raises(UsageError, match="no encoder we know"):
        choose_encoder("libx264;-f")


@pytest.mark.parametrize("name", [SOFTWARE, *HARDWARE])
def test_every_encoder_gets_the_same_bounds(name: str) -> None:
    """Rate, buffer, GOP, profile and level come from the coding, not from the encoder."""
    arguments = coding_arguments(CODING, prove(SOFTWARE).__class__(name))  # type: ignore[arg-type]
    pairs = dict(pairwise(arguments))
    assert (pairs["-maxrate"], pairs["-bufsize"], pairs["-g"]) == ("400k", "400k", "60")
    assert (pairs["-profile:v"], pairs["-level:v"]) == ("high", "4.2")


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for number in range(2):
        arguments = ["-f", "lavfi", "-i", "testsrc2=size=320x192:rate=30:duration=1", "-pix_fmt", "yuv420p"]
        arguments += [*coding_arguments(CODING, choose_encoder(SOFTWARE)), "-fflags", "+bitexact", f"{number}.mp4"]
        run_ffmpeg(arguments, folder=tmp_path, limits=Limits(cpu_s=20, wall_s=60))
        made.append((tmp_path / f"{number}.mp4").read_bytes())
    assert made[0] == made[1]


@pytest.mark.parametrize("devices", [False, True])
def test_a_child_sees_only_the_variables_that_drivers_need(
    devices: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in ffmpeg's place prints its environment."""
    spy = tmp_path / "spy"
    spy.write_text("#!/bin/sh\n/usr/bin/env > seen\n")
    spy.chmod(0o700)
    monkeypatch.setattr("daemon.ffmpeg.child.ffmpeg_path", lambda: str(spy))
    monkeypatch.setenv("LIBVA_DRIVER_NAME", "iHD")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)  # importing OpenCV sets it
    monkeypatch.setenv("CLIPD_SECRET", "s3cret")
    run_ffmpeg([], folder=tmp_path, limits=Limits(cpu_s=5, wall_s=20), devices=devices)
    seen = {line.partition("=")[0] for line in (tmp_path / "seen").read_text().splitlines()} - {
        "PWD",
        "_",
        "SHLVL",
        "OLDPWD",
    }
    assert seen == ({"LIBVA_DRIVER_NAME"} if devices else set())
