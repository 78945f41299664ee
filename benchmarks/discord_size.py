"""Files for Discord, by random length and content: every one has to be under the bytes that are allowed.

    python -m benchmarks.discord_size --clips 50 --out docs/results/discord_size.json

Canvases and bytes are a ninth of the real ones (360x640, 1.1 MB): fifty take minutes, and the arithmetic is the same.
Contents go from a still picture to noise, where every frame is new. `--full` codes at 1080x1920 under 10 MB.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from benchmarks.common import render_table, write_json
from core.times import ns
from daemon.ffmpeg import Limits, choose_encoder, coding_arguments, run_ffmpeg
from daemon.platforms import Canvas, Platform, load_platform, plan_coding
from daemon.sound import aac_arguments

# lavfi sources, written here; {size}, {rate}, {seed}
CONTENTS: Final = {
    "still": "color=c=0x336699:size={size}:rate={rate}",
    "test picture": "testsrc2=size={size}:rate={rate}",
    "noise": "color=c=gray:size={size}:rate={rate},noise=alls=100:allf=t:all_seed={seed}",
    "grain": "testsrc2=size={size}:rate={rate},noise=alls=25:allf=t:all_seed={seed}",
    "fractal": "mandelbrot=size={size}:rate={rate}",
    "cuts": "life=size={size}:rate={rate}:mold=10:ratio=0.3:seed={seed}:death_color=0xC83232:life_color=0x00ff00",
}
SOUNDS: Final = ("sine=frequency=500:sample_rate=48000", "anoisesrc=amplitude=0.5:sample_rate=48000:seed=7")
COLUMNS: Final = ("content", "s", "canvas", "fps", "coded", "kbit/s", "MB", "of limit %")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file to make."""

    content: str
    length_s: float
    max_bytes: int
    width: int
    height: int
    fps: int
    seed: int


@dataclass(frozen=True, slots=True)
class Made:
    """What came out."""

    size: int
    coded: str
    kbit_s: int


def encode(case: Case, folder: Path) -> Made:
    """The whole file as a finished clip has it: picture, sound, index in front."""
    platform = _small(load_platform("discord"), case)
    coding = plan_coding(platform, ns(case.length_s), Fraction(case.fps))
    encoder = choose_encoder("libx264")
    video = coding.video
    picture = CONTENTS[case.content].format(size=f"{case.width}x{case.height}", rate=case.fps, seed=case.seed)
    length = ["-t", f"{case.length_s}"]
    arguments = [*length, "-f", "lavfi", "-i", picture, *length, "-f", "lavfi", "-i", SOUNDS[case.seed % len(SOUNDS)]]
    arguments += ["-vf", f"fps={video.fps},scale={video.width}:{video.height},format=yuv420p"]
    arguments += [*coding_arguments(video, encoder), *aac_arguments(coding.sound_kbit_s), "-movflags", "+faststart"]
    run_ffmpeg([*arguments, "clip.mp4"], folder=folder, limits=Limits(cpu_s=600, wall_s=1200))
    coded = f"{video.width}x{video.height}@{float(video.fps):g}"
    return Made((folder / "clip.mp4").stat().st_size, coded, video.max_kbit_s)


def cases(count: int, seed: int, *, full: bool) -> list[Case]:
    """Lengths from half a second to two minutes, most of them short as clips are."""
    draw = random.Random(seed)
    scale = 1 if full else 3
    return [
        Case(
            content=draw.choice(sorted(CONTENTS)),
            length_s=round(min(120.0, 0.5 + draw.expovariate(1 / 20)), 2),
            max_bytes=10_000_000 // scale**2,
            width=1080 // scale,
            height=1920 // scale,
            fps=draw.choice((24, 30, 50, 60)),
            seed=draw.randrange(1000),
        )
        for _ in range(count)
    ]


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("docs/results/discord_size.json"))
    args = parser.parse_args()
    rows = []
    for case in cases(args.clips, args.seed, full=args.full):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_row(case, encode(case, Path(folder))))
    print(render_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows]))
    over = [row for row in rows if row["of limit %"] > 100]
    print(f"{len(over)} of {len(rows)} over the limit; the largest at {max(row['of limit %'] for row in rows)} %")
    write_json(args.out, rows, seed=args.seed, full=args.full, over=len(over))


def _row(case: Case, made: Made) -> dict[str, Any]:
    values: Sequence[Any] = (
        case.content,
        case.length_s,
        f"{case.width}x{case.height}",
        case.fps,
        made.coded,
        made.kbit_s,
        round(made.size / 1e6, 3),
        round(100 * made.size / case.max_bytes, 1),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _small(platform: Platform, case: Case) -> Platform:
    canvas = Canvas(width=case.width, height=case.height)
    share = case.width * case.height / (1080 * 1920)
    video = platform.video.model_copy(update={"max_kbit_s": max(64, round(platform.video.max_kbit_s * share))})
    sound = platform.sound.model_copy(update={"kbit_s": platform.sound.kbit_s if share == 1 else 32})
    changed = {"canvas": canvas, "max_bytes": case.max_bytes, "video": video, "sound": sound}
    return platform.model_copy(update=changed)


if __name__ == "__main__":
    main()
