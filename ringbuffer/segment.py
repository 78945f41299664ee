"""The open segment: packets go through its muxer to its file, and its row says what a reader may see of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from core.media import Packet
from core.protocols import SegmentRow
from core.times import Ns
from ringbuffer.containers import Container
from ringbuffer.muxer import SETTLED_NS, SegmentMuxer, Times
from ringbuffer.segment_file import SegmentStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a segment belongs; its file's name is the store's affair."""

    track: str
    epoch: int
    container: Container


class _Extent:
    """Times of the packets that a file holds."""

    def __init__(self) -> None:
        self.start_ns: Ns | None = None
        self.end_ns = Ns(0)
        self.keyframes_ns: tuple[Ns, ...] = ()

    def add(self, times: Times, keyframe: bool) -> None:
        if self.start_ns is None:
            self.start_ns, self.end_ns = times.pts_ns, times.end_ns
        self.start_ns = min(self.start_ns, times.pts_ns)
        self.end_ns = max(self.end_ns, times.end_ns)
        if keyframe:
            self.keyframes_ns += (times.pts_ns,)


class OpenSegment:
    """One segment from its first packet to its row."""

    def __init__(self, place: Place, muxer: SegmentMuxer, store: SegmentStore, *, flush_ns: Ns, sync_ns: Ns) -> None:
        """`flush_ns` of media time a crash may cost, `sync_ns` (and a flush) a power cut."""
        self._place = place
        self._muxer = muxer
        self._store = store
        self._flush_ns, self._sync_ns = flush_ns, sync_ns
        self._first_ns: Ns | None = None
        self._newest_ns = Ns(0)
        self._flushed_ns = self._synced_ns = Ns(0)
        self.leads = False  # its first picture is a keyframe
        self._pictured = False
        self._settled_ns = Ns(0)  # packets with an earlier DTS have left the muxer
        self._waiting: deque[tuple[Times, bool]] = deque()
        self._visible = _Extent()
        self._visible_bytes = 0

    def length_ns(self, at_ns: Ns) -> Ns:
        """How long the segment would be if it ended at this DTS."""
        return Ns(0 if self._first_ns is None else at_ns - self._first_ns)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return len(self._store.data)

    @property
    def refused(self) -> int:
        """Packets whose bytes the container cannot carry."""
        return self._muxer.refused

    def put(self, packet: Packet) -> None:
        """Take a packet."""
        times = self._muxer.put(packet)
        if self._first_ns is None:
            self._first_ns = self._flushed_ns = self._synced_ns = times.dts_ns
            self._newest_ns = self._settled_ns = times.dts_ns
        if packet.kind == "video" and not self._pictured:
            self._pictured, self.leads = True, packet.is_keyframe
        piece = self._muxer.take()
        if piece:
            self._store.data += piece
            self._settled_ns = Ns(self._newest_ns - SETTLED_NS)
        self._waiting.append((times, packet.kind == "video" and packet.is_keyframe))
        self._newest_ns = max(self._newest_ns, times.dts_ns)

    def flush_due(self) -> bool:
        """Whether enough media time has gathered since the last flush."""
        return self._newest_ns - self._flushed_ns >= self._flush_ns and len(self._store.data) > self._visible_bytes

    def flush(self) -> SegmentRow | None:
        """Let a reader, and recovery after a crash, see what left the muxer. Raises OSError."""
        self._store.data += self._place.container.seal
        if self._newest_ns - self._synced_ns >= self._sync_ns:
            self._store.sync()
            self._synced_ns = self._newest_ns
        else:
            self._store.flush()
        self._flushed_ns = self._newest_ns
        self._show(self._settled_ns)
        return self._row()

    def finish(self) -> SegmentRow | None:
        """Close the container and commit the file; None when it holds no packet. Raises OSError."""
        self._store.data += self._muxer.finish() + self._place.container.seal
        self._show(None)
        if self._visible.start_ns is None:
            self._store.discard()
            return None
        self._store.commit()
        return self._row()

    def abandon(self, err: OSError) -> tuple[Ns, Ns] | None:
        """Give up after the disk failed twice; the media time that is lost, None when there was none."""
        self._store.abandon(err)
        self._show(None)
        if self._visible.start_ns is None:
            return None
        return self._visible.start_ns, self._visible.end_ns

    def visible_data(self, limit: int | None = None) -> bytes:
        """The bytes of the last flush, or the first `limit` of them."""
        size = self._visible_bytes if limit is None else min(limit, self._visible_bytes)
        return bytes(self._store.data[:size])

    def _show(self, before_ns: Ns | None) -> None:
        """Move packets with an earlier DTS, or all of them, from waiting to visible."""
        while self._waiting and (before_ns is None or self._waiting[0][0].dts_ns < before_ns):
            self._visible.add(*self._waiting.popleft())
        self._visible_bytes = len(self._store.data)

    def _row(self) -> SegmentRow | None:
        if self._visible.start_ns is None:
            return None
        name = self._store.name
        return SegmentRow(
            track=self._place.track,
            attempt=name.attempt,
            seq=name.seq,
            suffix=name.suffix,
            epoch=self._place.epoch,
            start_ns=self._visible.start_ns,
            end_ns=self._visible.end_ns,
            keyframes_ns=self._visible.keyframes_ns,
            bytes=self._visible_bytes,
            crc32=self._store.crc32,
        )
