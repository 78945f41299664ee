"""Loudness and true peak of encoded clips, over generated families of sound and real recordings.

    python -m benchmarks.loudness --out docs/results/loudness.json

Every sound is measured, planned, coded (AAC, 128 kbit/s) and measured again with ebur128. `plain` is ffmpeg's two-pass
loudnorm with the same target and peak through the same encoder settings, for comparison. Right: -14 LUFS +/- 1 and no
true peak over -1.5 dBTP, or a cap that the plan names (`capped`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.common import render_table, write_json
from core.times import ns
from daemon.ffmpeg import ffmpeg_path
from daemon.sound import SoundWishes, check_sound, measure_sound, plan_sound, settle_sound
from tests.media import MEDIA
from tests.synthetic_sounds import FAMILIES, write_wav

KBIT_S: Final = 128
MOST_S: Final = 30.0
GROUPS: Final = {
    "speech": ("fx-speech-real/jfk.flac", "fx-speech-real/ljspeech/*.flac", "fx-speech-real/librivox/*.wav"),
    "meetings": ("fx-speech-real/ami/*.flac",),
    "synthetic speech": ("fx-speech-tts/*.flac",),
    "music": ("fx-music/*.ogg",),
    "events": ("fx-audio-events/*/*.flac", "fx-audio-events/*/*.mp3", "fx-audio-events/*/*.wav"),
    "games and films": ("fx-game/*.mp4", "fx-video/example.mp4", "fx-video/*.webm"),
}
COLUMNS: Final = ("group", "sounds", "right", "capped", "wrong", "LUFS", "worst dBTP", "plain right", "x real time")
RATES: Final = (22_050, 44_100, 48_000)


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=4, help="of each generated family")
    parser.add_argument("--out", type=Path, default=Path("docs/results/loudness.json"))
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for group, path, length_s in [*_generated(folder, args.seeds), *_recorded(folder)]:
            rows.append(
                {"group": group, "sound": path.stem, "s": round(length_s, 2), **_measured(path, length_s, folder)}
            )
    table = [_summary(group, rows) for group in dict.fromkeys(row["group"] for row in rows)]
    print(render_table(COLUMNS, table))
    for row in rows:
        if row["verdict"] != "right":
            print(f"{row['verdict']}: {row['sound']} {row['lufs']} LUFS {row['dbtp']} dBTP: {row['reasons'][-1]}")
    write_json(args.out, rows, kbit_s=KBIT_S, target_lufs=-14, peak_dbtp=-1.5)


def _measured(path: Path, length_s: float, folder: Path) -> dict[str, Any]:
    began = time.perf_counter()
    measure = measure_sound(path, ns(0), ns(length_s))
    plan = settle_sound(path, ns(0), plan_sound(measure, SoundWishes()), kbit_s=KBIT_S)
    took_s = time.perf_counter() - began
    heard = plan.heard
    assert heard is not None
    plain = _plain(path, length_s, folder)
    right = abs(heard.integrated_lufs + 14) <= 1 and heard.true_peak_dbtp <= -1.5
    capped = heard.true_peak_dbtp <= -1.5 and (plan.aim_lufs < -14.01 or "short and sharp" in plan.reasons[-1])
    return {
        "in_lufs": measure.loudness.integrated_lufs,
        "in_dbtp": measure.loudness.true_peak_dbtp,
        "method": plan.method,
        "gain_db": plan.gain_db,
        "lufs": heard.integrated_lufs,
        "dbtp": heard.true_peak_dbtp,
        "verdict": "right" if right else "capped" if capped else "wrong",
        "plain_lufs": plain[0],
        "plain_dbtp": plain[1],
        "plain_right": abs(plain[0] + 14) <= 1 and plain[1] <= -1.5,
        "took_s": round(took_s, 2),
        "reasons": plan.reasons,
    }


def _plain(path: Path, length_s: float, folder: Path) -> tuple[float, float]:
    """Two-pass loudnorm, as every guide has it."""
    head = [ffmpeg_path(), "-hide_banner", "-nostats", "-y", "-t", f"{length_s}", "-i", str(path), "-map", "0:a:0"]
    wished = "loudnorm=I=-14:TP=-1.5:LRA=11"
    stereo = "aformat=channel_layouts=stereo"
    said = subprocess.run(
        [*head, "-af", f"{stereo},{wished}:print_format=json", "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    found = json.loads(said[said.rindex("{") : said.rindex("}") + 1])
    if "inf" in found["input_i"]:
        return -70.0, -120.0
    was = ":".join(f"measured_{key}={found[f'input_{name}']}" for key, name in _LOUDNORM.items())
    out = folder / "plain.m4a"
    coded = ["-c:a", "aac", "-b:a", f"{KBIT_S}k", "-ar", "48000", "-ac", "2", str(out)]
    second = f"{stereo},{wished}:{was}:offset={found['target_offset']}:linear=true"
    subprocess.run([*head, "-af", second, *coded], capture_output=True, check=True)
    heard = check_sound(out)
    return heard.integrated_lufs, heard.true_peak_dbtp


_LOUDNORM: Final = {"I": "i", "TP": "tp", "LRA": "lra", "thresh": "thresh"}


def _generated(folder: Path, seeds: int) -> Iterator[tuple[str, Path, float]]:
    for family, make in FAMILIES.items():
        for seed in range(seeds):
            rate, length_s = RATES[seed % len(RATES)], (6.0, 2.0, 12.0, 0.8)[seed % 4]
            path = folder / f"{family} {seed}.wav"
            yield f"made: {family}", write_wav(path, make(length_s, 10 + seed, rate), rate), length_s


def _recorded(folder: Path) -> Iterator[tuple[str, Path, float]]:
    for group, patterns in GROUPS.items():
        for path in sorted(path for pattern in patterns for path in MEDIA.glob(pattern)):
            copy = folder / f"{path.stem}.wav"
            command = [ffmpeg_path(), "-v", "error", "-y", "-i", str(path), "-map", "0:a:0?", "-t", f"{MOST_S}"]
            if subprocess.run([*command, "-c:a", "pcm_s16le", str(copy)], capture_output=True, check=False).returncode:
                continue  # a video without sound
            yield group, copy, _length(copy)


def _length(path: Path) -> float:
    command = [ffmpeg_path(), "-v", "error", "-i", str(path), "-f", "s16le", "-ac", "1", "-ar", "48000", "-"]
    return len(subprocess.run(command, capture_output=True, check=True).stdout) / 96_000


def _summary(group: str, rows: list[dict[str, Any]]) -> list[object]:
    mine = [row for row in rows if row["group"] == group]
    count = {verdict: sum(row["verdict"] == verdict for row in mine) for verdict in ("right", "capped", "wrong")}
    levels = [row["lufs"] for row in mine]
    span = f"{min(levels):.1f} to {max(levels):.1f}"
    speed = sum(row["s"] for row in mine) / sum(row["took_s"] for row in mine)
    plain = sum(row["plain_right"] for row in mine)
    worst = max(row["dbtp"] for row in mine)
    return [group, len(mine), count["right"], count["capped"], count["wrong"], span, worst, plain, round(speed, 1)]


if __name__ == "__main__":
    main()
