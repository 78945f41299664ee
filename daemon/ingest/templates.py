"""Tracks of one kind share one template, so that a container is closed as soon as it has been read.

PyAV's containers hold themselves in a cycle, and Python's collector counts objects, not the megabyte of libav's behind
each: left to it, a worker grows with every segment and every reconnect.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from core.media import Track
from daemon.ingest.reader import MediaReader

KINDS: Final = 4  # lately seen: an encoder's first segment may have other parameter sets than those after it


def shared(known: Iterable[tuple[Track, ...]], tracks: tuple[Track, ...]) -> tuple[Track, ...] | None:
    """These tracks with the templates of the first of `known` that are the same; None where none are."""
    for old in known:
        if _are(old, tracks):
            return tuple(replace(new, template=one.template) for one, new in zip(old, tracks, strict=True))
    return None


def _are(known: tuple[Track, ...], tracks: tuple[Track, ...]) -> bool:
    """Whether these are the same tracks. What a few frames say of the frame rate is no difference, nor is the clock on
    which their times are told."""
    if len(known) != len(tracks):
        return False
    pairs = zip(known, tracks, strict=True)
    return all(replace(old, fps=new.fps, time_base=new.time_base) == new for old, new in pairs)


class Templates:
    """Those of a source whose connections come and go, one after the other."""

    def __init__(self) -> None:
        self._kinds: deque[tuple[Track, ...]] = deque(maxlen=KINDS)
        self._giver: MediaReader | None = None  # of the newest kind

    def tracks(self, reader: MediaReader) -> tuple[Track, ...]:
        """The reader's tracks, with templates that outlive it."""
        tracks = reader.tracks
        found = shared(self._kinds, tracks)
        if found is None:
            self._kinds.append(tracks)
            self._giver = reader
        return found or tracks

    def done(self, reader: MediaReader) -> None:
        """It has been read: close it, unless it gave templates itself."""
        if reader is not self._giver:
            reader.close()
