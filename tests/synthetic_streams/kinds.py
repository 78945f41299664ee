"""Small real files of every awkward kind, made by the bundled ffmpeg and kept in a folder of the test session."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import imageio_ffmpeg

SECONDS: Final = 4
WRAP_OFFSET_S: Final = 2**33 / 90_000 - 3.4  # MPEG-TS's 33-bit clock wraps 2 s into the file (the muxer adds 1.4 s)
_PICTURE: Final = ("-f", "lavfi", "-i", f"testsrc2=s=320x180:r=30:d={SECONDS}")
_SOUND: Final = ("-f", "lavfi", "-i", f"sine=440:r=48000:d={SECONDS}")
_BOTH: Final = (*_PICTURE, *_SOUND)
_H264: Final = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-pix_fmt", "yuv420p")
_AAC: Final = ("-c:a", "aac", "-b:a", "64k")

_RECIPES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "h264_aac": (".mp4", (*_BOTH, *_H264, *_AAC)),
    "h264_aac_ts": (".ts", (*_BOTH, *_H264, *_AAC)),
    "h264_aac_mkv": (".mkv", (*_BOTH, *_H264, *_AAC)),
    "h264_bframes": (".mp4", (*_BOTH, "-c:v", "libx264", "-preset", "fast", "-bf", "3", "-g", "60", *_AAC)),
    "open_gop": (".mp4", (*_BOTH, "-c:v", "libx264", "-bf", "3", "-g", "30", "-x264-params", "open-gop=1", *_AAC)),
    "hevc": (".mp4", (*_BOTH, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", *_AAC)),
    "vp9_opus": (".webm", (*_BOTH, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")),
    "av1_opus": (".mkv", (*_BOTH, "-c:v", "libsvtav1", "-preset", "12", "-c:a", "libopus")),
    "surround": (".mp4", (*_BOTH, *_H264, "-c:a", "aac", "-ac", "6")),
    "mono_44k": (".mp4", (*_BOTH, *_H264, *_AAC, "-ar", "44100", "-ac", "1")),
    "audio_only": (".m4a", (*_SOUND, *_AAC)),
    "video_only": (".mp4", (*_PICTURE, *_H264)),
    "vfr": (".mkv", (*_BOTH, "-vf", "select='lt(mod(n,17),11)'", "-fps_mode", "vfr", *_H264, *_AAC)),
    "pts_wrap": (".ts", (*_BOTH, *_H264, *_AAC, "-output_ts_offset", f"{WRAP_OFFSET_S:.3f}")),
    "no_moov": (".mp4", (*_BOTH, *_H264, *_AAC)),  # cut below, so that the index at its end is gone
    "truncated": (".mp4", (*_BOTH, *_H264, *_AAC, "-movflags", "faststart")),  # cut below, index and start are there
}


def _rotated(path: Path, folder: Path) -> None:
    """A portrait recording: a landscape picture whose display matrix turns it by 90 degrees."""
    _ffmpeg("-display_rotation", "90", "-i", str(make_media("h264_aac", folder)), "-c", "copy", str(path))


def _empty(path: Path, _: Path) -> None:
    """Nothing at all."""
    path.write_bytes(b"")


def _text(path: Path, _: Path) -> None:
    """A web page that somebody saved as a video."""
    path.write_text("<!doctype html><title>404</title><p>Not found.</p>\n" * 40, encoding="utf-8")


_MADE: Final[dict[str, Callable[[Path, Path], None]]] = {"rotated": _rotated, "empty": _empty, "text": _text}
KINDS: Final = (*_RECIPES, *_MADE)


def make_media(kind: str, folder: Path) -> Path:
    """The file of a kind in a folder, made on the first call. Raises KeyError for an unknown kind."""
    suffix = _RECIPES[kind][0] if kind in _RECIPES else ".mp4"
    path = folder / f"{kind}{suffix}"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"partial-{kind}{suffix}"
    if kind in _RECIPES:
        _ffmpeg(*_RECIPES[kind][1], str(partial))
    else:
        _MADE[kind](partial, folder)
    if kind in {"no_moov", "truncated"}:
        whole = partial.read_bytes()
        partial.write_bytes(whole[: len(whole) * 6 // 10])
    return partial.replace(path)


def _ffmpeg(*arguments: str) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise RuntimeError(f"ffmpeg failed: {done.stderr.strip()[-400:]}")
