"""The segments of a broken stream: two seconds each, made once by ffmpeg, with other timestamps where a script asks."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import imageio_ffmpeg

SEGMENT_S: Final = 2
FPS: Final = 30
_SOUND: Final = ("-f", "lavfi", "-i", "sine=330:r=48000")
_AAC: Final = ("-c:a", "aac", "-b:a", "96k")


@dataclass(frozen=True)
class Shelf:
    """Segment files by number: the stream, the same with a smaller picture, and with timestamps that wrap in it."""

    plain: tuple[Path, ...]
    small: tuple[Path, ...]
    wrapping: tuple[Path, ...]


def make_shelf(folder: Path, seconds: int) -> Shelf:
    """As many segments as fill `seconds`, of each kind."""
    wrap_s = 2**33 / 90_000 - 20.0  # 33 bits of 90 kHz run out 20 s into the stream
    return Shelf(
        plain=make_plain(folder / "plain", seconds),
        small=_segments(folder / "small", seconds, "256x144", 0.0),
        wrapping=_segments(folder / "wrapping", seconds, "320x180", wrap_s),
    )


def make_plain(folder: Path, seconds: int) -> tuple[Path, ...]:
    """The stream alone."""
    return _segments(folder, seconds, "320x180", 0.0)


def _segments(folder: Path, seconds: int, size: str, offset_s: float) -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    picture = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={FPS}")
    gop = str(SEGMENT_S * FPS)
    h264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", gop, "-keyint_min", gop, "-pix_fmt", "yuv420p")
    hls = ("-f", "hls", "-hls_time", str(SEGMENT_S), "-hls_list_size", "0", "-output_ts_offset", f"{offset_s:.6f}")
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *picture, *_SOUND, "-t", str(seconds),
        *h264, *_AAC, *hls, "-hls_segment_filename", str(folder / "%03d.ts"), str(folder / "i.m3u8"),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return tuple(sorted(folder.glob("*.ts")))
