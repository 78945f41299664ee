"""The summary of a session, and why there are no clips when there are none.

A channel's session may have several attempts that each end in order: what they took is added up in the journal.
"""

from __future__ import annotations

import contextlib
import resource
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from core.errors import StorageError
from core.media import AUDIO_RATE
from core.times import to_s
from daemon.worker.ranks import rank_states
from daemon.worker.session import Parts, Session

STATUS: Final = Path("/proc/self/status")
TOTALS: Final = "totals"  # the journal's name for what the attempts so far took together
ADDED: Final = ("wall_s", "speech_s", "cpu_s")


def summarise(parts: Parts, session: Session) -> dict[str, Any]:
    """Fields of the `summary` line, of the whole session. Call once, at the end of an attempt."""
    totals = added(parts.journal.meta(TOTALS), _taken(parts, session))
    with contextlib.suppress(StorageError):  # a full disk takes no note of itself
        parts.journal.set_meta(TOTALS, totals)
    media_s, wall_s = to_s(parts.emitter.media_ns), totals["wall_s"]
    clips = [clip for clip in parts.journal.clips() if clip["state"] != "withdrawn"]
    moments = parts.journal.moments()
    near_misses = [moment for moment in moments if moment.state == "rejected"]
    return {
        "media_s": round(media_s, 3),
        "clips": len(clips),
        "ranks": rank_states(clips),
        "near_misses": len(near_misses),
        "gaps": len(parts.journal.gaps()),
        "words": parts.speech.words if parts.speech else 0,
        "speed_x": round(media_s / wall_s, 2) if wall_s > 0 else 0.0,
        "why_no_clips": "" if clips else why_no_clips(media_s, moments),
        **totals,
    }


def _taken(parts: Parts, session: Session) -> dict[str, Any]:
    """What this attempt took, and what its chat brought."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall_s": round(session.wall_s, 3),
        "speech_s": round(parts.speech.tally.spoken / AUDIO_RATE, 1) if parts.speech else 0.0,
        "chat": parts.chat.tally() if parts.chat else None,
        "cpu_s": round(usage.ru_utime + usage.ru_stime + children.ru_utime + children.ru_stime, 2),
        "peak_rss_mb": round(peak_rss_kib() / 1024, 1),
    }


def added(earlier: Mapping[str, Any] | None, now: Mapping[str, Any]) -> dict[str, Any]:
    """Both together: times and messages add up, a peak is the higher one."""
    if earlier is None:
        return dict(now)
    chats = [chat for chat in (earlier["chat"], now["chat"]) if chat is not None]
    return {
        **{name: round(earlier[name] + now[name], 3) for name in ADDED},
        "chat": _chats(chats) if chats else None,
        "peak_rss_mb": max(earlier["peak_rss_mb"], now["peak_rss_mb"]),
    }


def _chats(chats: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Tallies of a ChatListener, added up."""
    reasons = {kind: sum((Counter(chat[kind]) for chat in chats), Counter[str]()) for kind in ("lost", "aside")}
    return {"messages": sum(chat["messages"] for chat in chats), **{kind: dict(n) for kind, n in reasons.items()}}


def peak_rss_kib() -> int:
    """This process's own peak; getrusage would start with what its parent had before exec."""
    try:
        status = STATUS.read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(status.partition("VmHWM:")[2].split()[0])


def why_no_clips(media_s: float, moments: list[Any]) -> str:
    """`no media`, `budget`, or `nothing over the bar` with the nearest miss (product.md section 3, row 14)."""
    if media_s <= 0:
        return "no media: the source ended before a first frame"
    rejected = [moment for moment in moments if moment.state == "rejected"]
    if not rejected:
        return "nothing over the bar: no sound or chat stood out from the rest"
    best = max(rejected, key=lambda moment: moment.p)
    if best.reason == "budget":
        return f"budget: the strongest moment scored {best.p:.2f}, but the hour's clips were spent"
    return f"nothing over the bar: the strongest moment scored {best.p:.2f}, the bar was {best.bar:.2f}"
