"""What earlier sessions of a channel learned, for the next one: how far its chat lags behind.

It is kept in each session's journal, so that a session can be copied, audited and replayed by itself.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

from core.errors import ClipdError
from core.times import ns, to_s
from daemon.journal import Journal
from detectors import LagEstimate

LEARNED: Final = "chat_lag"  # newest estimate of this session; absent until its chat taught something
STARTED: Final = "chat_lag_start"  # what it began with
LOOKED_AT: Final = 20  # newest sessions; a channel that was not watched for so long may have changed its player


def remember_lag(journal: Journal, lag: LagEstimate) -> None:
    """Called when the estimate has changed."""
    journal.set_meta(LEARNED, {"mean_s": round(to_s(lag.mean_ns), 3), "sd_s": round(to_s(lag.sd_ns), 3)})


def start_lag(journal: Journal) -> LagEstimate | None:
    """What the session of a journal began with; None for the profile's prior."""
    return _lag(journal, STARTED)


def inherit_lag(journal: Journal, sessions: Path) -> None:
    """Give a new session what the newest other session of the same source learned."""
    if journal.meta(STARTED) is not None or journal.epochs():
        return
    source = journal.meta("source")
    found = sorted(sessions.glob("*/session.db"), key=lambda path: path.parent.name, reverse=True)
    for path in [path for path in found if path.parent.name != journal.session][:LOOKED_AT]:
        # one that is damaged, or was written by a newer version, has nothing to give
        with contextlib.suppress(ClipdError), Journal.open(path, read_only=True) as other:
            if other.meta("source") == source and other.meta(LEARNED) is not None:
                journal.set_meta(STARTED, other.meta(LEARNED))
                return


def _lag(journal: Journal, key: str) -> LagEstimate | None:
    kept = journal.meta(key)
    return None if kept is None else LagEstimate(ns(kept["mean_s"]), ns(kept["sd_s"]))
