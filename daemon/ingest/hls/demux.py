"""One segment's bytes to tracks and packets. Blocking; runs in a worker thread. Each segment is opened on its own, with
libav's default probing: less of it loses sound that starts late (10 ms for a 2 s segment of 1080p60)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from core.errors import BadMedia
from core.media import Kind, Packet, Track
from core.times import NS_PER_S
from daemon.ingest.reader import MediaReader
from daemon.ingest.sniff import id3_size, media_format
from daemon.ingest.templates import shared

CLOCK: Final = Fraction(1, 90_000)
_APPLE_TIMESTAMP: Final = b"com.apple.streaming.transportStreamTimestamp\0"


@dataclass(frozen=True, slots=True)
class Demuxed:
    """A segment's media, in file order. `wraps`: timestamps are 33 bits of 90 kHz."""

    tracks: tuple[Track, ...]
    packets: tuple[Packet, ...]
    wraps: bool

    @property
    def rotation(self) -> int:
        """Of the picture; 0 without one."""
        return max((track.rotation for track in self.tracks), default=0)

    def on_90k(self) -> Demuxed:
        """The same on the 90 kHz clock, for sound in MP4 beside a picture in MPEG-TS."""
        return self if self.wraps else _rescaled(self, 0)


def demux(
    data: bytes,
    init: bytes,
    kinds: frozenset[Kind],
    start_ns: int,
    rotation: int | None = None,
    known: Sequence[tuple[Track, ...]] = (),
) -> Demuxed:
    """`init`: the initialisation section, if any. `start_ns`: where the playlist puts this segment, for raw audio that
    carries no time of its own. `rotation`: of the picture, when an earlier segment of this `init` has told it. `known`:
    tracks of earlier segments of this `init`; where these are the same as any, they share the templates, and nothing
    of this segment stays open. Raises BadMedia."""
    fmt = media_format((init or data)[:4096], "The segment")
    file = io.BytesIO(init + data)
    reader = MediaReader(file, fmt, kinds=kinds, rotation=rotation)
    packets: list[Packet] = []
    while batch := reader.read(3600 * NS_PER_S):
        packets += batch
    tracks = reader.tracks
    if not packets:
        reader.close()
        raise BadMedia("The segment holds no media", remedy="The stream is damaged.", code="empty_segment")
    if (same := shared(known, tracks)) is not None:
        tracks = same
        reader.close()
    found = Demuxed(tracks, tuple(packets), reader.wraps)
    file.seek(0)
    file.truncate()  # a segment that stays open as a template need not keep its bytes
    if fmt in ("aac", "mp3"):
        ticks = packed_audio_ticks(data)
        return _rescaled(found, start_ns * 90_000 // NS_PER_S if ticks is None else ticks)
    return found


def packed_audio_ticks(data: bytes) -> int | None:
    """The 33-bit timestamp in the ID3 tag before raw audio (RFC 8216 3.4); None when there is none."""
    tag = data[: id3_size(data)]
    at = tag.find(_APPLE_TIMESTAMP)
    value = tag[at + len(_APPLE_TIMESTAMP) :][:8] if at >= 0 else b""
    return int.from_bytes(value, "big") & ((1 << 33) - 1) if len(value) == 8 else None


def _rescaled(found: Demuxed, base: int) -> Demuxed:
    def ticks(value: int, time_base: Fraction) -> int:
        return round(value * time_base / CLOCK)

    packets = tuple(
        replace(
            p,
            pts=base + ticks(p.pts, p.time_base),
            dts=base + ticks(p.dts, p.time_base),
            duration=ticks(p.duration, p.time_base),
            time_base=CLOCK,
        )
        for p in found.packets
    )
    return Demuxed(tuple(replace(track, time_base=CLOCK) for track in found.tracks), packets, wraps=True)
