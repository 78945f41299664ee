"""The journal's record of a finished clip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.edits import EditDecision
from core.times import to_s
from daemon.clips import FinishedClip
from daemon.worker.planner import ClipState


def clip_record(
    decision: EditDecision,
    made: FinishedClip,
    files: Mapping[str, Path],
    *,
    state: ClipState,
    latency_s: float | None,
    waited_for_chat: bool,
) -> dict[str, Any]:
    """The journal's record of a finished clip, and so the fields of its JSON line."""
    return {
        "id": decision.clip,
        "revision": decision.revision,
        "state": state,
        "review": "none",
        "start_s": round(to_s(made.cut.start_ns), 3),
        "end_s": round(to_s(made.cut.end_ns), 3),
        "title": decision.title,
        "score": round(decision.score, 4),
        "reasons": list(decision.reasons),
        "files": {name: str(path.absolute()) for name, path in files.items()},
        "latency_s": latency_s,
        "anchor_s": None if decision.anchor_ns is None else round(to_s(decision.anchor_ns), 3),
        "waited_for_chat": waited_for_chat,
        "av_head_ms": made.cut.av_head_ms,
        "av_tail_ms": made.cut.av_tail_ms,
        "notes": list(made.cut.notes),
        "folder": str(made.folder),
    }
