"""What a delivered JSON line says about clips, moments and sessions, and which of two lines counts. Pure.

State is fenced, finished clips are data: of a superseded attempt a `clip` line that names files is taken, once by (clip
id, revision, hash); everything else of it is refused. Where two attempts tell of one clip, the higher revision counts,
then the newer claim, then the later line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, cast

from core.control import EventRow, bad_message
from core.errors import UsageError
from core.ids import is_safe_id
from supervisor.catalog import limits

MAX_TITLE: Final = 500  # characters
MAX_REVISION: Final = 1 << 31
_OWN_TIMES: Final = frozenset({"wall", "t_s", "latency_s"})  # of the telling, not of the clip
_STATES: Final = frozenset({"provisional", "final", "withdrawn"})
_REVIEWS: Final = frozenset({"none", "approved", "rejected"})


class Rank(NamedTuple):
    """The order of lines about one clip or moment; the highest counts."""

    revision: int
    claim_token: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFacts:
    """A `clip` line, read. `revision` is None where a withdrawal names none: it means the clip as it is."""

    id: str
    revision: int | None
    state: Literal["provisional", "final", "withdrawn"]
    title: str
    score: float | None
    hash: str
    has_files: bool


def checked_line(row: EventRow) -> dict[str, Any]:
    """The line as it is stored. Raises UsageError (`bad_message`)."""
    if row.seq < 1 or row.attempt < 1:  # 0 is ours: what no worker said (`catalog.reviews`)
        raise bad_message("seq or attempt is out of range")
    try:
        return limits.document("line", row.line, limits.MAX_LINE)
    except UsageError as err:
        raise bad_message(err.what) from err


def clip_facts(line: Mapping[str, Any]) -> ClipFacts:
    """Raises UsageError (`bad_message`) on a line that is not a clip's."""
    name, revision, state = line.get("id"), line.get("revision"), line.get("state")
    if not isinstance(name, str) or not is_safe_id(name) or state not in _STATES:
        raise bad_message("a clip without id or state")
    if (revision is not None or state != "withdrawn") and not _is_revision(revision):
        raise bad_message("a clip without revision")
    review, title, score = line.get("review", "none"), line.get("title", ""), line.get("score")
    if review not in _REVIEWS or not isinstance(title, str) or not (score is None or limits.is_number(score)):
        raise bad_message("review, title or score of a clip")
    return ClipFacts(
        id=name,
        revision=revision,
        state=cast(Literal["provisional", "final", "withdrawn"], state),
        title=limits.plain(title, MAX_TITLE),
        score=None if score is None else float(score),
        hash=line_hash(line),
        has_files=isinstance(line.get("files"), Mapping) and bool(line["files"]),
    )


def is_data(row: EventRow) -> bool:
    """Whether the line is a finished clip, which is taken from superseded attempts too."""
    if row.kind != "clip":
        return False
    facts = clip_facts(row.line)
    return facts.has_files and facts.state != "withdrawn"


def line_hash(line: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical line without the times of its telling: the same clip told twice has the same hash.

    A line that states the master's SHA-256 is covered by it, since it is a part of the line.
    """
    told = {name: value for name, value in line.items() if name not in _OWN_TIMES}
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def counts(new: Rank, new_state: str, old: Rank, old_state: str) -> bool:
    """Whether a line about a clip replaces the one before. What a newer claim withdrew, no older one restores."""
    if old_state == "withdrawn" and new_state != "withdrawn" and new.claim_token < old.claim_token:
        return False
    return new > old


def _is_revision(value: object) -> bool:
    return type(value) is int and 0 < value < MAX_REVISION
