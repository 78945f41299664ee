"""Puts packets on media time and hands them to the sink in order: epochs before their packets, gaps in their place.

The rules of media time are core.timeline's; this is its asynchronous half, and the brake of a replay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from core.media import Epoch, Gap, Packet, Track
from core.protocols import Clock
from core.timeline import Elapsed, EpochMap, Timeline
from core.times import NS_PER_S, Ns
from daemon.ingest.api import CaptureSink, Resume

HOLD_NS: Final = 2 * NS_PER_S
SLICE_NS: Final = NS_PER_S // 4  # a paced replay is handed out in steps of this much media


class Pacer:
    """Holds a replay back to `speed` media seconds a second, measured from its first packet."""

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock = clock
        self._speed = speed
        self._zero: tuple[int, int] | None = None  # (boottime, media time) of the first packet

    async def until(self, media_ns: int) -> None:
        """Return when this media time is due."""
        now_ns = self._clock.boottime_ns()
        if self._zero is None:
            self._zero = (now_ns, media_ns)
        due_ns = self._zero[0] + round((media_ns - self._zero[1]) / self._speed)
        if due_ns > now_ns:
            await self._clock.sleep(due_ns - now_ns)


class PlacedIndex(Protocol):
    """Who keeps where packets lie in a file; a file's footage."""

    def epoch_opened(self, epoch: Epoch, tracks: tuple[Track, ...], epoch_map: EpochMap) -> None: ...
    def packets_placed(self, packets: Sequence[Packet]) -> None: ...


class _Opened(NamedTuple):
    epoch: Epoch
    tracks: tuple[Track, ...]


class Placer:
    """One per attempt. `repeats`: the source is read from its start again on a resumed session, so what was already
    delivered is placed (media time stays the same) but not handed over again."""

    def __init__(
        self,
        sink: CaptureSink,
        *,
        resume: Resume | None = None,
        repeats: bool = False,
        elapsed: Callable[[], Elapsed] = lambda: Elapsed(0, "source"),
        pacer: Pacer | None = None,
        index: PlacedIndex | None = None,
    ) -> None:
        self._sink = sink
        self._index = index
        self._pacer = pacer
        self._done_ns = resume.end_ns if resume and repeats else Ns(0)
        start = (resume.end_ns, resume.next_epoch) if resume and not repeats else None
        self.timeline = Timeline(self, resume=start, elapsed=elapsed)
        self._tracks: tuple[Track, ...] = ()
        self._reached: dict[str, int] = {}  # newest decode time by track, in this epoch
        self._announced: _Opened | None = None  # not yet told to the sink: that comes with its first packet
        self._events: list[_Opened | Gap | Packet] = []
        self.placed = 0

    def epoch_opened(self, epoch: Epoch) -> None:
        """From the timeline."""
        self._events.append(_Opened(epoch, self._tracks))
        self._reached.clear()
        if self._index is not None and self.timeline.map is not None:
            self._index.epoch_opened(epoch, self._tracks, self.timeline.map)

    def gap_found(self, gap: Gap) -> None:
        """From the timeline."""
        self._events.append(gap)

    def use(self, tracks: tuple[Track, ...]) -> None:
        """The tracks of the coming packets. Others than the epoch's open a new one: a muxer cannot change."""
        running = self.timeline.map is not None
        if running and self._continued_by(tracks):
            return
        if running:
            self.timeline.break_epoch("tracks_changed", elapsed_ns=0, by="source", wall_ns=None)
        self._tracks = tracks
        self.timeline.expect(video=any(track.kind == "video" for track in tracks))

    def place(self, packets: Sequence[Packet], *, wraps: bool) -> list[Packet]:
        """Place packets; they wait for `deliver`. Returns what was placed."""
        placed: list[Packet] = []
        for packet in packets:
            now = self.timeline.place(packet, wraps=wraps)
            self._events += now
            placed += now
            for one in now:
                self._reached[one.kind] = one.dts_ns
            if self._index is not None:
                self._index.packets_placed(now)
        self.placed += len(placed)
        return placed

    def finish(self) -> list[Packet]:
        """The source has ended: place what still waits."""
        placed = self.timeline.finish()
        self._events += placed
        if self._index is not None:
            self._index.packets_placed(placed)
        self.placed += len(placed)
        return placed

    def settled_ns(self) -> int:
        """Up to where every track has come, so up to where the order is final; a track far behind is not waited for."""
        if not self._reached:
            return self.timeline.end_ns
        newest = max(self._reached.values())
        oldest = min(self._reached.values()) if len(self._reached) == len(self._tracks) else newest - HOLD_NS
        return max(oldest, newest - HOLD_NS)

    async def deliver(self, *, up_to_ns: int | None = None) -> None:
        """Hand over what was placed; with `up_to_ns`, packets after it wait for the other track's."""
        stretch: list[Gap | Packet] = []
        events, self._events = self._events, []
        for event in events:
            if isinstance(event, _Opened):
                await self._deliver_stretch(stretch)
                stretch, self._announced = [], event
            else:
                stretch.append(event)
        if up_to_ns is not None:
            self._events = [event for event in stretch if _time(event) > up_to_ns]
            stretch = [event for event in stretch if _time(event) <= up_to_ns]
        await self._deliver_stretch(stretch)

    async def _deliver_stretch(self, stretch: list[Gap | Packet]) -> None:
        """Everything between two epochs. Gaps from before the media's end go ahead of the packets after them."""
        batch: list[Packet] = []
        for event in sorted(stretch, key=_time):
            if event.end_ns <= self._done_ns:
                continue
            if isinstance(event, Packet):
                batch.append(event)
            else:
                await self._write(batch)
                batch = []
                await self._sink.gap(event)
        await self._write(batch)

    def _continued_by(self, tracks: tuple[Track, ...]) -> bool:
        """Whether every one of these is a track of the epoch; some of that may be missing."""
        known = {track.kind: track for track in self._tracks}
        return all(track.kind in known and _same(known[track.kind], track) for track in tracks)

    async def _write(self, batch: list[Packet]) -> None:
        if not batch:
            return
        if self._announced is not None:
            await self._sink.streams(*self._announced)
            self._announced = None
        if self._pacer is None:
            await self._sink.write(batch)
            return
        start = 0
        for index, packet in enumerate(batch):
            if packet.dts_ns - batch[start].dts_ns >= SLICE_NS:
                await self._paced(batch[start:index])
                start = index
        await self._paced(batch[start:])

    async def _paced(self, packets: list[Packet]) -> None:
        assert self._pacer is not None  # only called for a paced replay
        await self._pacer.until(packets[0].dts_ns)
        await self._sink.write(packets)


def _time(event: Gap | Packet) -> int:
    """Where an event belongs among packets in decode order: a gap after everything that lies before its end."""
    return event.dts_ns if isinstance(event, Packet) else event.end_ns


def _same(a: Track, b: Track) -> bool:
    """Whether packets of both may share a muxer. In-band parameter sets may differ, out-of-band ones may not."""
    if (a.codec, a.width, a.height, a.rate, a.channels, a.time_base) != (
        b.codec, b.width, b.height, b.rate, b.channels, b.time_base,
    ):  # fmt: skip
        return False
    in_band = a.time_base.denominator == 90_000 and a.codec in ("h264", "hevc", "aac", "mp3", "ac3", "eac3")
    return in_band or a.extradata == b.extradata
