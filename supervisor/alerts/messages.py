"""What is said about a clip, for every kind of channel: values first, then lines of plain text. Pure.

Titles and stream names are strangers' words. Here they lose what cannot be printed; each sender takes the meaning from
its own markup.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from core.times import to_s
from supervisor.catalog.values import ClipRow, Due

MAX_REASONS: Final = 5
MAX_TITLE: Final = 200  # characters
MAX_REASON: Final = 200
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # controls, and what turns text around


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A clip as a reader meets it. `at`: when it was first told. `link`: where it can be opened, None without
    `api.public_url`."""

    clip: str
    state: str
    revision: int
    title: str
    stream: str
    score: float | None
    reasons: tuple[str, ...]
    at: datetime
    start_s: float | None
    length_s: float | None
    link: str | None

    @property
    def headline(self) -> str:
        """With what became of it."""
        words = {"provisional": "New clip", "final": "Clip", "withdrawn": "Withdrawn"}
        return f"{words.get(self.state, 'Clip')}: {self.title}"

    @property
    def facts(self) -> str:
        """One line: stream, length, score, when."""
        parts = [self.stream]
        if self.length_s is not None:
            parts.append(f"{self.length_s:.0f} s")
        if self.score is not None:
            parts.append(f"score {self.score:.2f}")
        where = "" if self.start_s is None else f", {_clock(self.start_s)} into the stream"
        parts.append(f"{self.at:%Y-%m-%d %H:%M} UTC{where}")
        return " · ".join(parts)

    @property
    def details(self) -> str:
        """What stands below the headline, for channels that know no layout."""
        lines = [self.facts, *(f"- {reason}" for reason in self.reasons)]
        return "\n".join([*lines, *([self.link] if self.link else [])])

    @property
    def text(self) -> str:
        """All of it."""
        return f"{self.headline}\n{self.details}"


def message_of(due: Due, public_url: str) -> Message:
    """What is told of a clip now."""
    clip = due.clip
    start_s, end_s = _number(clip.line, "start_s"), _number(clip.line, "end_s")
    said = clip.line.get("reasons")
    reasons = said if isinstance(said, Sequence) and not isinstance(said, str) else ()
    return Message(
        clip=clip.id,
        state=clip.state,
        revision=clip.revision,
        title=printable(clip.title, MAX_TITLE) or "a moment without a title",
        stream=printable(due.stream_name, 80),
        score=clip.score,
        reasons=tuple(printable(str(each), MAX_REASON) for each in reasons[:MAX_REASONS]),
        at=datetime.fromtimestamp(to_s(clip.created_ns), UTC),
        start_s=start_s,
        length_s=None if start_s is None or end_s is None else max(0.0, end_s - start_s),
        link=link_of(clip, public_url),
    )


def link_of(clip: ClipRow, public_url: str) -> str | None:
    """A page that a GET opens and nothing more: what changes something there is asked by POST."""
    return f"{public_url}/#/clips/{clip.id}" if public_url else None


def printable(text: str, limit: int) -> str:
    """On one line, without characters that are not seen, cut to size."""
    seen = " ".join("".join(" " if unicodedata.category(each) in _UNSEEN else each for each in text).split())
    return seen if len(seen) <= limit else f"{seen[: limit - 1]}…"


def _number(line: Mapping[str, Any], name: str) -> float | None:
    value = line.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _clock(seconds: float) -> str:
    whole = max(0, int(min(seconds, 1e9)))
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
