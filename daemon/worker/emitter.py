"""Makes and writes the JSON lines of one session, from any thread, whole lines only.

With `keeping`, lines that a supervisor must know also go into the journal's outbox; the rest is seen in passing by
`passing` (a lossy view). Who has a transaction of its own makes a line with `draft`, puts it with `keep`, and says it
when the transaction is over.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from typing import Any, TextIO

from core.control import EVENT_KINDS
from core.errors import StorageError
from core.ids import SessionId
from core.lines import Line, line
from core.protocols import Clock
from daemon.journal import Journal


class Emitter:
    """`media_ns` is the media time that lines carry when they name none: how far analysis has come."""

    def __init__(self, stream: TextIO, session: SessionId, clock: Clock) -> None:
        self._stream = stream
        self._session = session
        self._clock = clock
        self._lock = threading.Lock()
        self._journal: Journal | None = None
        self._passing: Callable[[Line], None] = lambda _line: None
        self.media_ns = 0

    def keeping(self, journal: Journal, passing: Callable[[Line], None]) -> None:
        """There is a supervisor to tell."""
        self._journal, self._passing = journal, passing

    def emit(self, kind: str, /, *, at_ns: int | None = None, **fields: Any) -> None:
        """`at_ns`: the line's media time, where it is not that of analysis."""
        drafted = self.draft(kind, at_ns=at_ns, **fields)
        with contextlib.suppress(StorageError):  # a full disk takes no note of itself; who wrote to it says so
            self.keep(drafted)
        self.say(drafted)

    def draft(self, kind: str, /, *, at_ns: int | None = None, **fields: Any) -> Line:
        """A line that nobody has seen yet."""
        t_ns = self.media_ns if at_ns is None else at_ns
        return line(kind, self._session, t_ns, self._clock.wall_ns(), **fields)

    def keep(self, *drafted: Line) -> None:
        """Into the outbox, in the caller's transaction if it has one: those that have to reach the supervisor."""
        if self._journal is None:
            return
        told = [each for each in drafted if is_told(each)]
        if told:
            self._journal.outbox.put(*told)

    def say(self, *drafted: Line) -> None:
        """Write them out. A reader that went away (EPIPE) does not stop the recording: the lifeline tells of it."""
        text = "".join(json.dumps(each, ensure_ascii=True) + "\n" for each in drafted)
        with self._lock, contextlib.suppress(BrokenPipeError, ValueError):
            self._stream.write(text)
            self._stream.flush()
        for each in drafted:
            if not is_told(each):
                self._passing(each)


def is_told(each: Line) -> bool:
    """Whether a supervisor must know it: all that is durable, and of a render its beginning and its end."""
    under_way = each["type"] == "render" and each.get("state") == "running" and each.get("progress")
    return each["type"] in EVENT_KINDS and not under_way


def tell_warning(emitter: Emitter, journal: Journal, code: str, message: str, remedy: str) -> None:
    """Something the user should know; nothing was lost. A disk that is full keeps the line from the journal only."""
    emitter.emit("warning", code=code, message=message, remedy=remedy)
    with contextlib.suppress(StorageError):
        journal.add_warning({"code": code, "message": message, "remedy": remedy})
