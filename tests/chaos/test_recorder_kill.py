"""kill -9 of a recorder at random times, again and again on one session: nothing acknowledged is lost or damaged."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.audit import audit, read_acks
from tests.unit.ringbuffer.kit import encode, load

KILLS = 20
SOAK_KILLS = 200  # reliability.md section 5, R1
LONGEST_S = 0.15
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def chaos_media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("chaos"), "h264_brief")


@pytest.fixture
def server(chaos_media: Path) -> Iterator[subprocess.Popen[str]]:
    """Forks recorders."""
    command = [sys.executable, "-m", "tests.chaos.recorder_child", "serve", str(chaos_media)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)


def test_a_recorder_may_be_killed_at_any_time(
    server: subprocess.Popen[str], chaos_media: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """After each kill: acknowledged segments are there, no row or file is damaged, time goes on from the last flush."""
    chance = random.Random(20261121)
    stream = load(chaos_media)
    end_ns = 0
    for number in range(SOAK_KILLS if request.config.getoption("--soak", default=False) else KILLS):
        killed_after(server, tmp_path, chance.uniform(0, LONGEST_S), begun=number % 4 == 3)
        before_ns, end_ns = end_ns, audit(tmp_path, stream)
        assert end_ns >= before_ns
    starts = [(ack["epoch"], ack["start_ns"]) for ack in read_acks(tmp_path) if "epoch" in ack]
    assert starts == sorted(starts)
    assert end_ns > 0


def killed_after(server: subprocess.Popen[str], session: Path, seconds: float, *, begun: bool) -> None:
    """One attempt, and its end so long after its start; `begun`: after the first that it has made safe."""
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(f"{session}\n")
    server.stdin.flush()
    before, pid = len(read_acks(session)), int(server.stdout.readline())
    watched = os.pidfd_open(pid)
    try:
        while begun and len(read_acks(session)) <= before + 1:  # an attempt says first where it goes on
            assert not select.select([watched], [], [], 0.005)[0], "it ended by itself"
        select.select([watched], [], [], seconds)
        signal.pidfd_send_signal(watched, signal.SIGKILL)
    finally:
        os.close(watched)
    assert server.stdout.readline() == "gone\n"
