"""What a clip's recipe says beside its decision: gaps, words, and what judged it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.moments import Moment
from core.times import Ns, ns
from daemon.clips import ClipContext
from daemon.journal import Journal

HANDLES_NS: Final = ns(30)  # a cut may start on an earlier keyframe; it leaves out words beyond its own frames
SPEECH_FACTS: Final = ("model", "sha256", "device", "compute_type", "language")


def clip_context(
    journal: Journal,
    start_ns: Ns,
    end_ns: Ns,
    *,
    source: str,
    profile: Mapping[str, Any],
    moment: Moment | None = None,
) -> ClipContext:
    """For a clip of a span of media, as the journal knows it now."""
    speech = journal.meta("speech")
    return ClipContext(
        source=source,
        gaps=tuple(gap for gap in journal.gaps() if gap.start_ns < end_ns and gap.end_ns > start_ns),
        moment=moment,
        profile=profile,
        words=tuple(journal.words(Ns(start_ns - HANDLES_NS), Ns(end_ns + HANDLES_NS))),
        rights=journal.meta("rights") or "watch-only",
        speech={name: str(speech[name]) for name in SPEECH_FACTS if name in speech} if speech else None,
    )
