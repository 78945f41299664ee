"""A line of a JSON-lines chat, and bytes to lines. Pure.

A line is `{"t_s": 12.5, "user": ..., "text": ..., "emotes": [...], "kind": ..., "n": 1, "id": ...}`, `t` for `t_s`, or
`wall` (seconds since 1970 or ISO 8601). Other lines are no messages: chat is a stranger's text.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any, Final

from core.times import NS_PER_S, ns
from daemon.ingest.chat.message import MAX_EMOTES, MAX_ID, MAX_LINE, Post, post

MAX_T_S: Final = 1e9


def parse_line(line: bytes) -> Post | None:
    """The message of a line, on media time or with its UTC time; None: no chat message."""
    if len(line) > MAX_LINE:
        return None
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict):
        return None
    t_s: Any = raw.get("t_s", raw.get("t"))
    wall_ns = _wall_ns(raw.get("wall")) if t_s is None else None
    if (wall_ns is None and not _is_time(t_s)) or not isinstance(raw.get("text", ""), str):
        return None
    kind, emotes, n, known = raw.get("kind", "msg"), raw.get("emotes"), raw.get("n", 1), raw.get("id")
    found = post(
        t_ns=ns(float(t_s)) if wall_ns is None else None,
        wall_ns=wall_ns,
        user=raw.get("user"),
        text=raw.get("text", ""),
        emotes=[e for e in emotes[:MAX_EMOTES] if isinstance(e, str)] if isinstance(emotes, list) else (),
        kind=kind if isinstance(kind, str) else "msg",
        n=n if isinstance(n, int) and not isinstance(n, bool) else 1,
    )
    return found._replace(id=str(known)[:MAX_ID]) if isinstance(known, (str, int)) else found


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MAX_T_S


def _wall_ns(value: Any) -> int | None:
    """UTC ns of seconds since 1970 or an ISO time; None when it is neither."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return round(value * NS_PER_S) if math.isfinite(value) and 0 <= value < 1e11 else None
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        date = datetime.fromisoformat(value)
    except ValueError:
        return None
    aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1_000


class LineSplitter:
    """Bytes to lines, with a limit on how much of an endless line is kept."""

    def __init__(self) -> None:
        self._rest = b""

    def push(self, data: bytes) -> list[bytes]:
        """The lines that are whole now."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[: MAX_LINE + 1]
        return [line[: MAX_LINE + 1] for line in lines]

    def finish(self) -> list[bytes]:
        """The last line, where it has no end."""
        rest, self._rest = self._rest, b""
        return [rest] if rest.strip() else []
