"""What the tests of the ring share: real streams made by ffmpeg, a log in memory, a disk that fails on purpose."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import imageio_ffmpeg

from core.media import Epoch, Gap, Kind, Packet, Track
from core.protocols import SegmentRow
from core.times import Ns, ns, ticks_to_ns
from ringbuffer import OsDisk, Ring, RingOptions

PICTURE = "testsrc2=size=320x180:rate=30"
TONE = "sine=frequency=440:sample_rate={rate}"

# name -> (file suffix, has video, sample rate or 0, encoder options)
RECIPES: dict[str, tuple[str, bool, int, str]] = {
    "h264_aac": ("ts", True, 48_000, "-c:v libx264 -preset veryfast -bf 3 -g 30 -c:a aac"),
    "h264_brief": ("ts", True, 48_000, "-c:v libx264 -preset veryfast -bf 3 -g 10 -c:a aac"),
    "h264_slow": ("ts", True, 48_000, "-c:v libx264 -preset veryfast -bf 3 -g 300 -sc_threshold 0 -c:a aac"),
    "h264_endless": ("ts", True, 48_000, "-c:v libx264 -preset veryfast -bf 3 -g 900 -c:a aac"),
    "h264_mp3": ("ts", True, 48_000, "-c:v libx264 -preset veryfast -c:a libmp3lame"),
    "h264_ac3": ("ts", True, 48_000, "-c:v libx264 -preset veryfast -c:a ac3"),
    "hevc_aac": ("ts", True, 48_000, "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=60 -c:a aac"),
    "h264": ("ts", True, 0, "-c:v libx264 -preset veryfast -g 30"),
    "aac": ("ts", False, 48_000, "-c:a aac"),
    "aac_441": ("ts", False, 44_100, "-c:a aac"),
    "aac_51": ("ts", False, 48_000, "-af pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0 -c:a aac"),
    "mp3": ("mp3", False, 44_100, "-c:a libmp3lame"),
    "av1_opus": ("mkv", True, 48_000, "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 60 -c:a libopus"),
    "vp9_opus": ("webm", True, 48_000, "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 60 -c:a libopus"),
    "vp9_flac": ("mkv", True, 48_000, "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 60 -c:a flac"),
    "h264_opus": ("mkv", True, 48_000, "-c:v libx264 -preset veryfast -bf 0 -g 60 -c:a libopus"),
    "vp8_vorbis": ("webm", True, 48_000, "-c:v libvpx -deadline realtime -cpu-used 8 -g 60 -c:a libvorbis"),
    "vp8_opus": ("webm", True, 48_000, "-c:v libvpx -deadline realtime -cpu-used 8 -g 60 -c:a libopus"),
}


@dataclass(frozen=True)
class Stream:
    """Tracks and placed packets of a file, from media time 0 on, in DTS order."""

    tracks: tuple[Track, ...]
    packets: tuple[Packet, ...]

    @property
    def end_ns(self) -> Ns:
        """Media time after the last packet."""
        return max(packet.end_ns for packet in self.packets)

    def moved(self, by_ns: int) -> Stream:
        """The same, later."""
        return replace(self, packets=tuple(_moved(packet, by_ns) for packet in self.packets))

    def of(self, kind: Kind) -> list[Packet]:
        """Packets of one track."""
        return [packet for packet in self.packets if packet.kind == kind]

    def keyframes(self) -> list[Ns]:
        """Times of the video keyframes."""
        return [packet.pts_ns for packet in self.of("video") if packet.is_keyframe]

    def until(self, end_ns: int) -> Stream:
        """Its beginning."""
        return replace(self, packets=tuple(packet for packet in self.packets if packet.dts_ns < end_ns))


def encode(folder: Path, name: str, seconds: float = 8.0) -> Path:
    """Make the media of a recipe, once a folder."""
    suffix, video, rate, options = RECIPES[name]
    path = folder / f"{name}-{seconds:g}.{suffix}"
    if not path.exists():
        inputs = ["-f", "lavfi", "-i", PICTURE] if video else []
        inputs += ["-f", "lavfi", "-i", TONE.format(rate=rate)] if rate else []
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y", *inputs]
        command += ["-t", str(seconds), *options.split(), str(path)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    return path


def load(path: Path) -> Stream:
    """Demux a file and place it, as ingest would: the first keyframe, or sound, is media time 0."""
    container = av.open(str(path))
    streams = [*container.streams.video[:1], *container.streams.audio[:1]]
    tracks = tuple(_track(stream) for stream in streams)
    packets = [_packet(coded) for coded in container.demux(streams) if coded.size and coded.pts is not None]
    lead: Kind = tracks[0].kind
    zero_ns = min(packet.pts_ns for packet in packets if packet.kind == lead)
    placed = sorted((_moved(packet, -zero_ns) for packet in packets), key=lambda packet: packet.dts_ns)
    return Stream(tracks, tuple(packet for packet in placed if packet.pts_ns >= 0))


def _track(stream: Any) -> Track:
    video = stream.type == "video"
    return Track(
        kind=stream.type,
        codec=stream.codec_context.codec.canonical_name,
        time_base=Fraction(stream.time_base),
        width=stream.codec_context.width if video else 0,
        height=stream.codec_context.height if video else 0,
        rate=0 if video else stream.codec_context.sample_rate,
        channels=0 if video else stream.codec_context.channels,
        extradata=stream.codec_context.extradata or b"",
        template=stream,
    )


def _packet(coded: Any) -> Packet:
    time_base = Fraction(coded.time_base)
    dts = coded.pts if coded.dts is None else coded.dts
    pts_ns = ticks_to_ns(coded.pts, time_base)
    return Packet(
        kind=cast(Kind, coded.stream.type),
        pts=coded.pts,
        dts=dts,
        duration=coded.duration or 0,
        time_base=time_base,
        is_keyframe=coded.is_keyframe,
        data=bytes(coded),
        pts_ns=pts_ns,
        dts_ns=ticks_to_ns(dts, time_base),
        end_ns=Ns(pts_ns + (ticks_to_ns(coded.duration, time_base) if coded.duration else ns(1 / 30))),
    )


def _moved(packet: Packet, by_ns: int) -> Packet:
    return replace(
        packet,
        pts_ns=Ns(packet.pts_ns + by_ns),
        dts_ns=Ns(packet.dts_ns + by_ns),
        end_ns=Ns(packet.end_ns + by_ns),
    )


def epoch(number: int = 0, start_ns: int = 0) -> Epoch:
    """An epoch that began."""
    return Epoch(number=number, start_ns=Ns(start_ns), reason="start", by="start")


@dataclass
class MemoryLog:
    """A core.protocols.SegmentLog that survives a simulated crash, since it is only memory."""

    rows: dict[str, SegmentRow] = field(default_factory=dict)
    evicted: list[tuple[str, str]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    pinned: dict[str, tuple[Ns, Ns]] = field(default_factory=dict)

    def add_segment(self, row: SegmentRow) -> None:
        """A name is used once."""
        assert row.name not in self.rows, row.name
        assert row.name not in {name for name, _ in self.evicted}, row.name
        self.rows[row.name] = row

    def evict_segments(self, rows: Sequence[SegmentRow], *, reason: str) -> None:
        """Gone, with the reason."""
        for row in rows:
            del self.rows[row.name]
            self.evicted.append((row.name, reason))

    def segments(self) -> list[SegmentRow]:
        """Live rows."""
        return list(self.rows.values())

    def add_gap(self, gap: Gap) -> None:
        """Into the ledger."""
        self.gaps.append(gap)

    def pin(self, name: str, start_ns: Ns, end_ns: Ns) -> None:
        """Remembered."""
        self.pinned[name] = (start_ns, end_ns)

    def unpin(self, name: str) -> None:
        """Forgotten."""
        self.pinned.pop(name, None)

    def pins(self) -> dict[str, tuple[Ns, Ns]]:
        """All of them."""
        return dict(self.pinned)


def crash(folder: Path, log: MemoryLog, stream: Stream, options: RingOptions, *, number: int = 0) -> Path:
    """Record and die without closing: the `ring` folder as the kernel has it."""
    writing = folder / "writing"
    ring = Ring.open(writing, log, options, attempt=1)
    ring.begin_epoch(epoch(number), stream.tracks)
    for packet in stream.packets:
        ring.append(packet)
    shutil.copytree(writing, folder / "ring")
    return folder / "ring"


@dataclass
class FailingDisk(OsDisk):
    """A disk that works until its Nth change, which fails; from then on it works again, or never (`for_good`).

    `error` is an errno; 0 stands for a write that is cut short without an error.
    """

    fail_at: int
    error: int
    for_good: bool = False
    calls: int = 0
    failed: list[str] = field(default_factory=list)

    def _call(self, what: str) -> bool:
        self.calls += 1
        due = self.calls >= self.fail_at if self.for_good else self.calls == self.fail_at
        if due:
            self.failed.append(what)
            if self.error:
                raise OSError(self.error, os.strerror(self.error))
        return due

    def create(self, path: Path) -> int:
        """See OsDisk."""
        self._call("create")
        return super().create(path)

    def write(self, fd: int, data: memoryview) -> int:
        """See OsDisk; a write that fails may have written some of it."""
        half = data[: len(data) // 2]
        try:
            short = self._call("write")
        except OSError:
            super().write(fd, half)
            raise
        return super().write(fd, half or data) if short else super().write(fd, data)

    def sync(self, fd: int) -> None:
        """See OsDisk."""
        self._call("sync")
        super().sync(fd)

    def cut(self, path: Path, size: int) -> None:
        """See OsDisk."""
        self._call("cut")
        super().cut(path, size)

    def rename(self, old: Path, new: Path) -> None:
        """See OsDisk."""
        self._call("rename")
        super().rename(old, new)

    def unlink(self, path: Path) -> None:
        """See OsDisk."""
        self._call("unlink")
        super().unlink(path)

    def sync_folder(self, folder: Path) -> None:
        """See OsDisk."""
        self._call("sync_folder")
        super().sync_folder(folder)


FULL_OR_FAILING = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
