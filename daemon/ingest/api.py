"""What ingest gives and takes: sources, the sink they write to, why they ended. Next to no code."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol

from core.errors import SourceGone, UsageError
from core.media import Epoch, Gap, Packet, Track
from core.protocols import FootageSource
from core.times import NS_PER_S, Ns


class CaptureSink(Protocol):
    """Who takes the media; the worker. A slow `write` slows a replay down, and costs a live source its lead only.

    Packets come in decode order inside a track, and across tracks inside one `write`; the next `write` of the same
    epoch may start a little (one segment's uneven end, well under a second) before the last packet of the one before.
    The DTS of an epoch's first frames may lie up to the reorder depth before the epoch's start.
    """

    async def streams(self, epoch: Epoch, tracks: tuple[Track, ...]) -> None: ...
    async def write(self, packets: Sequence[Packet]) -> None: ...
    async def gap(self, gap: Gap) -> None: ...
    async def warn(self, code: str, message: str, remedy: str) -> None: ...
    async def live_edge(self, media_ns: Ns) -> None: ...


class Ended(NamedTuple):
    """Why a source ended: endlist, eof. One that stopped moving raises SourceGone instead."""

    reason: str


FROZEN_NS: Final = 20 * NS_PER_S  # media that stands still for so long is asked for anew: reliability.md item 22


def source_gone(stall_s: float) -> SourceGone:
    """The error of a live source that has not moved for the limit."""
    return SourceGone(
        f"The source has sent nothing new for {stall_s:g} s",
        remedy="It has probably ended. What came before is kept; start again when it is live.",
    )


class Resume(NamedTuple):
    """Where an earlier attempt at the session stopped. `wall_ns`: UTC of `end_ns` by the stream's own dates, when it
    carries them; `boottime_ns`: this machine's CLOCK_BOOTTIME when that media arrived, when it was this boot."""

    end_ns: Ns
    next_epoch: int
    wall_ns: int | None = None
    boottime_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """What is known before the first packet. `unstoppable`: media passes whether it is taken or not.

    `path` is the local file, where there is one (a fetched one exists once its download is done).
    """

    kind: Literal["file", "hls", "http", "rtmp", "srt", "rtsp", "door", "whip", "room"]
    unstoppable: bool
    path: Path | None = None
    duration_s: float | None = None


class Source(ABC):
    """One attempt at one source. `footage` is what clips are cut from when the source is its own ring, else None.

    `idle` says why a live source has no media where nothing else does; `lost` is set before a cancellation whose reason
    is that another attempt goes on.
    """

    info: SourceInfo
    footage: FootageSource | None = None
    idle = "no_media"
    lost = False

    @abstractmethod
    async def run(self, sink: CaptureSink) -> Ended:
        """Deliver until the media ends. Raises SourceError kinds, after everything that came was delivered; when
        cancelled, leaves no task or thread behind."""

    async def obey(self, kind: str, args: Mapping[str, Any]) -> None:  # noqa: ARG002 - what a room is asked
        """A command for the source itself. Raises UsageError where it knows none."""
        raise UsageError("Only rooms have takes", remedy="Name the stream of a room.", code="no_room")
