"""Capture: placed packets go to the ring, then what analysis needs goes to its queue. It waits on nothing else.

One thread of its own does the disk work, so neither the event loop nor analysis stands in its way.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from core.lines import describe_stream, gap_fields, stream_fields
from core.media import Epoch, Gap, Packet, Track
from core.protocols import Clock
from core.times import NS_PER_S, Ns, to_s
from daemon.journal import Journal
from daemon.worker.alignment import MediaTime
from daemon.worker.arrivals import Arrivals
from daemon.worker.emitter import Emitter
from daemon.worker.queue import AnalysisQueue, Batch, EpochStart
from ringbuffer import Ring
from telemetry import Metrics


class Capture:
    """The ingest's sink. `ring` is None for a local file, which is its own ring."""

    def __init__(
        self,
        *,
        ring: Ring | None,
        queue: AnalysisQueue,
        journal: Journal,
        emitter: Emitter,
        arrivals: Arrivals,
        clock: Clock,
        metrics: Metrics,
        source_name: str,
        profile: str,
        limit_ns: Ns | None,
        media_time: MediaTime | None = None,
        whole_picture: bool = False,
    ) -> None:
        """`whole_picture`: analysis looks at frames between keyframes, as it does for a game."""
        self._ring = ring
        self._queue = queue
        self._journal = journal
        self._emitter = emitter
        self._arrivals = arrivals
        self._clock = clock
        self._media_time = media_time or MediaTime()
        self._metrics = metrics
        self._name = (source_name, profile)
        self._whole_picture = whole_picture
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="capture")
        self.media_ns = Ns(0)  # newest media captured
        self.edge_ns = Ns(0)  # newest media known to exist upstream
        self.lost = ""  # why there is nothing behind the newest media, as far as that is known
        self.epochs = 0
        self.started = asyncio.Event()  # the first epoch is known
        self.limit_reached = asyncio.Event()  # `--duration`: what lies behind it is not recorded
        self._limit_ns = limit_ns
        self.progress = 0  # grows with every segment and epoch, and with every second of a file that is its own ring
        self._segments = 0  # of the ring's counters, what the metrics have been told
        self._evicted: Counter[str] = Counter()
        self._handed_ns = Ns(0)  # decode time up to which packets were handed to analysis

    async def streams(self, epoch: Epoch, tracks: tuple[Track, ...]) -> None:
        """A new epoch: journaled before its first packet, so that recovery knows where a stray segment belongs."""
        await self._do(self._begin, epoch, tracks)
        self._media_time.begin(epoch)
        self.started.set()

    async def write(self, packets: Sequence[Packet]) -> None:
        """Live: returns when the packets are in the ring. Replay: also waits for room in the analysis queue."""
        wanted = [p for p in packets if self._limit_ns is None or p.pts_ns < self._limit_ns]
        if wanted:
            await self._do(self._write, wanted)
        if len(wanted) < len(packets):
            self.limit_reached.set()  # last: being cancelled now loses nothing

    async def gap(self, gap: Gap) -> None:
        """A hole in the media: ledger, line, metric, and the detectors."""
        await self._do(self._note_gap, gap)

    async def warn(self, code: str, message: str, remedy: str) -> None:
        """Something the user should know; nothing was lost."""
        self._emitter.emit("warning", code=code, message=message, remedy=remedy)
        await self._do(self._journal.add_warning, {"code": code, "message": message, "remedy": remedy})

    async def live_edge(self, media_ns: Ns) -> None:
        """How far the stream has come upstream."""
        self.edge_ns = max(self.edge_ns, media_ns)

    def measure(self, lag_s: float | None) -> None:
        """Bring the gauges up to date."""
        self._metrics.media_lag_seconds.set(lag_s or 0.0)
        if self._ring:
            self._metrics.ring_bytes.set(self._ring.total_bytes)
            self._metrics.segments_written_total.inc(self._ring.segments_written - self._segments)
            self._segments = self._ring.segments_written
            for reason, count in self._ring.evicted.items():
                self._metrics.ring_evicted_total.labels(reason=reason).inc(count - self._evicted[reason])
                self._evicted[reason] = count

    def close(self) -> None:
        """Flush and close the ring; the media end is then final."""
        self._pool.shutdown(wait=True)
        if self._ring:
            self._ring.close()

    async def _do(self, work: Callable[..., None], *arguments: object) -> None:
        """Run in the capture thread and wait for its end, also when cancelled: a half-written batch is not a state."""
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pool, work, *arguments)
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError:
            self._queue.close()
            await asyncio.wait({future})
            raise

    def _begin(self, epoch: Epoch, tracks: tuple[Track, ...]) -> None:
        self._journal.add_epoch(epoch)
        if self._ring:
            self._ring.begin_epoch(epoch, tracks)
        self.epochs += 1
        source, profile = self._name
        if self.epochs == 1:
            fields = stream_fields(source, profile, tracks)
            self._journal.set_meta("streams", [describe_stream(stream) for stream in fields["streams"]])
            self._emitter.emit("session", **fields)
        else:
            self._emitter.emit("state", state="live", reason=f"epoch:{epoch.reason}")
        self._handed_ns = max(self._handed_ns, epoch.start_ns)
        self._queue.put(EpochStart(epoch, tracks))

    def _write(self, packets: Sequence[Packet]) -> None:
        if self._ring:
            for packet in packets:
                self._ring.append(packet)
        newest_ns = max(packet.end_ns for packet in packets)
        self._metrics.media_time_seconds_total.inc(max(0.0, to_s(newest_ns - self.media_ns)))
        self.media_ns, self.lost = max(self.media_ns, newest_ns), ""
        self.progress = self.epochs + (self._ring.segments_written if self._ring else self.media_ns // NS_PER_S)
        self._arrivals.note(self.media_ns, self._clock.boottime_ns())
        wanted = tuple(p for p in packets if p.kind == "audio" or p.is_keyframe or self._whole_picture)
        before_ns, self._handed_ns = self._handed_ns, max(self._handed_ns, packets[-1].dts_ns)
        self._queue.put(Batch(wanted, before_ns, self._handed_ns))

    def _note_gap(self, gap: Gap) -> None:
        self._journal.add_gap(gap)
        self.lost = gap.reason if gap.end_ns > self.media_ns else ""
        self._metrics.gap_seconds_total.labels(reason=gap.reason).inc(to_s(gap.end_ns - gap.start_ns))
        self._emitter.emit("gap", **gap_fields(gap))
        self._queue.put(gap)
