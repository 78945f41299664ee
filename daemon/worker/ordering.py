"""Orders to trim and to cut, as decisions over what the session's journal and folders hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.edits import EditDecision
from core.errors import UsageError
from core.protocols import FootageSource
from core.times import Ns
from daemon.clips.make import SOURCE_FOLDER
from daemon.journal import Journal
from daemon.rooms.footage import RoomFootage
from daemon.worker.manual import anyway_decision, manual_decision, not_buffered, trimmed_decision
from daemon.worker.ordered import Order
from daemon.worker.planner import RUN_UP_NS
from daemon.worker.titles import title_of
from ringbuffer.linked import LinkedFootage
from ringbuffer.links import SOURCE_FILE


def ordered_decision(journal: Journal, order: Order) -> EditDecision:
    """What a `trim` or `cut` is to show. Raises UsageError."""
    return _trimmed(journal, order) if order.kind == "trim" else _cut(journal, order)


def best_footage(decision: EditDecision, recorded: FootageSource | None, folder: Path) -> FootageSource:
    """Of the session's footage and of what the clip in `folder` kept of it, that with more of the span. Raises
    CutRefused where neither has any."""
    found = list(_footages(recorded, decision, folder))
    spans = [footage.span() for footage in found]
    shared = [_shared_ns(decision, span) for span in spans]
    if max(shared, default=0) <= 0:
        raise not_buffered(decision, spans)
    return found[shared.index(max(shared))]


def _trimmed(journal: Journal, order: Order) -> EditDecision:
    record = journal.clip(order.clip)
    old = None if record is None else journal.decision(order.clip, int(record["revision"]))
    if record is None or old is None:
        raise UsageError(
            f"The session has no clip {order.clip}",
            remedy="See its clips; its journal may be gone.",
            code="unknown_clip",
        )
    if record["state"] == "withdrawn":
        raise UsageError(f"Clip {order.clip} was withdrawn", remedy="Cut it by hand.", code="clip_withdrawn")
    return trimmed_decision(old, journal.newest_revision(order.clip) + 1, order.args)


def _cut(journal: Journal, order: Order) -> EditDecision:
    asked = manual_decision(journal.session, dict(order.args))
    if asked.clip != order.clip:
        raise UsageError("The order names another clip", remedy="Ask for it anew.", code="bad_order")
    named = order.args.get("moment")
    moment = next((each for each in journal.moments() if each.id == named), None) if named else None
    if moment is None:
        return asked
    words = journal.words(Ns(max(0, moment.start_ns - RUN_UP_NS)), moment.end_ns)
    return anyway_decision(asked, moment, asked.title if order.args.get("title") else title_of(moment, words))


def _footages(recorded: FootageSource | None, decision: EditDecision, folder: Path) -> Iterator[FootageSource]:
    if isinstance(recorded, RoomFootage):
        shown = recorded.around(decision.start_ns, decision.end_ns, decision.revision)
        recorded = shown if shown is not None else recorded.recorded
    if recorded is not None:
        yield recorded
    if (folder / SOURCE_FOLDER / SOURCE_FILE).exists():
        yield LinkedFootage(folder / SOURCE_FOLDER)


def _shared_ns(decision: EditDecision, span: tuple[Ns, Ns]) -> int:
    return min(decision.end_ns, span[1]) - max(decision.start_ns, span[0])
