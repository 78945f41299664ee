"""Which file shows or sounds when, in room time: local where there is one, the backup in its holes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

Span = tuple[float, float]  # ms of room time
Origin = Literal["local", "backup"]
SHORTEST_MS: Final = 200.0  # of a piece of picture: less is a flicker


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A file's picture from..to in room time; `room = offset_ms + file * (1 + ppm / 1e6)`. `sha256` of a local file."""

    from_ms: float
    to_ms: float
    path: Path
    demuxer: str
    origin: Origin
    offset_ms: float = 0.0
    ppm: float = 0.0
    name: str = ""
    sha256: str = ""

    def file_ms(self, room_ms: float) -> float:
        """Time in the file."""
        return (room_ms - self.offset_ms) / (1 + self.ppm * 1e-6)


def arranged(pieces: Iterable[Piece], span: Span) -> list[Piece]:
    """Pieces within a span, none over another: those that come first go before. In order of time."""
    taken: list[Piece] = []
    for piece in pieces:
        free = [(max(piece.from_ms, span[0]), min(piece.to_ms, span[1]))]
        for other in taken:
            free = [part for whole in free for part in without(whole, (other.from_ms, other.to_ms))]
        taken += [_cut(piece, part) for part in free if part[1] - part[0] >= SHORTEST_MS]
    return sorted(taken, key=lambda piece: piece.from_ms)


def without(whole: Span, hole: Span) -> list[Span]:
    """What is left of a span."""
    parts = [(whole[0], min(whole[1], hole[0])), (max(whole[0], hole[1]), whole[1])]
    return [part for part in parts if part[1] > part[0]]


def missing(span: Span, there: Iterable[Span]) -> list[Span]:
    """Parts of a span that nothing covers."""
    free = [span]
    for one in there:
        free = [part for whole in free for part in without(whole, one)]
    return free


def covered_ms(span: Span, there: Iterable[Span]) -> float:
    """How much of it is covered."""
    return span[1] - span[0] - sum(high - low for low, high in missing(span, there))


def clipped(spans: Sequence[Span], span: Span) -> list[Span]:
    """What of them lies within."""
    cut = [(max(low, span[0]), min(high, span[1])) for low, high in spans]
    return [one for one in cut if one[1] > one[0]]


def _cut(piece: Piece, part: Span) -> Piece:
    return replace(piece, from_ms=part[0], to_ms=part[1])
