"""The summary of an attempt, and why there are no clips when there are none."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any, Final

from core.media import AUDIO_RATE
from core.times import to_s
from daemon.worker.session import Parts, Session

STATUS: Final = Path("/proc/self/status")


def summarise(parts: Parts, session: Session) -> dict[str, Any]:
    """Fields of the `summary` line."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    media_s, wall_s = to_s(parts.emitter.media_ns), session.wall_s
    clips = [clip for clip in parts.journal.clips() if clip["state"] != "withdrawn"]
    moments = parts.journal.moments()
    near_misses = [moment for moment in moments if moment.state == "rejected"]
    return {
        "media_s": round(media_s, 3),
        "wall_s": round(wall_s, 3),
        "clips": len(clips),
        "near_misses": len(near_misses),
        "gaps": len(parts.journal.gaps()),
        "speech_s": round(parts.speech.tally.spoken / AUDIO_RATE, 1) if parts.speech else 0.0,
        "words": parts.speech.words if parts.speech else 0,
        "chat": parts.chat.tally() if parts.chat else None,
        "speed_x": round(media_s / wall_s, 2) if wall_s > 0 else 0.0,
        "cpu_s": round(usage.ru_utime + usage.ru_stime + children.ru_utime + children.ru_stime, 2),
        "peak_rss_mb": round(peak_rss_kib() / 1024, 1),
        "why_no_clips": "" if clips else why_no_clips(media_s, moments),
    }


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
