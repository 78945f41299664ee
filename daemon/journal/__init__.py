"""The journal of a session: one append-only SQLite file that holds everything decided and recorded, in media time."""

from daemon.journal.journal import Journal
from daemon.journal.lock import is_locked, session_lock
from daemon.journal.look import Look, look
from daemon.journal.outbox import Outbox, OutboxRow

__all__ = ["Journal", "Look", "Outbox", "OutboxRow", "is_locked", "look", "session_lock"]
