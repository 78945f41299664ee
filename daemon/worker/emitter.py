"""Writes the JSON lines of one session to a stream, from any thread, whole lines only."""

from __future__ import annotations

import json
import threading
from typing import Any, TextIO

from core.ids import SessionId
from core.lines import line
from core.protocols import Clock


class Emitter:
    """`media_ns` is the media time that lines carry when they name none: how far analysis has come."""

    def __init__(self, stream: TextIO, session: SessionId, clock: Clock) -> None:
        self._stream = stream
        self._session = session
        self._clock = clock
        self._lock = threading.Lock()
        self.media_ns = 0

    def emit(self, kind: str, /, *, at_ns: int | None = None, **fields: Any) -> None:
        """`at_ns`: the line's media time, where it is not that of analysis.

        A reader that went away (EPIPE) does not stop the recording; the worker notices it by its lifeline.
        """
        t_ns = self.media_ns if at_ns is None else at_ns
        text = json.dumps(line(kind, self._session, t_ns, self._clock.wall_ns(), **fields), ensure_ascii=True)
        with self._lock:
            try:
                self._stream.write(text + "\n")
                self._stream.flush()
            except (BrokenPipeError, ValueError):
                return
