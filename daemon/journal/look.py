"""A look into a session's journal from outside, while its worker may be writing it. Reads, in small and bounded parts.

The file belongs to a worker, which parses hostile media: it may be anything. So its schema runs no code, no link is
followed, and what takes too long is given up. Writers are never held up: a WAL journal lets readers read beside them.
"""

from __future__ import annotations

import contextlib
import json
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import apsw

from core.errors import JournalCorrupt
from core.game import GameEvent
from core.moments import Event, Moment
from core.signals import SignalChunk
from core.times import Ns, ns
from core.words import Word
from daemon.journal import codec
from daemon.journal.store import Store

LONGEST_WORD_NS: Final = ns(60)
MOST_MOMENTS: Final = 2000
MOST_CHUNKS: Final = 400_000  # rows of the table: two days of sound
MOST_MESSAGES: Final = 1_000_000
MOST_BYTES: Final = 64 << 20  # of signals, events or moments in one answer; a day of sound has 15 MB


class Look:
    """Open it with `look`, ask, and close it soon: while it is open the journal's WAL cannot be cleared."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def meta(self, key: str) -> Any:
        """A fact about the session, or None."""
        rows = self._store.rows("SELECT value FROM meta WHERE key=?", (key,))
        return json.loads(rows[0][0]) if rows else None

    def media_end_ns(self) -> Ns:
        """How far the media has come, by what was analysed and what was recorded."""
        ((end_ns,),) = self._store.rows(
            "SELECT max(coalesce((SELECT max(end_ns) FROM signals),0), coalesce((SELECT max(end_ns) FROM segments),0))"
        )
        return Ns(end_ns)

    def footage(self) -> tuple[Ns, Ns] | None:
        """From where to where there is footage in the ring, holes aside; None where there is none."""
        ((start_ns, end_ns),) = self._store.rows("SELECT min(start_ns),max(end_ns) FROM segments WHERE evicted IS NULL")
        return None if start_ns is None else (Ns(start_ns), Ns(end_ns))

    def words(self, start_ns: Ns, end_ns: Ns, most: int) -> list[Word]:
        """The first so many words that overlap a span, by start. None in a journal of before there were words."""
        if self._store.version < 2:
            return []
        first_ns = max(start_ns - LONGEST_WORD_NS, 0)  # or the index is read from the session's start
        rows = self._store.rows(
            "SELECT substr(text,1,200),start_ns,end_ns,prob,epoch FROM words"
            " WHERE start_ns>=? AND start_ns<? AND end_ns>? ORDER BY start_ns,id LIMIT ?",
            (first_ns, end_ns, start_ns, most),
        )
        return [
            Word(
                text=str(text),
                start_ns=Ns(int(start)),
                end_ns=Ns(int(end)),
                prob=float(prob),
                vad=1.0,
                epoch=int(epoch),
            )
            for text, start, end, prob, epoch in rows
        ]

    def language(self) -> str | None:
        """The one that most words are in."""
        if self._store.version < 2:
            return None
        rows = self._store.rows("SELECT language FROM words GROUP BY language ORDER BY count(*) DESC LIMIT 1")
        return str(rows[0][0]) if rows else None

    def signals(self, kind: str, start_ns: Ns, end_ns: Ns) -> Iterator[SignalChunk]:
        """One kind's, as far as its steps end in a span."""
        columns = "start_ns,end_ns,kind,step_ns,columns,data,times"
        where = "signals WHERE end_ns>=? AND end_ns<=? AND kind=? ORDER BY end_ns,id LIMIT ?"
        return codec.signals_of(self._rows(columns, "data", where, (start_ns, end_ns, kind, MOST_CHUNKS)))

    def chat_times(self, start_ns: Ns, end_ns: Ns) -> list[int]:
        """When messages of a span came, in order."""
        rows = self._store.rows(
            "SELECT t_ns FROM chat WHERE t_ns>=? AND t_ns<? ORDER BY t_ns LIMIT ?", (start_ns, end_ns, MOST_MESSAGES)
        )
        return [int(t_ns) for (t_ns,) in rows]

    def events(self, start_ns: Ns, end_ns: Ns, most: int) -> list[Event]:
        """The newest so many events that were found in a span, in the order of finding. A revised one comes again."""
        where = "events WHERE found_ns>=? AND found_ns<=? ORDER BY id DESC LIMIT ?"
        rows = self._rows("body", "body", where, (start_ns, end_ns, most))
        return [codec.event_of(json.loads(body)) for (body,) in reversed(rows)]

    def game(self, start_ns: Ns, end_ns: Ns, most: int) -> list[GameEvent]:
        """The newest so many events of a game that became known in a span, in that order."""
        if self._store.version < 4:
            return []
        where = "game WHERE known_ns>=? AND known_ns<=? ORDER BY known_ns DESC,id DESC LIMIT ?"
        rows = self._rows("body", "body", where, (start_ns, end_ns, most))
        return [codec.game_of(body) for (body,) in reversed(rows)]

    def moments(self) -> list[Moment]:
        """The latest state of the newest moments."""
        where = "moments WHERE id IN (SELECT max(id) FROM moments GROUP BY moment) ORDER BY id DESC LIMIT ?"
        rows = self._rows("body", "body", where, (MOST_MOMENTS,))
        return [codec.moment_of(body) for (body,) in rows]

    def shown(self) -> list[tuple[Ns, Ns]]:
        """When each moment that became a clip was decided, and its anchor then, in that order."""
        rows = self._store.rows(
            "SELECT min(decided_ns), json_extract(body,'$.anchor_ns') FROM moments WHERE state='provisional'"
            " GROUP BY moment ORDER BY 1 LIMIT ?",
            (MOST_MOMENTS,),
        )
        return [(Ns(int(decided_ns)), Ns(int(anchor_ns))) for decided_ns, anchor_ns in rows]

    def _rows(self, columns: str, sized: str, where: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Raises ValueError where the column `sized` of them holds more than is taken into memory."""
        ((size,),) = self._store.rows(f"SELECT sum(n) FROM (SELECT octet_length({sized}) n FROM {where})", values)
        if size is not None and size > MOST_BYTES:
            raise ValueError("too large")
        return self._store.rows(f"SELECT {columns} FROM {where}", values)


@contextlib.contextmanager
def look(path: Path, *, within_s: float) -> Iterator[Look]:
    """`path` may have no link in it. Raises FileNotFoundError without a journal, JournalCorrupt for what is none,
    StorageError: `journal_slow` when the block takes longer than `within_s`."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise FileNotFoundError(path)
    try:
        store = Store(path, read_only=True, guard_s=within_s)
        try:
            yield Look(store)
        finally:
            store.close()
    except (apsw.Error, ValueError, KeyError, TypeError, AttributeError, OverflowError) as err:
        raise JournalCorrupt(
            f"{path.parent.name} holds what no worker of ours writes", remedy="Start the session again."
        ) from err
