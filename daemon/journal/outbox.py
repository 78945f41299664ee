"""What a supervisor has to be told, in the journal's own transactions: told once it has said so, by number, in order.

Rows stay when they are told: a supervisor that lost its catalog asks for them again. `seq` grows over all attempts of
the session and never goes back, not even when a damaged journal was replaced by a new one (see `reach`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from daemon.journal import codec
from daemon.journal.store import Store

TOLD: Final = "told"  # meta: the highest `seq` that a supervisor has stored
ASIDE: Final = "not_taken"  # meta: rows that it would not take, the newest MOST_ASIDE of them
MOST_ASIDE: Final = 1000


class OutboxRow(NamedTuple):
    """One line for the supervisor. `size`: characters of its JSON."""

    seq: int
    attempt: int
    line: dict[str, Any]
    size: int


class Outbox:
    """The journal's, and so any thread's."""

    def __init__(self, store: Store, attempt: Callable[[], int]) -> None:
        self._store, self._attempt = store, attempt
        self.changed: Callable[[], None] = lambda: None  # called after a row was put, from the thread that did

    def put(self, *lines: Mapping[str, Any]) -> None:
        """Durable when it returns, or with the transaction around it."""
        attempt = self._attempt()
        self._store.write_many(
            "INSERT INTO outbox(attempt,line) VALUES(?,?)", [(attempt, codec.dump(dict(line))) for line in lines]
        )
        self.changed()

    def waiting(self, *, most: int, most_chars: int) -> list[OutboxRow]:
        """The first rows that were not told: at most so many, and so long together; one is given however long it is."""
        found = self._store.rows(
            "SELECT seq,attempt,line FROM (SELECT seq,attempt,line,sum(length(line)) OVER (ORDER BY seq) AS chars,"
            " row_number() OVER (ORDER BY seq) AS n FROM (SELECT * FROM outbox WHERE seq>? ORDER BY seq LIMIT ?))"
            " WHERE chars<=? OR n=1",
            (self.told, most, most_chars),
        )
        return [OutboxRow(seq, attempt, json.loads(line), len(line)) for seq, attempt, line in found]

    @property
    def left(self) -> int:
        """How many were not told."""
        ((count,),) = self._store.rows("SELECT count(*) FROM outbox WHERE seq>?", (self.told,))
        return int(count)

    @property
    def told(self) -> int:
        """The highest `seq` that was."""
        return int(self._meta(TOLD) or 0)

    def tell_from(self, acked: int) -> None:
        """A supervisor has stored all up to `acked`; less than before when it lost something: told again."""
        self._set_meta(TOLD, acked)

    def reach(self, acked: int) -> None:
        """Begin with what a supervisor knows of this session; numbers that it knows are not given to other rows."""
        with self._store.batch():
            ((last,),) = self._store.rows("SELECT coalesce(max(seq),0) FROM sqlite_sequence WHERE name='outbox'")
            if acked > last:
                self._store.write("DELETE FROM sqlite_sequence WHERE name='outbox'")
                self._store.write("INSERT INTO sqlite_sequence(name,seq) VALUES('outbox',?)", (acked,))
                self._store.write("UPDATE outbox SET seq=seq+? WHERE seq>?", (acked, self.told))
                self._store.write(
                    "UPDATE sqlite_sequence SET seq=max(seq,(SELECT coalesce(max(seq),0) FROM outbox))"
                    " WHERE name='outbox'"
                )
            self.tell_from(acked)

    def set_aside(self, rows: Sequence[int]) -> None:
        """Rows that no supervisor takes: they stay, are remembered, and hold up the others no longer."""
        with self._store.batch():
            self._set_meta(ASIDE, [*(self._meta(ASIDE) or ()), *rows][-MOST_ASIDE:])
            self._set_meta(TOLD, max(self.told, *rows))

    def _meta(self, key: str) -> Any:
        found = self._store.rows("SELECT value FROM meta WHERE key=?", (key,))
        return json.loads(found[0][0]) if found else None

    def _set_meta(self, key: str, value: Any) -> None:
        self._store.write("INSERT OR REPLACE INTO meta VALUES(?,?)", (key, codec.dump(value)))
