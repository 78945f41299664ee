"""One span of a room as one picture with its sound: a single run of ffmpeg over the files that show it.

Cells lie over each other on a canvas: a card of their person's colour where there is no picture, the pieces of their
picture where there is one; names over the cards. Sound was mixed before, and comes in as a file.
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
# Live pictures change their size with the line: the graph goes on, else all that it counted would begin anew.
READ_ON: Final = ("-threads", "2", "-reinit_filter", "0")
MOST_PARTS: Final = 8  # of one piece, each an input of its own; a picture that changes more often is decoded through
_CPU_S: Final = 120.0
_CPU_S_PER_S: Final = 30.0  # six pictures of 1080p take 4 s of one core a second
_WALL: Final = 8
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
        """A cell's pieces while they are seen, with their place in the span, on whole frames: nothing else of them is
        decoded."""
        shown = cell.shown if len(cell.shown) <= MOST_PARTS else ((cell.shown[0][0], cell.shown[-1][1]),)
        found = []
        for piece in self.pieces.get((cell.pid, cell.track), ()):
            there = (piece.from_ms - self.from_ms, piece.to_ms - self.from_ms)
            for low, high in clipped(shown, there):
                span = (max(0.0, _on_frame(low)), min(self.length_ms, _on_frame(high)))
                if span[1] > span[0]:
                    found.append((piece, span))
        return found


def compose(shot: Shot, folder: Path, book: FontBook) -> Path:
    """The span as an MP4 that begins at 0; SOUND lies in the folder. Blocks. Raises FfmpegFailed.

    The child has its thread's priority: a master is wanted now, a take that is made anew can wait."""
    encoder = choose_encoder("libx264")  # the same bytes on any machine
    canvas = _Canvas(shot, folder)
    for number, cell in enumerate(shot.cells):
        canvas.add(number, cell)
    cards = [Card(name=shot.names.get(cell.pid, ""), box=cell.box, shown=_carded(shot, cell)) for cell in shot.cells]
    last = [write_cards(cards, folder, book) or Filter.of("null"), *encoder.last_filters()]
    graph = Graph((*canvas.chains, chain(canvas.pad, last, "v")))
    arguments = ["-copyts", *canvas.inputs, *read_media(SOUND, "wav")]
    arguments += ["-filter_complex", graph.text(), "-map", "[v]", "-map", f"{canvas.count}:a:0"]
    arguments += [*coding_arguments(_CODING, encoder), "-force_key_frames", f"{shot.keyframe_ms / 1000:.6f}"]
    arguments += ["-c:a", "aac", "-b:a", "192k", "-map_metadata", "-1"]
    arguments += ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]
    seconds = _CPU_S + _CPU_S_PER_S * shot.length_ms / 1000
    try:
        run_ffmpeg(
            [*arguments, "-f", "mp4", f"file:{RESULT}"],
            folder=folder,
            limits=Limits(cpu_s=seconds, wall_s=_WALL * seconds),
        )
    finally:
        for index in range(canvas.count):
            (folder / f"in{index}").unlink(missing_ok=True)
        shutil.rmtree(folder / FONTS, ignore_errors=True)
    return folder / RESULT


class _Canvas:
    """Chains that lay one thing over the other; `pad` is what has been laid so far."""

    def __init__(self, shot: Shot, folder: Path) -> None:
        self._shot, self._folder = shot, folder
        self.inputs: list[str] = []
        self.count = 0  # of inputs
        self.pad = "c0"
        self.chains = [_colour(FULL, BACKGROUND, shot.length_ms, self.pad)]

    def add(self, number: int, cell: Cell) -> None:
        """A cell's card, where it has no picture, and its pictures."""
        if carded := _carded(self._shot, cell):
            known = list(self._shot.names)
            colour = colour_of(known.index(cell.pid) if cell.pid in known else number)
            self.chains.append(_colour(cell.box, colour, self._shot.length_ms, f"k{number}"))
            self._lay(f"k{number}", cell.box, _when(carded, self._shot.length_ms))
        parts = self._shot.of(cell)
        seen = {} if len(cell.shown) <= MOST_PARTS else _when(cell.shown, self._shot.length_ms)
        for piece, span in parts:
            name = link_in(piece.path, self._folder, Name(f"in{self.count}"))
            near_s = max(0.0, piece.file_ms(self._shot.from_ms + span[0]) / 1000)
            self.inputs += [*READ_ON, *read_media(name, piece.demuxer, decoders=RECORDED, near_s=near_s)]
            self.chains.append(_picture(piece, span, cell, self._shot.from_ms, self.count, f"p{self.count}"))
            self._lay(f"p{self.count}", cell.box, seen)
            self.count += 1

    def _lay(self, pad: str, box: Box, when: Mapping[str, Expression]) -> None:
        """In the middle of a box; before and behind its frames there is nothing to see of it."""
        x, y = Expression(f"{box.x}+({box.w}-w)/2"), Expression(f"{box.y}+({box.h}-h)/2")
        laid = Filter.of("overlay", x=x, y=y, eof_action="pass", repeatlast=0, **when)
        below, self.pad = self.pad, f"c{len(self.chains)}"
        self.chains.append(chain([below, pad], [laid], self.pad))


def _carded(shot: Shot, cell: Cell) -> tuple[Span, ...]:
    """When a cell shows its card."""
    if cell.track == "screen":
        return ()
    there = [span for _, span in shot.of(cell)]
    half = 500 / FPS  # pieces lie on whole frames, what is shown need not
    return tuple(part for span in cell.shown for part in missing(span, there) if part[1] - part[0] > half)


def _when(shown: Sequence[Span], length_ms: float) -> dict[str, Expression]:
    """Half a frame early, so that no rounding moves it by one."""
    if not missing((0.0, length_ms), shown):
        return {}
    half = 500 / FPS
    spans = [((low - half) / 1000, (high - half) / 1000) for low, high in shown]
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
