"""What ranking says of clips, written into their records: at the cut what was measured, later what a model said.

`ranks` gathers and asks, in a thread of its own; what it found comes back to the clip thread.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from core.errors import StorageError
from core.ids import ClipId
from core.moments import Moment
from core.times import Ns
from daemon.worker.clipthread import ClipThread
from daemon.worker.desktools import DeskTools
from daemon.worker.ranks import Found, Ranks
from daemon.worker.records import ClipRecords


class RankLines:
    """`mark`, `offer` and `drop` come from the clip thread, `advance` from analysis, the rest from the desk. Without a
    ranking clips have no rank, but for one that they had before."""

    def __init__(self, tools: DeskTools, thread: ClipThread, records: ClipRecords) -> None:
        self._journal, self._thread, self._records = tools.journal, thread, records
        self._ranks = None if tools.ranking is None else Ranks(tools.ranking, tools.journal, self._found)

    def start(self) -> None:
        """Begin, with the clips that an earlier attempt was still unsure of."""
        if self._ranks is not None:
            self._ranks.start()
            self._thread.put(self._take_up)

    def mark(self, record: dict[str, Any], moment: Moment | None, before: Mapping[str, Any] | None) -> None:
        """Give a record its rank, before it is kept. A later revision keeps what a model said of the clip, and its
        clip.json says so too."""
        if moment is None and before is not None and before.get("rank"):  # the same clip, cut again by hand
            record["rank"] = before["rank"]
            self._records.note_rank(record)
        if self._ranks is None or moment is None:
            return
        self._ranks.mark(record, moment, before)
        if record.get("rank", {}).get("prompt"):
            self._records.note_rank(record)

    def offer(self, record: Mapping[str, Any]) -> None:
        """A clip was told of: ask about it, with its group."""
        if self._ranks is not None:
            self._ranks.offer(record)

    def drop(self, clip: ClipId) -> None:
        """A clip was withdrawn."""
        if self._ranks is not None:
            self._ranks.drop(clip)

    def advance(self, t_ns: Ns) -> None:
        """Media has come to here."""
        if self._ranks is not None:
            self._ranks.advance(t_ns)

    def close(self) -> None:
        """The session's last clip is there: ask about what waits, then end."""
        if self._ranks is not None:
            self._ranks.close()

    def join(self) -> None:
        """Wait for the answers."""
        if self._ranks is not None:
            self._ranks.join()

    def leave(self) -> None:
        """Wait for nothing more."""
        if self._ranks is not None:
            self._ranks.leave()

    def _found(self, found: Found) -> None:
        """From the ranker's thread."""
        self._thread.put(functools.partial(self._ranked, found))

    # -- in the clip thread

    def _take_up(self) -> None:
        for record in self._journal.clips():
            self.offer(record)

    def _ranked(self, found: Found) -> None:
        """What came of asking about a clip, as one more line of the revision it has now."""
        record = self._records.standing(found.clip)
        if record is None or self._ranks is None or self._thread.left:
            return
        try:
            if self._ranks.applied(record, found):
                self._records.note_rank(record)
                self._records.keep(record)
        except StorageError as err:
            self._records.failure = err
