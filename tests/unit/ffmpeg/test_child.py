"""The bundled ffmpeg as a child: it ends when it should, also when we do not."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.times import Ns, ns
from daemon.ffmpeg import Limits, run_ffmpeg
from daemon.ffmpeg.child import FfmpegFailed

LIMITS = Limits(cpu_s=20, wall_s=40)
ENDLESS = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25", "-f", "null", "-")


def test_it_writes_a_file_and_tells_how_far_it_is(tmp_path: Path) -> None:
    told: list[Ns] = []
    arguments = ["-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25", "-t", "2", "-f", "nut", "out.nut"]
    run_ffmpeg(arguments, folder=tmp_path, limits=LIMITS, progress=told.append)
    assert (tmp_path / "out.nut").stat().st_size > 1000
    assert told == sorted(told)
    assert told[-1] == pytest.approx(ns(2), abs=ns(0.1))


def test_what_it_said_last_is_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(FfmpegFailed, match="No such file") as caught:
        run_ffmpeg(["-f", "nut", "-i", "file:nothing-here", "out.nut"], folder=tmp_path, limits=LIMITS)
    assert caught.value.code == "ffmpeg_failed"


def test_it_is_cancelled_while_it_works(tmp_path: Path) -> None:
    cancelled = threading.Event()
    with pytest.raises(FfmpegFailed) as caught:
        run_ffmpeg(ENDLESS, folder=tmp_path, limits=LIMITS, progress=lambda _: cancelled.set(), cancelled=cancelled)
    assert caught.value.code == "ffmpeg_cancelled"


def test_it_does_not_take_longer_than_it_may(tmp_path: Path) -> None:
    with pytest.raises(FfmpegFailed) as caught:
        run_ffmpeg(ENDLESS, folder=tmp_path, limits=Limits(cpu_s=20, wall_s=0.5))
    assert caught.value.code == "ffmpeg_slow"


def test_the_kernel_holds_its_size(tmp_path: Path) -> None:
    raw = ["-f", "lavfi", "-i", "testsrc2=size=640x480:rate=25", "-t", "60", "-f", "rawvideo", "out.yuv"]
    with pytest.raises(FfmpegFailed):
        run_ffmpeg(raw, folder=tmp_path, limits=Limits(cpu_s=20, wall_s=40, file_bytes=1 << 20))
    assert (tmp_path / "out.yuv").stat().st_size <= 1 << 20


def test_it_dies_with_the_program_that_wanted_it(tmp_path: Path) -> None:
    """kill -9 of a worker leaves no encoder behind."""
    script = (
        "import pathlib, sys; from daemon.ffmpeg import *\n"
        f"run_ffmpeg({list(ENDLESS)!r}, folder=pathlib.Path('.'), limits=Limits(cpu_s=60, wall_s=60),"
        " progress=lambda _: print('working', flush=True))"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"working\n"
    child = int(Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()[0])
    watched = os.pidfd_open(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    ended, _, _ = select.select([watched], [], [], 30)
    os.close(watched)
    assert ended, "ffmpeg outlived its parent"
