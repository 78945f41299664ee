"""What the RTMP door costs: eight publishers at 8 Mbit/s each, and 500 connections that break the protocol.

python -m benchmarks.rtmp_door --seconds 20 --out docs/results/rtmp_door.json

The door runs alone in a process of its own, as it does in production; its outlets throw the media away. The publishers
are ffmpeg processes that push a file made before, with `-c copy -re`. CPU is the door's process, user and system.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import imageio_ffmpeg

from benchmarks.common import render_table, write_json
from daemon.doors.api import Outlet, Publisher
from daemon.doors.rtmp import RtmpDoor
from telemetry import SystemClock
from tests.unit.doors.client import say
from tests.unit.doors.corpus import corpus

MBIT: Final = 8
WARM_S: Final = 4
ROUNDS: Final = 4  # of attacks: the first one warms up
ATTACKS: Final = 500
AT_ONCE: Final = 50
SETTLE_S: Final = 3  # longer than the door lets a refused connection linger


class Counting:
    """An outlet that counts."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> bool:
        """Always room."""
        self.size += len(data)
        return True

    def restart(self) -> None:
        """Nothing to do."""

    def close(self, reason: str) -> None:
        """Nothing to do."""


class Open:
    """A gate that lets in every key."""

    async def admit(self, publisher: Publisher) -> Outlet:
        """See Gate."""
        assert publisher.path
        return Counting()


async def serve() -> None:
    """The door's process: says its port, serves until its input ends."""
    async with RtmpDoor(Open(), "127.0.0.1", 0, clock=SystemClock()) as door:
        print(door.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="measured, after a warm-up of a few seconds")
    parser.add_argument("--publishers", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("docs/results/rtmp_door.json"))
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        asyncio.run(serve())
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = [*publishing(full_hd(Path(folder)), args.publishers, args.seconds), *attacked()]
    print(render_table(("what", "value", "unit"), [list(row.values()) for row in rows]))
    write_json(args.out, rows, seconds=args.seconds, publishers=args.publishers, load=os.getloadavg()[0])


def row(what: str, value: float, unit: str) -> dict[str, Any]:
    """One line of the table."""
    return {"what": what, "value": round(value, 3), "unit": unit}


class Door:
    """The door's process, for a `with` block."""

    def __enter__(self) -> Door:
        command = [sys.executable, "-m", "benchmarks.rtmp_door", "--serve"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self._process.poll() is None, "the door crashed"
        self._process.communicate()

    def cpu_s(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        """Resident memory."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def sockets(self) -> int:
        """Open file descriptors."""
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))


def publishing(file: Path, count: int, seconds: int) -> list[dict[str, Any]]:
    """CPU of the door while publishers push."""
    pushed_mbit = file.stat().st_size * 8 / 1e6 / 4
    with Door() as door:
        pushers = [push(file, door.port, f"ok{n}") for n in range(count)]
        try:
            time.sleep(WARM_S)
            cpu_s, wall_s = door.cpu_s(), time.perf_counter()
            time.sleep(seconds)
            share = (door.cpu_s() - cpu_s) / (time.perf_counter() - wall_s)
            memory = door.rss_mb()
            assert all(pusher.poll() is None for pusher in pushers), "a publisher ended"
        finally:
            for pusher in pushers:
                pusher.kill()
                pusher.wait()
    return [
        row("bit rate of a publisher", pushed_mbit, "Mbit/s"),
        row(f"CPU of the door, {count} publishers", share * 100, "% of one core"),
        row(f"memory of the door, {count} publishers", memory, "MB"),
    ]


def push(file: Path, port: int, key: str) -> subprocess.Popen[bytes]:
    """A publisher in real time, for ever."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(file)]
    return subprocess.Popen([*command, "-c", "copy", "-f", "flv", f"rtmp://127.0.0.1:{port}/live/{key}"])


def attacked() -> list[dict[str, Any]]:
    """Memory and sockets of the door over rounds of malformed connections."""
    with Door() as door:
        took_s, memory = 0.0, []
        for seed in range(ROUNDS):
            started = time.perf_counter()
            asyncio.run(attack(door.port, seed))
            took_s = time.perf_counter() - started
            memory.append(door.rss_mb())
        time.sleep(SETTLE_S)
        left = door.sockets()
        fresh = Door()
        with fresh:
            before = fresh.sockets()
    return [
        row(f"{ATTACKS} malformed connections", took_s, "s"),
        row("crashes", 0, ""),
        row("memory after the first 500", memory[0], "MB"),
        row(f"memory after {ROUNDS * ATTACKS}", memory[-1], "MB"),
        row("sockets left", left - before, ""),
    ]


async def attack(port: int, seed: int) -> None:
    """One round."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(data: bytes) -> None:
        async with limit:
            await say(port, data)

    await asyncio.gather(*(one(data) for data in corpus(seed, ATTACKS)))


def full_hd(folder: Path) -> Path:
    """Four seconds of 1080p60 H.264 at a constant 8 Mbit/s, with AAC."""
    path = folder / "full_hd.flv"
    inputs = "-f lavfi -i testsrc2=size=1920x1080:rate=60 -f lavfi -i sine=frequency=440:sample_rate=48000"
    rate = f"-b:v {MBIT}M -minrate {MBIT}M -maxrate {MBIT}M -bufsize {MBIT}M -x264-params nal-hrd=cbr"
    video = f"-c:v libx264 -preset ultrafast -g 120 {rate}"
    command = f"{imageio_ffmpeg.get_ffmpeg_exe()} -loglevel error -y {inputs} -t 4 {video} -c:a aac {path}"
    subprocess.run(command.split(), check=True, timeout=120)
    return path


if __name__ == "__main__":
    main()
