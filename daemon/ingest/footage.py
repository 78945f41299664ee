"""A local file as its own ring: cut from it by media time, exactly as the replay placed it.

The index (epochs, keyframes) is written by the replay as it goes, or by `files.scan_footage`. Reading opens the file
anew each time, so the clip thread never touches the replay's container.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.errors import CutRefused
from core.media import Epoch, Gap, Packet, Track
from core.protocols import SourceRef
from core.timeline import WRAP_TICKS, EpochMap, Timeline
from core.times import NS_PER_S, Ns, clock_text
from daemon.ingest.reader import MediaReader
from daemon.ingest.sniff import EXTENSIONS

MARK_NS: Final = NS_PER_S  # an audio-only file is entered at every second
OVERRUN_NS: Final = 10 * NS_PER_S  # a track that has ended early is not waited for longer than this
LEAD_IN_BYTES: Final = 1 << 20  # a transport stream repeats its tables twice a second: 1 MiB is a second at 8 Mbit/s
FULL_HASH_BYTES: Final = 64 << 20  # bigger files are known by a sample: hashing 10 GB would take a minute
_SAMPLES: Final = 16
_SAMPLE_BYTES: Final = 1 << 20
_SEEKS: Final = frozenset({"mov", "matroska", "avi"})  # formats whose index makes a seek exact


@dataclass(frozen=True, slots=True)
class _Mark:
    """A place where reading may begin."""

    pts_ns: Ns
    pts: int  # ticks, unwrapped
    dts: int
    offset: int  # in the file, -1 when unknown

    def is_at(self, raw: Packet, *, wraps: bool) -> bool:
        """Whether a packet of a second reading is the one marked."""
        if self.offset >= 0 and raw.offset >= 0:
            return raw.offset == self.offset
        return (raw.pts - self.pts) % WRAP_TICKS == 0 if wraps else raw.pts == self.pts


@dataclass(slots=True)
class _Stretch:
    """One epoch of the file."""

    epoch: Epoch
    tracks: tuple[Track, ...]
    epoch_map: EpochMap
    end_ns: Ns
    offset: int = -1  # where its first packet lies in the file
    marks: list[_Mark] = field(default_factory=list)

    @property
    def has_video(self) -> bool:
        return any(track.kind == "video" for track in self.tracks)


class _Stop:
    """The timeline sink of a second reading: an epoch that opens ends it."""

    opened = False

    def epoch_opened(self, _epoch: Epoch) -> None:
        self.opened = True

    def gap_found(self, _gap: Gap) -> None:
        """The first reading has told it."""


class FileFootage:
    """FootageSource on one file. Written by one thread, read by any. `fetched`: the file is ours and goes away with the
    job, so a clip keeps a hard link to it; a user's file is only referenced."""

    def __init__(self, path: Path, fmt: str, *, fetched: bool = False) -> None:
        self.path = path
        self._fmt = fmt
        self._fetched = fetched
        self._lock = threading.Lock()
        self._stretches: list[_Stretch] = []
        self._hash: tuple[str, int, bool] | None = None

    # -- written by the replay

    def epoch_opened(self, epoch: Epoch, tracks: tuple[Track, ...], epoch_map: EpochMap) -> None:
        """A new stretch."""
        with self._lock:
            self._stretches.append(_Stretch(epoch, tracks, epoch_map, epoch.start_ns))

    def packets_placed(self, packets: Sequence[Packet]) -> None:
        """Remember keyframes, and how far the media goes."""
        with self._lock:
            for packet in packets:
                stretch = self._stretches[-1]
                stretch.end_ns = max(stretch.end_ns, packet.end_ns)
                if packet.offset >= 0:
                    stretch.offset = packet.offset if stretch.offset < 0 else min(stretch.offset, packet.offset)
                last_ns = stretch.marks[-1].pts_ns if stretch.marks else None
                due = packet.is_keyframe and packet.kind == "video"
                if not stretch.has_video:
                    due = last_ns is None or packet.pts_ns - last_ns >= MARK_NS
                if due and (last_ns is None or packet.pts_ns > last_ns):
                    stretch.marks.append(_Mark(packet.pts_ns, packet.pts, packet.dts, packet.offset))

    # -- FootageSource

    def tracks(self, at_ns: Ns) -> tuple[Track, ...]:
        """Tracks of the epoch at a time."""
        return self._at(at_ns).tracks

    def span(self) -> tuple[Ns, Ns]:
        """From the first placed packet to the newest."""
        with self._lock:
            if not self._stretches:
                return Ns(0), Ns(0)
            return self._stretches[0].epoch.start_ns, self._stretches[-1].end_ns

    def epoch_span(self, at_ns: Ns) -> tuple[Ns, Ns]:
        """Start and end of the epoch at a time."""
        stretch = self._at(at_ns)
        return stretch.epoch.start_ns, stretch.end_ns

    def keyframes(self, start_ns: Ns, end_ns: Ns) -> list[Ns]:
        """Keyframes in start..end, both included; none in an audio-only file."""
        found: list[Ns] = []
        with self._lock:
            for stretch in self._stretches:
                if stretch.has_video:
                    times = [mark.pts_ns for mark in stretch.marks]
                    found += times[bisect_left(times, start_ns) : bisect_right(times, end_ns)]
        return found

    def read(self, start_ns: Ns, end_ns: Ns) -> Iterator[Packet]:
        """See FootageSource. Raises CutRefused when the file holds nothing of the range."""
        stretch = self._at(start_ns)
        with self._lock:
            marks, media_end_ns = list(stretch.marks), stretch.end_ns
        if not marks or start_ns >= media_end_ns or end_ns <= stretch.epoch.start_ns:
            raise _no_media(start_ns)
        mark = marks[max(0, bisect_right([m.pts_ns for m in marks], start_ns) - 1)]
        return self._packets(stretch, mark, end_ns)

    def link_source(self, start_ns: Ns, end_ns: Ns, folder: Path) -> list[SourceRef]:
        """The file itself: a hard link in `folder` when it was fetched, else its path; known by its hash."""
        sha256, size, sampled = self._file_hash()
        path = str(self.path.resolve())
        if self._fetched:
            link = folder / f"source.{EXTENSIONS.get(self._fmt, self._fmt)}"
            if not link.exists():
                os.link(self.path, link)
            path = link.name
        return [SourceRef(path=path, sha256=sha256, bytes=size, start_ns=start_ns, end_ns=end_ns, sampled=sampled)]

    # -- reading

    def _at(self, at_ns: Ns) -> _Stretch:
        with self._lock:
            if not self._stretches:
                raise _no_media(at_ns)
            starts = [stretch.epoch.start_ns for stretch in self._stretches]
            return self._stretches[max(0, bisect_right(starts, at_ns) - 1)]

    def _packets(self, stretch: _Stretch, mark: _Mark, end_ns: Ns) -> Iterator[Packet]:
        """From the mark on. Where a format's seek lands behind the mark, the file is read from its start instead."""
        for from_start in (False, True):
            reader = self._open_at(mark, from_start)
            try:
                started = False
                for packet in self._from(reader, stretch, mark, end_ns, strict=not from_start):
                    started = True
                    yield packet
                if started:
                    return
            finally:
                reader.close()
        raise _no_media(mark.pts_ns)

    def _from(
        self, reader: MediaReader, stretch: _Stretch, mark: _Mark, end_ns: Ns, *, strict: bool
    ) -> Iterator[Packet]:
        stop = _Stop()
        line = _rejoin(stretch, mark, stop)
        early: list[Packet] = []  # sound from before the keyframe's place in the file
        passed: set[str] = set()
        begun = not stretch.has_video
        while packets := reader.read(NS_PER_S):
            for raw in packets:
                if 0 <= raw.offset < stretch.offset:
                    continue  # another epoch, whose timestamps may look like ours
                if not begun and raw.kind == "video" and raw.is_keyframe and not mark.is_at(raw, wraps=reader.wraps):
                    line = _rejoin(stretch, mark, stop)  # an earlier GOP: nothing before it belongs to ours
                    early.clear()
                    continue
                placed = line.place(raw, wraps=reader.wraps)
                if stop.opened or len(passed) >= len(stretch.tracks) or line.end_ns > end_ns + OVERRUN_NS:
                    return
                passed.update(packet.kind for packet in placed if packet.dts_ns >= end_ns)
                wanted = [packet for packet in placed if packet.dts_ns < end_ns]
                begun = begun or any(packet.kind == "video" for packet in placed)
                early += wanted
                if begun:
                    yield from early
                    early.clear()
            if strict and not begun and line.end_ns > mark.pts_ns + OVERRUN_NS:
                return  # the seek went too far

    def _open_at(self, mark: _Mark, from_start: bool) -> MediaReader:
        if self._fmt == "mpegts" and not from_start and mark.offset > LEAD_IN_BYTES:
            base = mark.offset - LEAD_IN_BYTES
            return MediaReader(_Tail(self.path, base), self._fmt, base=base)
        reader = MediaReader(self.path, self._fmt)
        if not from_start and self._fmt in _SEEKS and not reader.seek(mark.dts):
            reader.close()
            reader = MediaReader(self.path, self._fmt)
        return reader

    def _file_hash(self) -> tuple[str, int, bool]:
        if self._hash is None:
            self._hash = file_hash(self.path)
        return self._hash


class _Tail(io.FileIO):
    """A file from an offset on: a transport stream may be entered anywhere, without asking libav to seek by time."""

    def __init__(self, path: Path, offset: int) -> None:
        super().__init__(path, "rb")
        self._offset = offset
        super().seek(offset)

    def seek(self, position: int, whence: int = os.SEEK_SET, /) -> int:
        """Positions count from the offset."""
        if whence == os.SEEK_SET:
            position += self._offset
        return super().seek(position, whence) - self._offset

    def tell(self) -> int:
        """Counts from the offset."""
        return super().tell() - self._offset


def _rejoin(stretch: _Stretch, mark: _Mark, stop: _Stop) -> Timeline:
    return Timeline.rejoin(
        stop,
        stretch.epoch.number,
        stretch.epoch_map,
        ref_ticks=mark.dts,
        start_ns=mark.pts_ns,
        video=stretch.has_video,
    )


def file_hash(path: Path) -> tuple[str, int, bool]:
    """SHA-256, size, and whether it is of a sample: 16 MiB at even distances plus the size."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= FULL_HASH_BYTES:
            return hashlib.file_digest(file, "sha256").hexdigest(), size, False
        digest = hashlib.sha256(str(size).encode())
        for index in range(_SAMPLES):
            file.seek((size - _SAMPLE_BYTES) * index // (_SAMPLES - 1))
            digest.update(file.read(_SAMPLE_BYTES))
        return digest.hexdigest(), size, True


def _no_media(at_ns: int) -> CutRefused:
    return CutRefused(
        f"There is no media at {clock_text(at_ns)}",
        remedy="Choose a time that has been played already.",
        code="no_media",
    )
