"""One span of a room as one picture with its sound: a single run of ffmpeg over the files that show it.

Each cell is a card of its person's colour with the pieces of their picture over it; cells lie over each other on a
canvas, and names over cards. Sound was mixed before, and comes in as a file.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from daemon.captioning import FontBook
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
from daemon.rooms.cards import Card, colour_of, write_cards
from daemon.rooms.cover import Piece, Span, clipped, missing
from daemon.rooms.layouts import FPS, FULL, HEIGHT, WIDTH, Box, Cell
from daemon.rooms.listening import link_in

SOUND: Final = Name("mix.wav")
RESULT: Final = Name("span.mp4")
BACKGROUND: Final = "0x101418"
FONTS: Final = Name("fonts")
_CPU_S: Final = 120.0
_CPU_S_PER_S: Final = 30.0  # six pictures of 1080p take 4 s of one core a second
_WALL: Final = 8
_NICE: Final = 5
_CODING: Final = VideoCoding(
    width=WIDTH, height=HEIGHT, fps=Fraction(FPS), crf=18, max_kbit_s=8_000, buffer_kbit=8_000, b_frames=0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What is to be seen. `from_ms` is room time; cells and `keyframe_ms` count from there. `pieces`: by pid and
    track, in room time, none over another. `names` in the order in which colours are given."""

    from_ms: float
    length_ms: float
    cells: Sequence[Cell]
    pieces: Mapping[tuple[str, str], Sequence[Piece]]
    names: Mapping[str, str]
    keyframe_ms: float = 0.0

    def of(self, cell: Cell) -> list[tuple[Piece, Span]]:
        """A cell's pieces that are seen at some time, with their place in the span, on whole frames."""
        found = []
        for piece in self.pieces.get((cell.pid, cell.track), ()):
            low, high = _on_frame(piece.from_ms - self.from_ms), _on_frame(piece.to_ms - self.from_ms)
            span = (max(0.0, low), min(self.length_ms, high))
            if span[1] > span[0] and clipped(cell.shown, span):
                found.append((piece, span))
        return found


def compose(shot: Shot, folder: Path, book: FontBook) -> Path:
    """The span as an MP4 that begins at 0; SOUND lies in the folder. Blocks. Raises FfmpegFailed."""
    encoder = choose_encoder("libx264")  # the same bytes on any machine
    inputs: list[str] = []
    chains = [_colour(FULL, BACKGROUND, shot.length_ms, "c0")]
    number = 0
    for index, cell in enumerate(shot.cells):
        parts = shot.of(cell)
        for place, (piece, span) in enumerate(parts):
            name = link_in(piece.path, folder, Name(f"in{number}"))
            near_s = max(0.0, piece.file_ms(shot.from_ms + span[0]) / 1000)
            inputs += ["-threads", "2", *read_media(name, piece.demuxer, decoders=RECORDED, near_s=near_s)]
            chains.append(_picture(piece, span, cell, shot.from_ms, number, f"p{index}x{place}"))
            number += 1
        chains += _cell(shot, cell, index, len(parts))
    cards = [Card(name=shot.names.get(cell.pid, ""), box=cell.box, shown=_carded(shot, cell)) for cell in shot.cells]
    drawn = write_cards(cards, folder, book)
    chains.append(chain(f"c{len(shot.cells)}", [drawn or Filter.of("null"), *encoder.last_filters()], "v"))
    arguments = ["-copyts", *inputs, *read_media(SOUND, "wav")]
    arguments += ["-filter_complex", Graph(tuple(chains)).text(), "-map", "[v]", "-map", f"{number}:a:0"]
    arguments += [*coding_arguments(_CODING, encoder), "-force_key_frames", f"{shot.keyframe_ms / 1000:.6f}"]
    arguments += ["-c:a", "aac", "-b:a", "192k", "-map_metadata", "-1"]
    arguments += ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]
    seconds = _CPU_S + _CPU_S_PER_S * shot.length_ms / 1000
    try:
        run_ffmpeg(
            [*arguments, "-f", "mp4", f"file:{RESULT}"],
            folder=folder,
            limits=Limits(cpu_s=seconds, wall_s=_WALL * seconds, nice=_NICE),
        )
    finally:
        for index in range(number):
            (folder / f"in{index}").unlink(missing_ok=True)
        shutil.rmtree(folder / FONTS, ignore_errors=True)
    return folder / RESULT


def _carded(shot: Shot, cell: Cell) -> tuple[Span, ...]:
    """When a cell shows its card."""
    if cell.track == "screen":
        return ()
    there = [span for _, span in shot.of(cell)]
    return tuple(part for span in cell.shown for part in missing(span, there))


def _cell(shot: Shot, cell: Cell, index: int, parts: int) -> list[Chain]:
    """Its card, the pieces over it, and all that onto the canvas."""
    number = list(shot.names).index(cell.pid) if cell.pid in shot.names else index
    colour = colour_of(number) if cell.track == "cam" else BACKGROUND
    pads = [f"b{index}x{place}" for place in range(parts + 1)]
    chains = [_colour(cell.box, colour, shot.length_ms, pads[0])]
    for place in range(parts):
        laid = Filter.of("overlay", x=Expression("(W-w)/2"), y=Expression("(H-h)/2"), eof_action="pass", repeatlast=0)
        chains.append(chain([pads[place], f"p{index}x{place}"], [laid], pads[place + 1]))
    laid = Filter.of("overlay", x=cell.box.x, y=cell.box.y, **_when(cell, shot.length_ms))
    return [*chains, chain([f"c{index}", pads[-1]], [laid], f"c{index + 1}")]


def _when(cell: Cell, length_ms: float) -> dict[str, Expression]:
    """Half a frame early, so that no rounding moves it by one."""
    if not missing((0.0, length_ms), cell.shown):
        return {}
    half = 500 / FPS
    spans = [((low - half) / 1000, (high - half) / 1000) for low, high in cell.shown]
    return {"enable": Expression("+".join(f"gte(t,{low:.4f})*lt(t,{high:.4f})" for low, high in spans))}


def _picture(piece: Piece, span: Span, cell: Cell, from_ms: float, number: int, name: str) -> Chain:
    """A piece's frames at their places in the span, at the canvas' rate and the cell's size."""
    box = cell.box
    if cell.fit == "cover":
        size = [
            Filter.of("scale", w=box.w, h=box.h, force_original_aspect_ratio="increase"),
            Filter.of("crop", w=box.w, h=box.h),
        ]
    else:
        size = [Filter.of("scale", w=box.w, h=box.h, force_original_aspect_ratio="decrease")]
    return chain(f"{number}:v:0", [*on_grid(piece, span, from_ms), *size, Filter.of("setsar", sar=1)], name)


def on_grid(piece: Piece, span: Span, from_ms: float) -> list[Filter]:
    """A file's frames from its own times to constant rate, from the first frame of the span to its last; where frames
    are missing the one before stands. For runs that keep timestamps."""
    start, end = span[0] / 1000, span[1] / 1000
    shift_s = (piece.offset_ms - from_ms) / 1000
    placed = Expression(f"(T*{1 + piece.ppm * 1e-6:.9f}+({shift_s:.6f}))/TB")
    return [
        Filter.of("setpts", expr=placed),
        Filter.of("fps", fps=FPS, start_time=start),
        Filter.of("tpad", stop_mode="clone", stop_duration=max(1.0, end - start)),
        Filter.of("trim", end_frame=round((end - start) * FPS)),  # by time it would cut the last frame's length
    ]


def _colour(box: Box, colour: str, length_ms: float, name: str) -> Chain:
    size, seconds = Expression(f"{box.w}x{box.h}"), length_ms / 1000
    return chain((), [Filter.of("color", color=colour, size=size, rate=FPS, duration=seconds)], name)


def _on_frame(at_ms: float) -> float:
    return round(at_ms * FPS / 1000) * 1000 / FPS
