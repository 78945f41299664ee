"""A made stream as a value: it offers what a journal offers of a session's past (relive.SignalLog), and the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import merge
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from core.game import GameEvent
from core.media import ChatMessage, Epoch, Gap
from core.signals import SignalChunk
from core.times import NS_PER_S, Ns
from core.words import Committed, Word
from daemon.evaluation.truth import Truth
from detectors.features import AUDIO_COLUMNS, AUDIO_KIND, SCENE_KIND, STEP_NS

Family = Literal["tune", "test", "dev"]
FAMILIES: Final[tuple[Family, ...]] = ("tune", "test", "dev")  # a place is part of every seed: new ones go last
ROWS_PER_S: Final = NS_PER_S // STEP_NS
LIVE_ROWS: Final = 5  # a chunk of half a second, as a live worker feeds them
SCENE_COLUMNS: Final = ("change", "hash0", "hash1", "hash2", "hash3")
Floats = NDArray[np.floating[Any]]
Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureStream:
    """Signals, chat and words of one stream in media-time order, with what really happened.

    `said` is every word at its true time; `commits` is what a recogniser made of it. Sound comes in chunks of
    `chunk_rows` rows. The default is the live grid, so that relive sees each row when it is known; a harness that feeds
    ahead may take longer ones with `dataclasses.replace(stream, chunk_rows=600)`.
    """

    seed: int
    family: Family
    end_ns: Ns
    truth: Truth = field(repr=False)
    said: tuple[Word, ...] = field(repr=False)
    channel: str  # "small" | "large"
    sound: Rows = field(repr=False)  # (10 a second, AUDIO_COLUMNS)
    scene_ns: NDArray[np.int64] = field(repr=False)
    scene: Rows = field(repr=False)  # (keyframes, SCENE_COLUMNS)
    messages: tuple[ChatMessage, ...] = field(repr=False)
    commits: tuple[Committed, ...] = field(repr=False)
    chunk_rows: int = LIVE_ROWS
    played: tuple[GameEvent, ...] = ()

    def signals(self, since_ns: Ns = Ns(0)) -> Iterator[SignalChunk]:
        """Chunks of sound and of keyframes by the time at which they are known."""
        both = merge(self._sound(), self._scenes(), key=lambda chunk: chunk.end_ns)
        return (chunk for chunk in both if chunk.end_ns >= since_ns)

    def chat(self, since_ns: Ns = Ns(0)) -> Iterator[ChatMessage]:
        """Messages by time."""
        return (message for message in self.messages if message.t_ns >= since_ns)

    def committed(self, since_ns: Ns = Ns(0)) -> Iterator[Committed]:
        """Words as the recogniser gave them out, by the time they were final."""
        return (commit for commit in self.commits if commit.known_ns >= since_ns)

    def game(self, since_ns: Ns = Ns(0)) -> Iterator[GameEvent]:
        """What the HUD showed, by the time it was known."""
        return (event for event in self.played if event.known_ns >= since_ns)

    def epochs(self) -> list[Epoch]:
        """One: the stream is never interrupted."""
        return [Epoch(number=0, start_ns=Ns(0), reason="start", by="start")]

    def gaps(self) -> list[Gap]:
        """None: nothing is missing."""
        return []

    def _sound(self) -> Iterator[SignalChunk]:
        for row in range(0, len(self.sound), self.chunk_rows):
            yield SignalChunk(
                kind=AUDIO_KIND,
                start_ns=Ns(row * STEP_NS),
                step_ns=STEP_NS,
                values=self.sound[row : row + self.chunk_rows],
                columns=AUDIO_COLUMNS,
            )

    def _scenes(self) -> Iterator[SignalChunk]:
        for row, t_ns in enumerate(self.scene_ns.tolist()):
            yield SignalChunk(
                kind=SCENE_KIND,
                start_ns=Ns(t_ns),
                step_ns=0,
                values=self.scene[row : row + 1],
                columns=SCENE_COLUMNS,
                times_ns=self.scene_ns[row : row + 1],
            )
