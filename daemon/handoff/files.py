"""The files of an editor hand-off as bytes by name; whoever publishes clips writes them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.times import Ns
from core.words import Word
from daemon.handoff.edl import edl
from daemon.handoff.fcpxml import fcpxml
from daemon.handoff.model import Timeline
from daemon.handoff.otio import otio
from daemon.handoff.transcript import transcript_json, transcript_txt
from daemon.handoff.xmeml import xmeml

WRITERS: Final = {"otio": otio, "fcpxml": fcpxml, "edl": edl, "xmeml": xmeml}
NAMES: Final = {
    "otio": "timeline.otio",
    "fcpxml": "timeline.fcpxml",
    "edl": "timeline.edl",
    "xmeml": "timeline.xml",
    "transcript_txt": "transcript.txt",
    "transcript_json": "transcript.json",
}


def timeline_files(timeline: Timeline) -> dict[str, bytes]:
    """By kind; the file's name is NAMES[kind]. The same timeline gives the same bytes."""
    return {kind: write(timeline).encode() for kind, write in WRITERS.items()}


def transcript_files(words: Sequence[Word], length_ns: Ns) -> dict[str, bytes]:
    """By kind; {} when nobody speaks. Words count from the clip's first frame."""
    if not words:
        return {}
    texts = {"transcript_txt": transcript_txt(words), "transcript_json": transcript_json(words, length_ns)}
    return {kind: text.encode() for kind, text in texts.items()}
