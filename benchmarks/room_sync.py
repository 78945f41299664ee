"""How well local files are placed on a room's clock by their sound: offset and drift errors by what was done to them.

    python -m benchmarks.room_sync --seconds 120 --out docs/results/room_sync.json

The truth is known, since each file is made of the sound that its backup has. The bar of rooms.md is 20 ms.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import render_table, write_json
from recorder.align import RATE, AlignedFile, TimedSound, align_file
from tests.room_takes import Local, ffmpeg, heard_at, sound_of, speech, write_pcm

ZERO_MS: Final = 60_000.0
START_S: Final = 1.7
COLUMNS: Final = ("case", "found", "offset ms", "ppm", "end ms", "steps", "agree", "bound ms", "s")
Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What was done to a file or its backup. `late_ms` one way: a clock exchange takes it for half of that both ways,
    so the live track is placed that much late, and the bound is as much."""

    name: str
    ppm: float = 0.0
    cut: tuple[float, float] | None = None
    noise: float = 0.0
    late_ms: float = 0.0
    coded: int = 0  # bits a second of Opus between them
    share: float = 1.0  # of the time in which somebody speaks


CASES: Final = (
    Case(name="same clock"),
    Case(name="50 ppm", ppm=50),
    Case(name="200 ppm", ppm=200),
    Case(name="-200 ppm", ppm=-200),
    Case(name="40 ms lost", cut=(0.5, 0.04)),
    Case(name="40 ms lost, 200 ppm", ppm=200, cut=(0.5, 0.04)),
    Case(name="400 ms lost", cut=(0.5, 0.4)),
    Case(name="noise at -40 dB", noise=0.01),
    Case(name="noise at -30 dB", noise=0.03),
    Case(name="80 ms one way", late_ms=80),
    Case(name="Opus 32 kbit/s", coded=32_000),
    Case(name="Opus 16 kbit/s, 100 ppm", ppm=100, coded=16_000),
    Case(name="speaks 10 % of the time", share=0.1),
)


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--out", type=Path, default=Path("docs/results/room_sync.json"))
    args = parser.parse_args()
    said = speech(args.seconds) * 0.5
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(case, said, Path(folder)) for case in CASES]
    print(render_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows]))
    write_json(args.out, rows, seconds=args.seconds)


def measure(case: Case, said: Samples, folder: Path) -> dict[str, Any]:
    """`end ms`: how far off the file's end is placed, drift and steps included; a one-way delay counts as error."""
    length_s = len(said) / RATE
    heard = (
        said * np.repeat(np.arange(-(-len(said) // (10 * RATE))) % round(1 / case.share) == 0, 10 * RATE)[: len(said)]
    )
    live = _coded(heard, case.coded, folder) if case.coded else heard
    cut = None if case.cut is None else (case.cut[0] * length_s, case.cut[1])
    local = heard_at(heard, Local(start_s=START_S, ppm=case.ppm, cut=cut), length_s)
    local = local + np.random.default_rng(5).normal(0, case.noise, len(local)).astype(np.float32)
    began = time.process_time()
    found = align_file(
        TimedSound.from_start(local), [_backup(live, case.late_ms / 2)], seg="s", pid="p", track="mic",
        start_ms=ZERO_MS + START_S * 1000 + 82, clock_bound_ms=case.late_ms / 2,
    )  # fmt: skip
    row: dict[str, Any] = dict.fromkeys(COLUMNS) | {"case": case.name, "found": "no" if found is None else found.method}
    row["s"] = round(time.process_time() - began, 2)
    return row if found is None else row | _errors(found, case, len(local) / RATE, cut)


def _errors(found: AlignedFile, case: Case, length_s: float, cut: tuple[float, float] | None) -> dict[str, Any]:
    gone_s = 0.0 if cut is None else cut[1]
    end_ms = ZERO_MS + START_S * 1000 + (length_s + gone_s) * 1000 * (1 + case.ppm * 1e-6)
    placed_ms = found.picture_ms(length_s * 1000) + sum(edit.shift_ms for edit in found.edits)
    return {
        "offset ms": round(found.offset_ms - (ZERO_MS + START_S * 1000), 3),
        "ppm": round(found.ppm - case.ppm, 2),
        "end ms": round(placed_ms - end_ms, 3),
        "steps": len(found.edits),
        "agree": found.confidence,
        "bound ms": found.bound_ms,
    }


def _backup(sound: Samples, late_ms: float) -> TimedSound:
    starts = np.arange(0, len(sound), RATE // 50)
    jitter = np.random.default_rng(1).uniform(-0.5, 0.5, len(starts))
    return TimedSound(sound, starts, np.round(ZERO_MS + late_ms + starts / (RATE / 1000) + jitter))


def _coded(sound: Samples, bits: int, folder: Path) -> Samples:
    pcm, coded = write_pcm(folder / "said.wav", sound), folder / "live.mkv"
    ffmpeg("-i", str(pcm), "-c:a", "libopus", "-b:a", str(bits), "-application", "voip", str(coded))
    return sound_of(coded)


if __name__ == "__main__":
    main()
