"""Reading footage by media time out of an index and a folder of segments: the ring's half that readers see.

Safe to call from any thread. What a reader still needs is pinned in the index while it reads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from core.errors import CutRefused
from core.media import Packet, Track
from core.protocols import SegmentRow, SourceRef
from core.times import Ns, clock_text, ns
from ringbuffer.containers import BY_SUFFIX
from ringbuffer.disk import Disk, storage_error
from ringbuffer.index import Index, Start
from ringbuffer.links import Linkable, link_segments
from ringbuffer.reader import Load, read_packets, read_tracks

HANDLES_NS = ns(30)  # kept on both sides of a clip's source, DESIGN.md section 1
SAME_TIME_NS = ns(0.001)  # the coarsest container tick (Matroska)


class IndexedFootage:
    """A `FootageSource` over segments. `read` yields in DTS order, and raises with its first packet, not before."""

    def __init__(self, index: Index, folder: Path, disk: Disk) -> None:
        self._index = index
        self._folder = folder
        self._disk = disk
        self._lock = threading.RLock()  # guards the index and the open segment
        self._readers = count()
        self._tracks: tuple[str, tuple[Track, ...]] | None = None

    def span(self) -> tuple[Ns, Ns]:
        """First and last media time that can be read; (0, 0) without footage."""
        with self._lock:
            return self._index.span()

    def epoch_span(self, at_ns: Ns) -> tuple[Ns, Ns]:
        """`span` within the epoch at a time; in a hole between two epochs that is the later one."""
        with self._lock:
            return self._index.epoch_span(at_ns)

    def keyframes(self, start_ns: Ns, end_ns: Ns) -> list[Ns]:
        """Video keyframes in start..end, both included; none for sound alone."""
        with self._lock:
            return self._index.keyframes(start_ns, end_ns)

    def tracks(self, at_ns: Ns) -> tuple[Track, ...]:
        """The tracks as they come back from the files at a time. Raises CutRefused when there is no footage."""
        with self._held(at_ns, Ns(at_ns + 1)):
            start, loads = self._start(at_ns)
            first = start.rows[0]
            with self._lock:
                if self._tracks and self._tracks[0] == first.name:
                    return self._tracks[1]
                finished = first in self._index.rows
            tracks = read_tracks(BY_SUFFIX[first.suffix], loads)
            with self._lock:
                self._tracks = (first.name, tracks) if finished else None
            return tracks

    def read(self, start_ns: Ns, end_ns: Ns) -> Iterator[Packet]:
        """Packets from the last keyframe at or before `start_ns`, up to the first with a DTS at or after `end_ns`.

        Sound starts with the first packet at or after the keyframe; sound alone with the packet that is heard at
        `start_ns`. Where the keyframe is gone, the next one is the start. Raises CutRefused when nothing is left.
        """
        with self._held(start_ns, end_ns):
            start, loads = self._start(start_ns)
            first_ns, last_ns = self.epoch_span(start_ns)
            nothing = True
            for packet in _from_start(start, loads, start_ns):
                if packet.dts_ns >= end_ns or end_ns <= first_ns or start_ns >= last_ns:
                    break
                nothing = False
                yield packet
            if nothing:
                raise _not_buffered(start_ns)

    def link_source(self, start_ns: Ns, end_ns: Ns, folder: Path) -> list[SourceRef]:
        """Hard-link every segment of the range and of 30 s on each side into `folder`, which `LinkedFootage` reads.

        Paths in the answer are relative to `folder`. The open segment is copied as far as it was flushed; linking again
        after it was closed replaces the copy. Raises CutRefused without footage, StorageError when the disk refuses.
        """
        wide = Ns(start_ns - HANDLES_NS), Ns(end_ns + HANDLES_NS)
        with self._held(*wide):
            with self._lock:
                exact = self._index.needed_for(start_ns, end_ns)
                rows = {row.name: row for row in (*exact, *self._index.needed_for(*wide))}
                found = [self._linkable(row) for row in sorted(rows.values(), key=lambda row: (row.attempt, row.seq))]
            if not exact:
                raise _not_buffered(start_ns)
            try:
                return link_segments(self._disk, found, folder)
            except OSError as err:
                raise storage_error(err, folder) from err

    def _linkable(self, row: SegmentRow) -> Linkable:
        """Where a row's bytes are; called under the lock."""
        return Linkable(row, self._folder / row.name)

    def _start(self, start_ns: Ns) -> tuple[Start, list[Load]]:
        with self._lock:
            start = self._index.start_at(start_ns)
            found = [self._linkable(row) for row in start.rows]
        if not found:
            raise _not_buffered(start_ns)
        return start, [linkable.load for linkable in found]

    @contextmanager
    def _held(self, start_ns: Ns, end_ns: Ns) -> Iterator[None]:
        """Nothing of the range is evicted inside; in memory only, a restart has no readers."""
        name = f"reader {next(self._readers)}"
        with self._lock:
            self._index.pin(name, start_ns, end_ns)
        try:
            yield
        finally:
            with self._lock:
                self._index.unpin(name)


def _from_start(start: Start, loads: list[Load], start_ns: Ns) -> Iterator[Packet]:
    first = start.rows[0]
    packets = read_packets(BY_SUFFIX[first.suffix], loads, first.start_ns)
    if start.keyframe_ns is None:
        for packet in packets:
            if packet.kind == "video":
                raise _not_buffered(start_ns)  # pictures whose keyframe was evicted
            if packet.end_ns > start_ns:
                yield packet
        return
    seen_keyframe = False
    for packet in packets:
        if packet.kind == "video":
            seen_keyframe = seen_keyframe or (packet.is_keyframe and packet.pts_ns > start.keyframe_ns - SAME_TIME_NS)
            if seen_keyframe:
                yield packet
        elif packet.pts_ns >= start.keyframe_ns:
            yield packet


def _not_buffered(at_ns: Ns) -> CutRefused:
    return CutRefused(
        f"No footage is left at {clock_text(at_ns)}",
        remedy="Cut sooner, or raise ring.minutes and ring.max_gb.",
        code="not_buffered",
    )
