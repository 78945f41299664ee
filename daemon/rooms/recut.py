"""Which clips are to be cut anew when a take's local tracks are aligned. Only reads."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from core.edits import EditDecision
from daemon.rooms.clock import stretches
from daemon.rooms.conformed import Conformed
from daemon.rooms.take import read_json, read_take

CLIP_JSON: Final = "clip.json"


def stale(revision: Path, decision: EditDecision, take_folder: Path) -> bool:
    """Whether the take has a better picture of a clip than the files in `revision` were made of: its local tracks are
    there for the clip's span, and it was not cut from these. Raises UsageError where there is no take."""
    made = Conformed.read(take_folder)
    if made is None:
        return False
    known = read_json(revision / CLIP_JSON).get("room")
    if isinstance(known, dict) and known.get("conformed") == made.inputs:
        return False
    for stretch in stretches([read_take(take_folder)], decision.session):
        low, high = max(decision.start_ns, stretch.start_ns), min(decision.end_ns, stretch.end_ns)
        if high > low and made.covers((stretch.room(low), stretch.room(high))):
            return True
    return False
