"""What is seen in passing: the newest of each, none waits, the older is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final

from core.control import MAX_TEXT
from core.lines import Line
from core.signals import SignalChunk
from core.times import to_s

MOST_WORDS: Final = 400  # characters; the words on screen, not the transcript
MOST_RENDERS: Final = 64


class Passing:
    """A mailbox of one: written from any thread, emptied by the task that tells."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._t_s = 0.0
        self._signals: dict[str, Any] = {}
        self._words = ""

    def signals(self, chunks: Sequence[SignalChunk]) -> None:
        """The newest row of each kind."""
        rows = {
            chunk.kind: {
                name: round(float(value), 3) for name, value in zip(chunk.columns, chunk.values[-1], strict=True)
            }
            for chunk in chunks
            if len(chunk)
        }
        if rows:
            with self._lock:
                self._signals |= rows
                self._t_s = max(self._t_s, *(to_s(chunk.end_ns) for chunk in chunks))

    def line(self, line: Line) -> None:
        """A line that is not kept: words, and how far a render is."""
        with self._lock:
            if line["type"] == "transcript":
                self._t_s = max(self._t_s, float(line["t_s"]))
                self._words = " ".join(str(word["text"]) for word in line["words"])[-MOST_WORDS:][:MAX_TEXT]
            elif line["type"] == "render":
                renders = dict(list(self._signals.get("render", {}).items())[-MOST_RENDERS + 1 :])
                self._signals["render"] = {**renders, str(line["id"]): line["progress"]}

    def take(self) -> tuple[float, dict[str, Any], str] | None:
        """(media time in seconds, signals, words) of what came since the last look; None for nothing."""
        with self._lock:
            if not self._signals and not self._words:
                return None
            taken = self._t_s, self._signals, self._words
            self._signals, self._words = {}, ""
            return taken
