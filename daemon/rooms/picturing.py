"""One track's picture at constant rate from the take's zero to its end: pieces on one grid of frames, black between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import av

from core.errors import BadMedia
from core.times import Ns
from daemon.avopen import open_media
from daemon.ffmpeg import (
    RECORDED,
    Chain,
    Expression,
    Filter,
    Graph,
    Limits,
    Name,
    VideoCoding,
    chain,
    choose_encoder,
    coding_arguments,
    read_media,
    run_ffmpeg,
)
from daemon.rooms.compose import READ_ON, on_grid
from daemon.rooms.cover import Piece, Span, missing
from daemon.rooms.layouts import FPS
from daemon.rooms.listening import link_in

VOICE: Final = Name("voice.wav")
RESULT: Final = Name("conformed.mp4")
BLACK: Final = "0x000000"
MOST_PIECES: Final = 64  # of one track: every one is an input of its own; the longest are taken
_SMALLEST, _WIDEST = (320, 180), (3840, 2160)
_CPU_S: Final = 300.0
_CPU_S_PER_S: Final = 40.0  # 4K takes 12 s of one core a second
_FILE_BYTES: Final = 256 << 30
_MEMORY: Final = 8 << 30


def picture_size(pieces: Sequence[Piece]) -> tuple[int, int]:
    """Pixels of the first piece of a local file, else of the first: even, and within what we take."""
    for piece in sorted(pieces, key=lambda piece: piece.origin != "local"):
        try:
            with open_media(piece.path, piece.demuxer) as media:
                for stream in media.streams.video[:1]:
                    w, h = stream.codec_context.width, stream.codec_context.height
                    if w > 0 and h > 0:
                        scale = min(1.0, _WIDEST[0] / max(w, h), _WIDEST[1] / min(w, h))
                        return max(2, round(w * scale) // 2 * 2), max(2, round(h * scale) // 2 * 2)
        except (BadMedia, av.FFmpegError, OSError):
            continue
    return _SMALLEST


def write_picture(
    pieces: Sequence[Piece],
    span: Span,
    folder: Path,
    *,
    voiced: bool,
    progress: Callable[[Ns], None],
    cancelled: threading.Event,
) -> Path:
    """`pieces` in room time, none over another; with `voiced`, VOICE lies in the folder. Blocks. Raises FfmpegFailed.

    All is coded anew: a browser's frames come when they come, and neither the black before a late start nor a frame in
    a hole exists in any file.
    """
    width, height = picture_size(pieces)
    length_ms = span[1] - span[0]
    frames = max(1, round(length_ms * FPS / 1000))
    pieces = sorted(sorted(pieces, key=lambda one: one.from_ms - one.to_ms)[:MOST_PIECES], key=lambda one: one.from_ms)
    placed = [(piece, _frame(piece.from_ms - span[0]), min(frames, _frame(piece.to_ms - span[0]))) for piece in pieces]
    placed = [(piece, max(0, first), end) for piece, first, end in placed if end > max(0, first)]
    inputs: list[str] = []
    parts: list[tuple[int, Chain]] = []
    for number, (piece, first, end) in enumerate(placed):
        name = link_in(piece.path, folder, Name(f"in{number}"))
        near_s = max(0.0, piece.file_ms(span[0] + first * 1000 / FPS) / 1000)
        inputs += [*READ_ON, *read_media(name, piece.demuxer, decoders=RECORDED, near_s=near_s)]
        parts.append((first, _piece(piece, (first, end), span[0], (width, height), number)))
    holes = missing((0.0, float(frames)), [(float(first), float(end)) for _, first, end in placed])
    for number, (low, high) in enumerate(holes):
        parts.append((int(low), _black((width, height), int(high - low), f"h{number}")))
    ordered = [made for _, made in sorted(parts, key=lambda part: part[0])]
    encoder = choose_encoder("libx264")
    pads = [made.outputs[0] for made in ordered]
    joined = chain(pads, [Filter.of("concat", n=len(pads), v=1, a=0), *encoder.last_filters()], "v")
    arguments = ["-copyts", *inputs, *(read_media(VOICE, "wav") if voiced else ())]
    arguments += ["-filter_complex", Graph((*ordered, joined)).text(), "-map", "[v]"]
    arguments += ["-map", f"{len(placed)}:a:0", "-c:a", "aac", "-b:a", "192k"] if voiced else []
    arguments += [*coding_arguments(_coding(width, height), encoder), "-map_metadata", "-1", "-fflags", "+bitexact"]
    arguments += ["-flags:v", "+bitexact", "-flags:a", "+bitexact", "-movflags", "+faststart"]
    seconds = _CPU_S + _CPU_S_PER_S * length_ms / 1000
    limits = Limits(cpu_s=seconds, wall_s=4 * seconds, memory_bytes=_MEMORY, file_bytes=_FILE_BYTES)
    run_ffmpeg(
        [*arguments, "-f", "mp4", f"file:{RESULT}"],
        folder=folder,
        limits=limits,
        progress=progress,
        cancelled=cancelled,
    )
    return folder / RESULT


def _coding(width: int, height: int) -> VideoCoding:
    return VideoCoding(
        width=width,
        height=height,
        fps=Fraction(FPS),
        crf=17,
        max_kbit_s=60_000,
        buffer_kbit=60_000,
        level="5.2",
    )


def _piece(piece: Piece, frames: tuple[int, int], from_ms: float, size: tuple[int, int], number: int) -> Chain:
    """Exactly so many frames; a picture of another shape stands in the middle."""
    first, end = frames
    span = (first * 1000 / FPS, end * 1000 / FPS)
    shaped = [
        Filter.of("scale", w=size[0], h=size[1], force_original_aspect_ratio="decrease", force_divisible_by=2),
        Filter.of("pad", w=size[0], h=size[1], x=Expression("(ow-iw)/2"), y=Expression("(oh-ih)/2")),
    ]
    counted = [Filter.of("setpts", expr=Expression("PTS-STARTPTS")), *_even()]
    return chain(f"{number}:v:0", [*on_grid(piece, span, from_ms), *shaped, *counted], f"p{number}")


def _black(size: tuple[int, int], frames: int, name: str) -> Chain:
    source = Filter.of(
        "color", color=BLACK, size=Expression(f"{size[0]}x{size[1]}"), rate=FPS, duration=(frames - 0.5) / FPS
    )
    return chain((), [source, *_even()], name)


def _even() -> list[Filter]:
    """What is joined has to be alike."""
    return [Filter.of("setsar", sar=1), Filter.of("format", pix_fmts="yuv420p")]


def _frame(at_ms: float) -> int:
    return round(at_ms * FPS / 1000)
