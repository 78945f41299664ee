"""Media time: where each packet of a source lies on the session's one clock. Pure: no files, no clock, no threads.

Zero is the first retained keyframe, else the first audio sample. Inside an *epoch* media time is source time plus a
constant; a discontinuity, a long jump or a reconnect opens the next epoch at the old end plus the elapsed time. Every
packet handed in is placed, waits for the epoch's first keyframe, or is counted in `dropped` with its reason.
The rules and where their numbers come from: docs/adr/0001-media-time.md.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median_low
from typing import Final, NamedTuple

from core.media import Epoch, Gap, Kind, Packet
from core.protocols import TimelineSink
from core.times import NS_PER_S, Ns, ticks_to_ns

WRAP_TICKS: Final = 1 << 33  # MPEG-TS carries 33 bits of a 90 kHz clock: 26.5 h
AUDIO_HOLE_NS: Final = 100_000_000  # above the interleaving jitter of FLV and Matroska (1 ms) and of edit lists (21 ms)
VIDEO_HOLE_NS: Final = 2 * NS_PER_S  # screen shares run at 1 frame a second and less: variable frame rate is no gap
VIDEO_HOLE_FRAMES: Final = 10
FORWARD_JUMP_NS: Final = 10 * NS_PER_S
BACKWARD_JUMP_NS: Final = NS_PER_S // 2
MAX_REORDER_NS: Final = 10 * NS_PER_S  # more between a packet's PTS and DTS is damage
KEYFRAME_PATIENCE_NS: Final = 30 * NS_PER_S  # longest GOP we wait for while audio runs: x264's default of 250 at 10 fps
MAX_WAITING: Final = 8_000
MAX_FRAME_NS: Final = {"audio": NS_PER_S, "video": 600 * NS_PER_S}  # longer is damage; a slide may stand
UNKNOWN_FRAME_NS: Final = 20_000_000  # length of a frame whose duration nobody states


class Elapsed(NamedTuple):
    """Time between the old epoch's end and the new one's start, and where it comes from: start, pdt, boottime, source.

    `wall_ns` is the UTC time of the new start, when known.
    """

    ns: int
    by: str
    wall_ns: int | None = None


class EpochMap(NamedTuple):
    """How ticks become media time in one epoch: `origin_ns + (ticks - origin_ticks)`; `wraps` for 33-bit input."""

    origin_ticks: int
    origin_ns: int
    wraps: bool


@dataclass(slots=True)
class _Track:
    """What has been placed of one track in this epoch."""

    end_ns: int
    dts_ns: int
    dts_ticks: int
    deltas: deque[int] = field(default_factory=lambda: deque(maxlen=32))
    recent_pts: deque[int] = field(default_factory=lambda: deque(maxlen=64))

    def frame_ns(self) -> int:
        return median_low(self.deltas) if self.deltas else UNKNOWN_FRAME_NS


@dataclass(frozen=True, slots=True)
class _Pending:
    """An epoch that has been announced and has no packet yet; `elapsed` None means: ask when it starts."""

    reason: str
    elapsed: Elapsed | None


class Timeline:
    """Places packets and finds epochs and gaps; see the module.

    `elapsed` is asked when the timeline itself opens an epoch (a jump nobody announced); a replayed file needs none.
    `resume` is (media end, next epoch number) of an earlier attempt on the same session.
    """

    def __init__(
        self,
        sink: TimelineSink,
        *,
        resume: tuple[Ns, int] | None = None,
        elapsed: Callable[[], Elapsed] = lambda: Elapsed(0, "source"),
    ) -> None:
        self._sink = sink
        self._elapsed = elapsed
        self.end_ns, self.epoch = resume if resume is not None else (Ns(0), 0)  # `epoch`: number of the next one
        self.dropped: Counter[str] = Counter()
        self.map: EpochMap | None = None  # None while an epoch waits for its first packet
        self.ref_ticks = 0  # last placed DTS, unwrapped: the shared reference of all tracks
        self._pending = _Pending("worker_restart", None) if resume else _Pending("start", Elapsed(0, "start"))
        self._start_ns = 0
        self._excused_ns = 0
        self._video = True
        self._wanted_pts: int | None = None  # set by rejoin: the keyframe that has to be met
        self._tracks: dict[Kind, _Track] = {}
        self._waiting: deque[tuple[Packet, bool]] = deque()
        self._seen: tuple[int, int] | None = None  # ref ticks of the first packet since the break, lowest source ns

    @classmethod
    def rejoin(
        cls, sink: TimelineSink, epoch: int, epoch_map: EpochMap, *, ref_ticks: int, start_ns: Ns, video: bool = True
    ) -> Timeline:
        """A timeline in the middle of a known epoch: what a second reading of a file uses. Nothing before `start_ns` is
        placed, and with `video` the first video packet is the keyframe whose PTS lies exactly there."""
        line = cls(sink, resume=(start_ns, epoch + 1))
        line.map, line.ref_ticks, line._start_ns, line._excused_ns = epoch_map, ref_ticks, start_ns, start_ns
        line._video, line._wanted_pts = video, start_ns if video else None
        return line

    def expect(self, *, video: bool) -> None:
        """Whether the coming epoch has video, so whether audio has to wait for a keyframe."""
        self._video = video

    def break_epoch(self, reason: str, *, elapsed_ns: int | None, by: str, wall_ns: int | None) -> None:
        """The next packet opens a new epoch at the old end plus `elapsed_ns`; None asks `elapsed` when it comes.

        Every caller counts from the old end, so of several breaks with nothing between the longest holds.
        """
        elapsed = None if elapsed_ns is None else Elapsed(max(0, elapsed_ns), by, wall_ns)
        if self.map is None:  # the epoch that has not begun keeps its reason, and begins later
            before, reason = self._pending.elapsed, self._pending.reason
            if before is not None and elapsed is not None:
                elapsed = elapsed._replace(ns=max(elapsed.ns, before.ns))
        self._break(reason, elapsed)

    def mark_lost(self, duration_ns: int, reason: str) -> None:
        """Media of about this length will never come: a gap now, and the hole it leaves is not reported again."""
        if self.map is None and self._pending.reason == "start":
            return  # nothing has begun, so nothing is missing
        start = Ns(max(self.end_ns, self._excused_ns))
        self._excused_ns = start + duration_ns
        if self.map is None and self._pending.elapsed is not None:
            elapsed = self._pending.elapsed
            self._pending = _Pending(self._pending.reason, elapsed._replace(ns=elapsed.ns + duration_ns))
        if duration_ns > 0:
            self._sink.gap_found(Gap(start_ns=start, end_ns=Ns(self._excused_ns), reason=reason))

    def place(self, packet: Packet, *, wraps: bool) -> list[Packet]:
        """The packets that are now on media time, this one or more that waited for it; empty: dropped or waiting."""
        if self.map is None:
            return self._await_start(packet, wraps)
        pts, dts = self._unwrap(packet.pts, self.ref_ticks, wraps), self._unwrap(packet.dts, self.ref_ticks, wraps)
        dts_ns = self._media_ns(dts, packet)
        if self._jumped(packet.kind, dts_ns):
            self._break("jump", None)
            return self._await_start(packet, wraps)
        placed = self._place_in_epoch(packet, pts, dts)
        return [] if placed is None else [placed]

    def fits(self, packet: Packet, *, wraps: bool) -> bool:
        """Whether a packet's time lies in the running epoch or shortly after it; False between epochs."""
        if self.map is None:
            return False
        dts_ns = self._media_ns(self._unwrap(packet.dts, self.ref_ticks, wraps), packet)
        return dts_ns - self._start_ns >= -BACKWARD_JUMP_NS and dts_ns - self.end_ns <= FORWARD_JUMP_NS

    def finish(self) -> list[Packet]:
        """End of the source: audio that still waits for a keyframe becomes an epoch of its own."""
        return self._start(*self._waiting[0]) if self._waiting else []

    # -- opening an epoch

    def _break(self, reason: str, elapsed: Elapsed | None) -> None:
        self.dropped["before_keyframe"] += len(self._waiting)
        self._waiting.clear()
        self._tracks.clear()
        self._seen, self.map, self._wanted_pts = None, None, None
        self._pending = _Pending(reason, elapsed)

    def _await_start(self, packet: Packet, wraps: bool) -> list[Packet]:
        source_ns = self._note_seen(packet, wraps)
        if packet.kind == "video":
            if packet.is_keyframe:
                return self._start(packet, wraps)
            self.dropped["before_keyframe"] += 1
            return []
        self._waiting.append((packet, wraps))
        first, first_wraps = self._waiting[0]
        waited_ns = source_ns - self._note_seen(first, first_wraps)
        if self._video and 0 <= waited_ns < KEYFRAME_PATIENCE_NS and len(self._waiting) < MAX_WAITING:
            return []
        return self._start(first, first_wraps)

    def _note_seen(self, packet: Packet, wraps: bool) -> int:
        """Source time of a packet of the pending epoch; remembers the lowest, which is where its media begins."""
        ref = packet.pts if self._seen is None else self._seen[0]
        source_ns = ticks_to_ns(self._unwrap(packet.pts, ref, wraps), packet.time_base)
        lowest = source_ns if self._seen is None else min(self._seen[1], source_ns)
        self._seen = (ref, lowest)
        return source_ns

    def _start(self, anchor: Packet, wraps: bool) -> list[Packet]:
        """Open the pending epoch with `anchor` at its start, and release what waited for it."""
        lead_ns = self._note_seen(anchor, wraps) - (self._seen[1] if self._seen else 0)
        ref = self._seen[0] if self._seen else anchor.pts
        pts = self._unwrap(anchor.pts, ref, wraps)
        elapsed = self._pending.elapsed if self._pending.elapsed is not None else self._elapsed()
        lead_ns = lead_ns if 0 <= lead_ns <= FORWARD_JUMP_NS else 0
        start_ns = 0 if self._pending.reason == "start" else self.end_ns + max(0, elapsed.ns) + lead_ns
        self.ref_ticks = self._unwrap(anchor.dts, pts, wraps)
        self.map = (
            EpochMap(pts, start_ns, wraps=True)
            if wraps
            else EpochMap(0, start_ns - ticks_to_ns(pts, anchor.time_base), wraps=False)
        )
        self._open(start_ns, lead_ns, elapsed)
        queue = [*self._waiting, *(() if anchor.kind == "audio" else ((anchor, wraps),))]
        self._waiting.clear()
        queue.sort(key=lambda waiting: waiting[0].kind == "audio")  # stable: the keyframe first, then audio in order
        placed = [self._place_waiting(packet, packet_wraps) for packet, packet_wraps in queue]
        return [packet for packet in placed if packet is not None]

    def _place_waiting(self, packet: Packet, wraps: bool) -> Packet | None:
        pts, dts = self._unwrap(packet.pts, self.ref_ticks, wraps), self._unwrap(packet.dts, self.ref_ticks, wraps)
        if self._jumped(packet.kind, self._media_ns(dts, packet)):
            self.dropped["stray"] += 1
            return None
        return self._place_in_epoch(packet, pts, dts)

    def _open(self, start_ns: int, lead_ns: int, elapsed: Elapsed) -> None:
        known_ns, reason = max(self.end_ns, self._excused_ns), self._pending.reason
        if start_ns > known_ns:
            self._sink.gap_found(Gap(start_ns=Ns(known_ns), end_ns=Ns(start_ns), reason=reason))
        wall_ns = None if elapsed.wall_ns is None else elapsed.wall_ns + lead_ns
        number, self.epoch = self.epoch, self.epoch + 1
        self._start_ns, self._excused_ns, self.end_ns = start_ns, start_ns, Ns(start_ns)
        self._sink.epoch_opened(
            Epoch(number=number, start_ns=Ns(start_ns), reason=reason, by=elapsed.by, wall_ns=wall_ns)
        )

    # -- inside an epoch

    def _jumped(self, kind: Kind, dts_ns: int) -> bool:
        """A time no continuous source could have. Forward is measured from everything placed: one track may pause."""
        track = self._tracks.get(kind)
        if dts_ns - self.end_ns > FORWARD_JUMP_NS:
            frame_ns = track.frame_ns() if track is not None and kind == "video" else 0
            return dts_ns - self.end_ns > VIDEO_HOLE_FRAMES * frame_ns
        return track is not None and track.dts_ns - dts_ns > BACKWARD_JUMP_NS

    def _place_in_epoch(self, packet: Packet, pts: int, dts: int) -> Packet | None:
        track = self._tracks.get(packet.kind)
        pts_ns = self._media_ns(pts, packet)
        reason = self._reason_to_drop(packet, track, pts_ns)
        if reason is None:
            dts = min(pts, dts if track is None else max(dts, track.dts_ticks + 1))  # repaired: rising, not after PTS
            reason = "overlap" if track is not None and dts <= track.dts_ticks else None
        dts_ns = self._media_ns(dts, packet)
        if reason is None and pts_ns - dts_ns > MAX_REORDER_NS:
            reason = "bad_pts"
        if reason is not None:
            self.dropped[reason] += 1
            return None
        duration_ns = ticks_to_ns(packet.duration, packet.time_base)
        if not 0 < duration_ns <= MAX_FRAME_NS[packet.kind]:
            duration_ns = Ns(track.frame_ns() if track else UNKNOWN_FRAME_NS)
        end_ns = pts_ns + duration_ns
        self._remember(packet, track, pts_ns, dts_ns, dts, end_ns)
        return Packet(  # dataclasses.replace takes three times as long
            kind=packet.kind,
            pts=pts,
            dts=dts,
            duration=packet.duration,
            time_base=packet.time_base,
            is_keyframe=packet.is_keyframe,
            data=packet.data,
            pts_ns=Ns(pts_ns),
            dts_ns=Ns(dts_ns),
            end_ns=Ns(end_ns),
            offset=packet.offset,
        )

    def _reason_to_drop(self, packet: Packet, track: _Track | None, pts_ns: int) -> str | None:
        if packet.kind == "video" and track is None:
            wanted = packet.is_keyframe and self._wanted_pts in (None, pts_ns)
            return None if wanted and pts_ns >= self._start_ns else "before_keyframe"
        if pts_ns < self._start_ns:
            return "before_start"
        return "overlap" if track is not None and pts_ns in track.recent_pts else None

    def _remember(
        self, packet: Packet, track: _Track | None, pts_ns: int, dts_ns: int, dts_ticks: int, end_ns: int
    ) -> None:
        if track is None:
            track = self._tracks[packet.kind] = _Track(end_ns=end_ns, dts_ns=dts_ns, dts_ticks=dts_ticks)
        else:
            self._report_hole(packet.kind, track, pts_ns)
            track.deltas.append(dts_ns - track.dts_ns)
            track.end_ns, track.dts_ns, track.dts_ticks = max(track.end_ns, end_ns), dts_ns, dts_ticks
        if packet.kind == "video":
            track.recent_pts.append(pts_ns)
        self.ref_ticks = dts_ticks
        self.end_ns = Ns(max(self.end_ns, end_ns))

    def _report_hole(self, kind: Kind, track: _Track, pts_ns: int) -> None:
        from_ns = track.end_ns
        if pts_ns - from_ns <= AUDIO_HOLE_NS:
            return
        if from_ns < self._excused_ns and pts_ns > track.end_ns:
            from_ns = max(from_ns, min(self._excused_ns, pts_ns))
        limit = AUDIO_HOLE_NS if kind == "audio" else max(VIDEO_HOLE_NS, VIDEO_HOLE_FRAMES * track.frame_ns())
        if pts_ns - from_ns > limit:
            self._sink.gap_found(Gap(start_ns=Ns(from_ns), end_ns=Ns(pts_ns), reason="hole", track=kind))

    # -- ticks

    def _media_ns(self, ticks: int, packet: Packet) -> int:
        assert self.map is not None  # only called inside an epoch
        return self.map.origin_ns + ticks_to_ns(ticks - self.map.origin_ticks, packet.time_base)

    @staticmethod
    def _unwrap(ticks: int, ref: int, wraps: bool) -> int:
        if not wraps:
            return ticks
        half = WRAP_TICKS // 2
        return ref + (ticks - ref + half) % WRAP_TICKS - half


def fill_times(pts: int | None, dts: int | None, last_dts: int | None, duration: int) -> tuple[int, int] | None:
    """PTS and DTS of a packet that may lack one: DTS follows the last one, PTS falls back to DTS. None: unknown."""
    if pts is not None and dts is not None:
        return pts, dts
    if pts is None and dts is None:
        return None if last_dts is None else (last_dts + max(duration, 1), last_dts + max(duration, 1))
    if dts is None:
        assert pts is not None
        return pts, pts if last_dts is None else min(pts, last_dts + max(duration, 1))
    return dts, dts
