"""Fakes that several rooms' tests share: a clock, and sinks that remember what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.media import Epoch, Gap, Packet, Track
from core.protocols import Clock
from core.times import NS_PER_S, Ns


class FakeClock:
    """Virtual time. A sleep moves it forward at once and lets other tasks run; `advance` moves it by hand."""

    def __init__(self, *, boottime_ns: int = 1_000 * NS_PER_S, wall_ns: int = 1_700_000_000 * NS_PER_S) -> None:
        self._boottime_ns = boottime_ns
        self._wall_ns = wall_ns
        self.slept_ns: list[int] = []

    def boottime_ns(self) -> int:
        """Through suspend."""
        return self._boottime_ns

    def wall_ns(self) -> int:
        """UTC."""
        return self._wall_ns

    def advance(self, duration_ns: int) -> None:
        """Both clocks move together."""
        self._boottime_ns += duration_ns
        self._wall_ns += duration_ns

    async def sleep(self, duration_ns: int) -> None:
        """Wakes at its time, which is now; other tasks get their turn first."""
        self.slept_ns.append(duration_ns)
        self.advance(max(0, duration_ns))
        await asyncio.sleep(0)


@dataclass
class RecordingTimelineSink:
    """A core.protocols.TimelineSink."""

    epochs: list[Epoch] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def epoch_opened(self, epoch: Epoch) -> None:
        """From the timeline."""
        self.epochs.append(epoch)

    def gap_found(self, gap: Gap) -> None:
        """From the timeline."""
        self.gaps.append(gap)


@dataclass
class RecordingSink:
    """A daemon.ingest CaptureSink that keeps everything, in the order it came."""

    events: list[Epoch | Gap | Packet] = field(default_factory=list)
    tracks: list[tuple[Track, ...]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    edges: list[Ns] = field(default_factory=list)
    clock: Clock | None = None
    written_ns: int = 0  # CLOCK_BOOTTIME of the last write, when there is a clock

    @property
    def epochs(self) -> list[Epoch]:
        """Epochs announced."""
        return [event for event in self.events if isinstance(event, Epoch)]

    @property
    def gaps(self) -> list[Gap]:
        """Gaps told."""
        return [event for event in self.events if isinstance(event, Gap)]

    def packets(self, kind: str | None = None) -> list[Packet]:
        """Packets written, of one kind or all."""
        return [event for event in self.events if isinstance(event, Packet) and kind in (None, event.kind)]

    async def streams(self, epoch: Epoch, tracks: tuple[Track, ...]) -> None:
        """Before the first packet of an epoch."""
        self.events.append(epoch)
        self.tracks.append(tracks)

    async def write(self, packets: Sequence[Packet]) -> None:
        """Never makes the source wait."""
        assert self.epochs, "packets before their epoch"
        self.events.extend(packets)
        if self.clock is not None:
            self.written_ns = self.clock.boottime_ns()

    async def gap(self, gap: Gap) -> None:
        """A hole."""
        self.events.append(gap)

    async def warn(self, code: str, message: str, remedy: str) -> None:
        """Keeps the code."""
        assert message
        assert remedy
        self.warnings.append(code)

    async def live_edge(self, media_ns: Ns) -> None:
        """Keeps it."""
        self.edges.append(media_ns)
