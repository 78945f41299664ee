"""A heavy picture for benchmarks: 1080p60 at 8 Mbit/s, motion everywhere, made once, looped by copying packets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg

_MOTION = "testsrc2=s=1920x1080:r=60,scroll=h=0.004:v=0.002,noise=alls=14:allf=t"


def busy_source(folder: Path, *, seconds: int = 12) -> Path:
    """The file, with closed 2 s GOPs at a constant 8 Mbit/s, for `VideoLoop(path)`; made on the first call (12 s
    on two cores), then kept."""
    path = folder / f"busy-1080p60-8m-{seconds}s.mp4"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"partial-{path.name}"
    gop = "keyint=120:min-keyint=120:scenecut=0:open-gop=0:nal-hrd=cbr:force-cfr=1"
    rate = ("-b:v", "8M", "-minrate", "8M", "-maxrate", "8M", "-bufsize", "8M")
    picture = ("-f", "lavfi", "-i", _MOTION, "-t", str(seconds), "-pix_fmt", "yuv420p")
    coder = ("-c:v", "libx264", "-preset", "superfast", "-bf", "2", "-x264-params", gop, *rate)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *picture, *coder, str(partial)]
    subprocess.run(command, check=True, timeout=600)
    return partial.replace(path)
