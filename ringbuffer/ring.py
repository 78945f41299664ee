"""The ring buffer: placed packets in, footage by media time out, the oldest let go. One writer a folder.

`append` belongs to one thread; everything else may be called from any. See docs/adr/0002-journal.md for the order in
which files and journal rows become durable.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NoReturn

from core.errors import StorageError
from core.media import Epoch, Gap, Packet, Track
from core.protocols import SegmentLog, SegmentRow
from core.times import Ns, ns
from ringbuffer.containers import container_for
from ringbuffer.disk import Disk, OsDisk, storage_error
from ringbuffer.dvr import HEAD_BYTES, Dvr
from ringbuffer.footage import IndexedFootage
from ringbuffer.index import Eviction, Index
from ringbuffer.links import Linkable
from ringbuffer.muxer import SegmentMuxer
from ringbuffer.names import SegmentName
from ringbuffer.options import RingOptions
from ringbuffer.recovery import Recovered, RecoveryReport, recover
from ringbuffer.segment import OpenSegment, Place
from ringbuffer.segment_file import SegmentStore

FULL_DISK_KEEP_NS: Final = ns(60)  # what a full disk leaves of unpinned footage: the longest clip's pre-roll and a bit
EARLY: Final = 0.75  # of segment_s: from here a keyframe starts a new segment
LATE: Final = 1.1  # of segment_s: from here any packet does, unless the keyframe that is due next can be waited for
LONGEST: Final = 6.0  # of segment_s: for how long it can. Encoders left to themselves put keyframes 4 to 10 s apart
MOST_BYTES: Final = 32 << 20  # and for how much: the open segment is held in memory, too


class Ring(IndexedFootage):
    """Footage of one track of a session, `main` unless it is a room. Build it with `Ring.open`."""

    def __init__(self, folder: Path, log: SegmentLog, options: RingOptions, disk: Disk, lock_fd: int, dvr: Dvr) -> None:
        super().__init__(Index(), folder, disk)
        self._dvr = dvr
        self._log = log
        self._options = options
        self._segment_ns = ns(options.segment_s)
        self._flush_ns = ns(options.flush_s)
        self._lock_fd: int | None = lock_fd
        self._epoch: tuple[Epoch, tuple[Track, ...]] | None = None
        self._segment: OpenSegment | None = None
        self._open_name: str | None = None
        self._attempt = 0
        self._next_seq = 0
        self.recovered = RecoveryReport()
        self.evicted: Counter[str] = Counter()  # segments, by reason
        self.segments_written = 0
        self.packets_refused = 0  # bytes that the container cannot carry

    @classmethod
    def open(
        cls,
        folder: Path,
        log: SegmentLog,
        options: RingOptions,
        *,
        attempt: int,
        track: str = "main",
        disk: Disk | None = None,
        epochs: Iterable[Epoch] = (),
    ) -> Ring:
        """Take a session's `ring` folder and bring it and the log to one state, also after kill -9. `epochs`: those of
        earlier attempts, for the dates in the DVR list.

        Raises StorageError: ring_locked when another writer has it, disk_full or disk_io when the disk refuses.
        """
        dvr = Dvr(folder, target_s=LATE * options.segment_s + 1, epochs=epochs)
        disk, folder = disk or OsDisk(), folder / track
        lock_fd = _lock(folder)
        try:
            ring = cls(folder, log, options, disk, lock_fd, dvr)
            ring._take_over(recover(folder, log, disk, attempt=attempt), attempt)
        except OSError as err:
            os.close(lock_fd)
            raise storage_error(err, folder) from err
        except StorageError:
            os.close(lock_fd)
            raise
        return ring

    @property
    def total_bytes(self) -> int:
        """What the closed segments take on disk."""
        with self._lock:
            return self._index.total_bytes

    def begin_epoch(self, epoch: Epoch, tracks: tuple[Track, ...]) -> None:
        """Close the open segment; the packets that follow are of this epoch and these tracks."""
        with self._lock:
            self._close_segment()
            self._dvr.epoch(epoch)
            self._dvr.publish()
            self._epoch = (epoch, tracks)

    def append(self, packet: Packet) -> None:
        """Take the next packet in DTS order. Raises StorageError (disk_full, disk_io) when footage could not be kept.

        After such an error the ring is whole and empty-handed: the open segment is gone, the next packet opens another.
        """
        with self._lock:
            if self._segment and self._ends_at(self._segment, packet):
                self._close_segment()
                self.evict()
            segment = self._segment or self._open_segment()
            segment.put(packet)
            if segment.flush_due():
                self._flush(segment)

    def pin(self, name: str, start_ns: Ns, end_ns: Ns) -> None:
        """Keep what showing [start_ns, end_ns) needs, also across restarts, until `unpin`."""
        with self._lock:
            self._index.pin(name, start_ns, end_ns)
        self._log.pin(name, start_ns, end_ns)

    def unpin(self, name: str) -> None:
        """Let it go."""
        self._log.unpin(name)
        with self._lock:
            self._index.unpin(name)

    def evict(self) -> None:
        """Let the oldest unpinned footage go: by age, then by size. `append` calls it after every closed segment.

        Opening does not: who opens a ring to cut one more clip may not know how much of it was to be kept.
        """
        with self._lock:
            options = self._options
            for eviction in self._index.plan_eviction(keep_ns=options.keep_ns, keep_bytes=options.keep_bytes):
                self._evict(eviction)
            self._dvr.publish()

    def close(self) -> None:
        """Close the open segment and let go of the folder; the DVR list says that no more will come, until a later
        attempt adds to it. Raises StorageError like `append`; closed all the same."""
        with self._lock:
            if self._lock_fd is None:
                return
            try:
                self._close_segment()
            finally:
                self._dvr.publish(ended=True)
                os.close(self._lock_fd)
                self._lock_fd = None

    def _take_over(self, found: Recovered, attempt: int) -> None:
        self._index = Index(found.rows)
        self._dvr.take_over(self._index.rows)
        for name, (start_ns, end_ns) in self._log.pins().items():
            self._index.pin(name, start_ns, end_ns)
        self._attempt = attempt
        self._next_seq = found.next_seq
        self.recovered = found.report

    def _ends_at(self, segment: OpenSegment, packet: Packet) -> bool:
        """A segment is cut before a keyframe, so that a player of the DVR list can begin with it. What has no keyframe
        at its start, or none soon enough after it, is cut by time."""
        length_ns = segment.length_ns(packet.dts_ns)
        if packet.kind == "video" and packet.is_keyframe:
            return length_ns >= EARLY * self._segment_ns
        if length_ns < LATE * self._segment_ns:
            return False
        return not segment.leads or length_ns >= LONGEST * self._segment_ns or segment.size >= MOST_BYTES

    def _open_segment(self) -> OpenSegment:
        if self._epoch is None or self._lock_fd is None:
            raise ValueError("append needs an open ring and an epoch")
        epoch, tracks = self._epoch
        container = container_for(tracks)
        muxer = SegmentMuxer(container, tracks, epoch=epoch.number, flush_ns=self._flush_ns)

        def next_name() -> SegmentName:
            self._next_seq += 1
            return SegmentName(self._attempt, self._next_seq - 1, container.suffix)

        try:
            store = SegmentStore(self._disk, self._folder, next_name, self._make_room)
        except OSError as err:
            raise storage_error(err, self._folder) from err
        place = Place(track=self._folder.name, epoch=epoch.number, container=container)
        self._segment = OpenSegment(
            place, muxer, store, flush_ns=self._flush_ns, sync_ns=Ns(round(LATE * self._segment_ns))
        )
        return self._segment

    def _flush(self, segment: OpenSegment) -> None:
        try:
            row = segment.flush()
        except OSError as err:
            self._give_up(segment, err)
        self._show_open(row)

    def _close_segment(self) -> None:
        segment = self._segment
        if segment is None:
            return
        try:
            row = segment.finish()
        except OSError as err:
            self._give_up(segment, err)
        self._segment = None
        self._show_open(None)
        self.packets_refused += segment.refused
        if row is not None:
            self._log.add_segment(row)
            self._index.add(row)
            self._dvr.closed(row, segment.visible_data(HEAD_BYTES))
            self.segments_written += 1

    def _give_up(self, segment: OpenSegment, err: OSError) -> NoReturn:
        """The disk failed twice: the segment is lost, the ledger says so, the worker ends with code 73."""
        self._segment = None
        self._show_open(None)
        error = storage_error(err, self._folder)
        lost = segment.abandon(err)
        if lost:
            self._log.add_gap(Gap(start_ns=lost[0], end_ns=lost[1], reason=error.code))
        raise error from err

    def _show_open(self, row: SegmentRow | None) -> None:
        self._index.show_open(row)
        self._open_name = row.name if row else None

    def _linkable(self, row: SegmentRow) -> Linkable:
        if row.name == self._open_name and self._segment:
            return Linkable(row, self._folder / row.name, self._segment.visible_data())
        return super()._linkable(row)

    def _make_room(self) -> None:
        """A full disk: all unpinned footage goes but the last minute."""
        for eviction in self._index.plan_eviction(keep_ns=FULL_DISK_KEEP_NS, keep_bytes=self._index.total_bytes):
            self._evict(Eviction(reason="disk_full", rows=eviction.rows))

    def _evict(self, eviction: Eviction) -> None:
        """Row first: a file without a row is removed at the next start, a row without a file would be a gap. The DVR
        list goes before the file, too."""
        self._log.evict_segments(eviction.rows, reason=eviction.reason)
        self._index.remove(eviction.rows)
        self._dvr.gone(eviction.rows)
        self._dvr.publish()
        for row in eviction.rows:
            try:
                self._disk.unlink(self._folder / row.name)
            except OSError:
                self.evicted["left_behind"] += 1  # the next start tries again
        self.evicted[eviction.reason] += len(eviction.rows)


def _lock(folder: Path) -> int:
    """The folder itself is the lock, so nothing has to be cleaned up after a crash."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as err:
        raise storage_error(err, folder) from err
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        os.close(fd)
        raise StorageError(
            f"Another worker writes to {folder}", remedy="Stop it, or start another session.", code="ring_locked"
        ) from err
    return fd
