"""Small Protocols at the seams between rooms. Each has one contract suite that its fakes pass too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.media import Epoch, Gap, Packet, Track
from core.times import Ns


class Clock(Protocol):
    """Time of this machine. `boottime_ns` counts through suspend; `wall_ns` is for labels and PDT only."""

    def boottime_ns(self) -> int: ...
    def wall_ns(self) -> int: ...
    async def sleep(self, duration_ns: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """One closed segment as the journal knows it. Its file is `<attempt>-<seq>.<suffix>` in the track's folder.

    Times are media time; `keyframes_ns` are the video keyframes that start in it.
    """

    track: str
    attempt: int
    seq: int
    suffix: str
    epoch: int
    start_ns: Ns
    end_ns: Ns
    keyframes_ns: tuple[Ns, ...]
    bytes: int
    crc32: int
    recovered: bool = False

    @property
    def name(self) -> str:
        """File name inside the track's folder."""
        return f"{self.attempt}-{self.seq:08d}.{self.suffix}"


class SegmentLog(Protocol):
    """The durable half of the ring's index; the journal implements it. Every call is durable when it returns."""

    def add_segment(self, row: SegmentRow) -> None: ...
    def evict_segments(self, rows: Sequence[SegmentRow], *, reason: str) -> None: ...
    def segments(self) -> list[SegmentRow]: ...
    def add_gap(self, gap: Gap) -> None: ...
    def pin(self, name: str, start_ns: Ns, end_ns: Ns) -> None: ...
    def unpin(self, name: str) -> None: ...
    def pins(self) -> dict[str, tuple[Ns, Ns]]: ...


class FootageSource(Protocol):
    """Recorded media by media time, ring or file alike; what cutting reads.

    `read` yields packets in file order, from the last keyframe at or before `start_ns` (audio from there too) until
    every track has passed `end_ns`, inside one epoch: that of `start_ns`. Timestamps are media time. Raises CutRefused
    when nothing of the range is left.
    """

    def tracks(self, at_ns: Ns) -> tuple[Track, ...]: ...
    def read(self, start_ns: Ns, end_ns: Ns) -> Iterator[Packet]: ...
    def keyframes(self, start_ns: Ns, end_ns: Ns) -> list[Ns]: ...
    def span(self) -> tuple[Ns, Ns]: ...
    def epoch_span(self, at_ns: Ns) -> tuple[Ns, Ns]: ...
    def link_source(self, start_ns: Ns, end_ns: Ns, folder: Path) -> list[SourceRef]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRef:
    """A file a clip was cut from: a hard link under the clip, or a referenced local file.

    `sha256` is of its bytes, or of a sample of a big referenced file (`sampled` says so).
    """

    path: str
    sha256: str
    bytes: int
    start_ns: Ns
    end_ns: Ns
    sampled: bool = False


class TimelineSink(Protocol):
    """Who is told about epochs and gaps as the timeline finds them."""

    def epoch_opened(self, epoch: Epoch) -> None: ...
    def gap_found(self, gap: Gap) -> None: ...
