"""What the ring costs: appending 1080p60 at 8 Mbit/s, reading a clip, opening an hour of footage after a crash.

python -m benchmarks.ring --out docs/results/ring.json
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from benchmarks.common import render_table, write_json
from core.ids import SessionId
from core.times import Ns, ns, to_s
from daemon.journal import Journal
from ringbuffer import OsDisk, Ring, RingOptions
from tests.unit.ringbuffer.kit import MemoryLog, Stream, encode, epoch, load

HOUR_S = 3600
CLIP_S = 20
SESSION = SessionId("bench")
KEEP_ALL = RingOptions(minutes=24 * 60, max_gb=100)


def main() -> None:
    """Print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="media seconds of 1080p60 that are appended")
    parser.add_argument("--out", type=Path, default=Path("docs/results/ring.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [*appending(Path(folder), args.seconds), *recovery(Path(folder))]
    print(render_table(("what", "value", "unit"), [list(row.values()) for row in rows]))
    write_json(args.out, rows, seconds=args.seconds)


def row(what: str, value: float, unit: str) -> dict[str, Any]:
    """One line of the table."""
    return {"what": what, "value": round(value, 4), "unit": unit}


def appending(folder: Path, seconds: int) -> list[dict[str, Any]]:
    """CPU and wall time of an hour's worst stream, then of cutting from it."""
    stream = load(full_hd(folder))
    length_ns = ns(round(to_s(stream.end_ns)))
    copies = [stream.moved(n * length_ns) for n in range(max(1, ns(seconds) // length_ns))]
    packets, media_s = sum(len(copy.packets) for copy in copies), to_s(length_ns) * len(copies)
    size = sum(len(packet.data) for copy in copies for packet in copy.packets)
    with Journal.open_or_create(folder / "append.db", session=SESSION) as journal:
        ring = Ring.open(folder / "append", journal, KEEP_ALL, attempt=journal.begin_attempt())
        cpu_s, wall_s = timed(lambda: record(ring, copies))
        middle_ns = Ns(length_ns * len(copies) // 2)
        tracks_s = timed(lambda: ring.tracks(middle_ns))[1]
        read_s = min(timed(lambda: list(ring.read(middle_ns, Ns(middle_ns + ns(CLIP_S)))))[1] for _ in range(3))
    ours_s = timed(lambda: record(Ring.open(folder / "none", MemoryLog(), KEEP_ALL, attempt=1, disk=NoDisk()), copies))[
        0
    ]
    return [
        row("append 1080p60: CPU per media second", cpu_s / media_s * 1000, "ms"),
        row("append 1080p60: CPU per packet", cpu_s / packets * 1e6, "us"),
        row("append 1080p60: CPU per packet without the disk's part", ours_s / packets * 1e6, "us"),
        row("append 1080p60: throughput", size / wall_s / 1e6, "MB/s"),
        row("append 1080p60: throughput", packets / wall_s, "packets/s"),
        row("append 1080p60: bit rate of the stream", size * 8 / media_s / 1e6, "Mbit/s"),
        row("tracks of a clip", tracks_s * 1000, "ms"),
        row(f"read {CLIP_S} s", read_s * 1000, "ms"),
    ]


class NoDisk(OsDisk):
    """Takes everything and keeps nothing."""

    def write(self, _fd: int, data: memoryview) -> int:
        """All of it."""
        return len(data)

    def sync(self, fd: int) -> None:
        """At once."""

    def sync_folder(self, folder: Path) -> None:
        """At once."""


def recovery(folder: Path) -> list[dict[str, Any]]:
    """Opening an hour of ring: as it was left, with one segment open, and with its journal lost."""
    stream = load(encode(folder, "h264_aac"))
    copies = [stream.moved(ns(8) * n) for n in range(HOUR_S // 8)]
    ring_folder = folder / "hour"
    with Journal.open_or_create(folder / "hour.db", session=SESSION) as journal:
        ring = Ring.open(ring_folder, journal, KEEP_ALL, attempt=journal.begin_attempt())
        record(ring, copies)
        segments = len(journal.segments())
    known_s = open_s(folder / "hour.db", ring_folder)
    lost_s = open_s(folder / "lost.db", ring_folder)
    return [
        row("segments of an hour", segments, "files"),
        row("open an hour", known_s, "s"),
        row("open an hour whose journal is lost", lost_s, "s"),
    ]


def open_s(database: Path, ring_folder: Path) -> float:
    """Journal and ring, until footage can be read."""

    def open_both() -> None:
        with Journal.open_or_create(database, session=SESSION) as journal:
            Ring.open(ring_folder, journal, KEEP_ALL, attempt=journal.begin_attempt()).close()

    return timed(open_both)[1]


def record(ring: Ring, copies: list[Stream]) -> None:
    """One epoch, to its end."""
    ring.begin_epoch(epoch(), copies[0].tracks)
    for copy in copies:
        for packet in copy.packets:
            ring.append(packet)
    ring.close()


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds."""
    cpu_ns, wall_ns = time.process_time_ns(), time.perf_counter_ns()
    work()
    return (time.process_time_ns() - cpu_ns) / 1e9, (time.perf_counter_ns() - wall_ns) / 1e9


def full_hd(folder: Path) -> Path:
    """Four seconds of 1080p60 H.264 at a constant 8 Mbit/s, with AAC."""
    path = folder / "full_hd.ts"
    inputs = "-f lavfi -i testsrc2=size=1920x1080:rate=60 -f lavfi -i sine=frequency=440:sample_rate=48000"
    video = "-c:v libx264 -preset ultrafast -g 120 -b:v 8M -minrate 8M -maxrate 8M -bufsize 8M -x264-params nal-hrd=cbr"
    command = f"{imageio_ffmpeg.get_ffmpeg_exe()} -loglevel error -y {inputs} -t 4 {video} -c:a aac {path}"
    subprocess.run(command.split(), check=True, timeout=120)
    return path


if __name__ == "__main__":
    main()
