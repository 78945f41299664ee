"""The lines of the signal strip: what report.html and the dashboard draw over media time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from core.signals import SignalChunk
from core.times import Ns, ns
from detectors.features import AUDIO_KIND

CHAT_NS: Final = ns(10)


class Line(NamedTuple):
    """`times_ns` int64, ascending; `values` of the same length."""

    name: str
    unit: str
    times_ns: np.ndarray[Any, Any]
    values: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.times_ns)


def loudness(chunks: Iterable[SignalChunk]) -> Line:
    """The level of the sound, in dB."""
    sound = [chunk for chunk in chunks if chunk.kind == AUDIO_KIND]
    times = [chunk.known_ns() for chunk in sound]
    level = [chunk.values[:, 0] for chunk in sound]
    return Line("Loudness", "dB", _joined(times), _joined(level))


def chat_rate(times_ns: Sequence[int], first_ns: Ns = Ns(0)) -> Line:
    """Messages in stretches of 10 s, each told at its end. `first_ns`: no message is earlier."""
    if not times_ns:
        return Line("Chat", "messages in 10 s", np.empty(0, np.int64), np.empty(0, np.float32))
    first = first_ns // CHAT_NS
    counts = np.bincount([t_ns // CHAT_NS - first for t_ns in times_ns])
    return Line("Chat", "messages in 10 s", (np.arange(len(counts)) + 1 + first) * CHAT_NS, counts.astype(np.float32))


def _joined(parts: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
