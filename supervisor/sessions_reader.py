"""What the supervisor needs of a session's journal, which is the worker's own: the program that starts it hands in how.

Every call blocks: make it in a thread. Results are bounded, whatever the journal holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from core.game import GameEvent
from core.ids import SessionId
from core.times import Ns
from core.words import Word

Subtitles = Literal["srt", "vtt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Words of a span, by start. `language` is the one that most of the session is in; `next_ns`: there were more than
    one answer holds, they go on from here."""

    words: tuple[Word, ...] = field(repr=False)
    language: str | None
    next_ns: Ns | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Lines over media time on one grid: value i is of [start + i*step, start + (i+1)*step).

    `series` holds the highest value of each stretch, by name, None where nothing is known; `p` is the fused probability
    of a moment there, `bar` what it had to reach for a clip. `game`: what the game's HUD showed, by time.
    """

    start_ns: Ns
    step_ns: int
    series: Mapping[str, Sequence[float | None]] = field(repr=False)
    p: Sequence[float] = field(repr=False)
    bar: Sequence[float] = field(repr=False)
    game: Sequence[GameEvent] = field(default=(), repr=False)


class SessionReader(Protocol):
    """Reads sessions beside their workers. Each method raises NotFound where there is no journal (any more), and
    StorageError where it cannot be read."""

    def words(self, session: SessionId, start_ns: Ns, end_ns: Ns) -> Said: ...
    def subtitles(self, session: SessionId, start_ns: Ns, end_ns: Ns, kind: Subtitles) -> str: ...
    def curves(self, session: SessionId, start_ns: Ns, end_ns: Ns, points: int) -> Curves: ...
    def footage(self, session: SessionId) -> tuple[Ns, Ns] | None: ...
