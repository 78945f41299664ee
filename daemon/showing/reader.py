"""A supervisor's SessionReader: short looks into journals, in the caller's thread."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.ids import SessionId, is_safe_id
from core.times import Ns
from daemon.clips.captions import cues, srt, vtt
from daemon.journal import Look, look
from daemon.showing.curves import curves
from supervisor.catalog import NotFound
from supervisor.sessions_reader import Curves, Said, Subtitles

WITHIN_S: Final = 5.0
MOST_WORDS: Final = 20_000  # two hours of talk


class JournalReader:
    """Of the sessions in a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def words(self, session: SessionId, start_ns: Ns, end_ns: Ns) -> Said:
        """What is final so far."""
        with self._look(session) as journal:
            found = journal.words(start_ns, end_ns, MOST_WORDS + 1)
            more = found[MOST_WORDS].start_ns if len(found) > MOST_WORDS else None
            return Said(words=tuple(found[:MOST_WORDS]), language=journal.language(), next_ns=more)

    def subtitles(self, session: SessionId, start_ns: Ns, end_ns: Ns, kind: Subtitles) -> str:
        """On the session's media time; of the first MOST_WORDS words."""
        with self._look(session) as journal:
            found = journal.words(start_ns, end_ns, MOST_WORDS)
        last_ns = max((word.end_ns for word in found), default=start_ns)
        return {"srt": srt, "vtt": vtt}[kind](cues(found, Ns(0), Ns(min(end_ns, last_ns))))

    def curves(self, session: SessionId, start_ns: Ns, end_ns: Ns, points: int) -> Curves:
        """Up to where the media has come."""
        with self._look(session) as journal:
            return curves(journal, start_ns, end_ns, points)

    def footage(self, session: SessionId) -> tuple[Ns, Ns] | None:
        """Of a recording that is a local file, the file itself: all there is."""
        with self._look(session) as journal:
            path = journal.meta("source_path")
            if isinstance(path, str):
                return (Ns(0), journal.media_end_ns()) if Path(path).is_file() else None
            return journal.footage()

    @contextlib.contextmanager
    def _look(self, session: SessionId) -> Iterator[Look]:
        if not is_safe_id(session):
            raise NotFound("journal of session", session)
        path = self._data_dir.resolve() / "sessions" / session / "session.db"
        try:
            with look(path, within_s=WITHIN_S) as journal:
                yield journal
        except FileNotFoundError as err:
            raise NotFound("journal of session", session) from err
