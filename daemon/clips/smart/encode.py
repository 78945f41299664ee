"""Codes the frames around the cut points anew: NUT files in, one limited ffmpeg over several, coded packets out.

Frames are told apart by rank, not by time: what comes back is the same number of frames in the same order, and each
gets its source frame's own time again. So no container's clock on the way matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import av.container
import av.stream

from core.errors import CutRefused
from core.media import Packet, Track
from core.times import to_s
from daemon.avopen import open_media
from daemon.clips.convert import RECODE_H264
from daemon.clips.smart.ids import SetIds, renamed
from daemon.clips.smart.nal import length_size, parameter_sets, units
from daemon.clips.smart.scan import Scan, decode_clock, needed_for
from daemon.ffmpeg import Expression, FfmpegFailed, Filter, Limits, chain, read_media, run_ffmpeg
from daemon.ffmpeg.graph import Graph

SHIFT_S: Final = 10  # NUT has no times before 0; reordered frames and sound that warms a decoder up lie there
_BATCH: Final = 4  # chunks in one ffmpeg: each has a decoder and an encoder of its own, and memory is limited
_THREADS: Final = "2"  # fixed: the same clip gives the same bytes on any machine
_APART_S: Final = 0.0003  # between the time of a frame and a cut beside it; frames are at least 1 ms apart
_CPU_S: Final = 60.0
_CPU_S_PER_MEDIA_S: Final = 20.0
_DECODERS: Final = {"av1": "libdav1d,av1", "mp3": "mp3float,mp3", "mp2": "mp2float,mp2", "opus": "opus,libopus"}
_PROFILES: Final = {
    "Baseline": "baseline",
    "Constrained Baseline": "baseline",
    "Main": "main",
    "High": "high",
    "High 10": "high10",
    "High 4:2:2": "high422",
    "High 4:4:4 Predictive": "high444",
}
# No B-frames and no lookahead: chunks are some frames long, and speed counts. Quality is set by the CRF: 16 and its
# kin give more than 40 dB on real footage, so that a joint is not seen.
_CONTINUE: Final = {
    "h264": ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "16", "-bf", "0", "-g", "240"),
    "hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "16", "-bf", "0", "-tag:v", "hvc1"),
    "vp9": (
        *("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "6", "-crf", "14", "-b:v", "0", "-g", "240"),
        *("-lag-in-frames", "0", "-auto-alt-ref", "0", "-row-mt", "0", "-tile-columns", "1"),
    ),
}
_OUTPUT: Final = (
    *("-fps_mode", "passthrough", "-enc_time_base", "demux", "-video_track_timescale", "90000"),
    *("-flags:v", "+bitexact", "-fflags", "+bitexact"),
)
_X265: Final = "log-level=none:info=0:keyint=240:open-gop=0:scenecut=0:repeat-headers=0:pools=2:frame-threads=1"


@dataclass(frozen=True, slots=True)
class Style:
    """How chunks are coded: continuing a stream of `codec` with parameter sets under `ids`, or, without a codec, as
    H.264 of its own."""

    codec: str = ""
    ids: SetIds | None = None
    profile: str = ""
    level: int = 0  # level_idc; 0: the encoder's choice

    def arguments(self) -> list[str]:
        """ffmpeg's, of one output."""
        if not self.codec:
            return [*RECODE_H264]
        words = [*_CONTINUE[self.codec]]
        if self.codec == "h264":
            level = f":level={self.level}" if self.level else ""
            words += ["-x264-params", f"sync-lookahead=0:sps-id={self.ids.sps if self.ids else 0}{level}"]
            words += ["-profile:v", _PROFILES[self.profile]] if self.profile in _PROFILES else []
        elif self.codec == "hevc":
            words += ["-x265-params", _X265]
        return words


@dataclass(frozen=True, slots=True)
class Chunk:
    """Frames of a scan to code anew, in the order they are shown."""

    scan: Scan
    frames: tuple[Packet, ...]


class Coded:
    """A chunk after coding. Its file is the caller's folder's; close it when the clip has been written."""

    def __init__(self, path: Path, chunk: Chunk, style: Style) -> None:
        self._chunk, self._style = chunk, style
        self._container = open_media(path, "mov")
        stream = self._container.streams.best("video")
        if stream is None:
            raise recode_failed("nothing came out")
        self.stream: av.stream.Stream = stream
        context = stream.codec_context
        self.codec = context.codec.canonical_name
        self._extradata = bytes(context.extradata or b"")
        self._size = length_size(self.codec, self._extradata)
        self.sets = tuple(self._renamed(unit) for unit in parameter_sets(self.codec, self._extradata))
        self._frames = self._ranked()

    def packets(self) -> Iterator[Packet]:
        """In decode order with the source frames' times; H.264 and H.265 as bare units behind start codes."""
        for coded in self._demuxed():
            frame = self._frames[cast(int, coded.pts)]
            yield replace(frame, data=bytes(coded), is_keyframe=coded.is_keyframe)

    def units(self, packet: Packet) -> list[bytes]:
        """The NAL units of one of `packets()`, under the ids that they have in the clip."""
        return [self._renamed(unit) for unit in units(packet.data, self._size)]

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def _renamed(self, unit: bytes) -> bytes:
        ids = self._style.ids
        return renamed(unit, ids) if self.codec == "hevc" and ids else unit

    def _ranked(self) -> dict[int, Packet]:
        times = sorted(cast(int, coded.pts) for coded in self._demuxed())
        if len(set(times)) != len(self._chunk.frames):
            raise recode_failed(f"{len(times)} frames of {len(self._chunk.frames)} came out")
        return dict(zip(times, self._chunk.frames, strict=True))

    def _demuxed(self) -> Iterator[av.Packet[av.stream.Stream]]:
        self._container.seek(0, stream=self.stream)
        yield from (coded for coded in self._container.demux(self.stream) if coded.pts is not None and coded.size)


def code(chunks: Sequence[Chunk], style: Style, work: Path, stack: ExitStack) -> list[Coded]:
    """All chunks coded, in order, in folder `work`; `stack` closes them. Raises CutRefused(`recode_failed`)."""
    made: list[Coded] = []
    for at in range(0, len(chunks), _BATCH):
        batch = {at + n: chunk for n, chunk in enumerate(chunks[at : at + _BATCH])}
        _run(batch, style, work)
        for number, chunk in batch.items():
            coded = Coded(work / f"coded{number}.mp4", chunk, style)
            stack.callback(coded.close)
            made.append(coded)
    return made


def recode_failed(why: str) -> CutRefused:
    """A chunk that could not be coded anew."""
    return CutRefused(
        f"The frames at a cut point could not be coded anew ({why})",
        remedy="The footage there is damaged; cut a little earlier or later, or cut on keyframes (--keyframes).",
        code="recode_failed",
    )


class Nut:
    """Writes packets of any codec for ffmpeg to read, with the ticks they have, counted from `zero`."""

    def __init__(self, path: Path, track: Track) -> None:
        self._out = av.open(str(path), "w", format="nut", container_options={"fflags": "+bitexact"})
        self._stream = self._out.add_stream_from_template(cast(av.stream.Stream, track.template), opaque=True)

    def write(self, packet: Packet, zero: int, dts: int | None = None) -> None:
        """`zero` in the packet's ticks lies at SHIFT_S; `dts` takes the place of the packet's own."""
        coded = av.Packet(packet.data)
        coded.stream, coded.time_base, coded.is_keyframe = self._stream, packet.time_base, packet.is_keyframe
        shift = round(SHIFT_S / packet.time_base) - zero
        coded.pts, coded.duration = packet.pts + shift, packet.duration
        coded.dts = (packet.dts if dts is None else dts) + shift
        self._out.mux_one(coded)

    def close(self) -> None:
        """Finish the file."""
        self._out.close()


def _run(batch: dict[int, Chunk], style: Style, work: Path) -> None:
    try:
        for number, chunk in batch.items():
            _write(work / f"chunk{number}.nut", chunk)
    except (av.FFmpegError, ValueError) as err:
        raise recode_failed(str(err)) from err
    inputs: list[str] = []
    outputs: list[str] = []
    for place, (number, chunk) in enumerate(batch.items()):
        track = cast(Track, chunk.scan.track)
        inputs += ["-threads", _THREADS, *read_media(f"chunk{number}.nut", "nut", decoders=decoders(track))]
        outputs += ["-map", f"{place}:0", "-map_metadata", "-1", "-vf", _graph(chunk, style), *style.arguments()]
        outputs += ["-threads", _THREADS, *_OUTPUT, "-f", "mp4", f"file:coded{number}.mp4"]
    media_s = sum(to_s(c.frames[-1].end_ns - c.frames[0].pts_ns) for c in batch.values())
    limit_s = _CPU_S + _CPU_S_PER_MEDIA_S * media_s
    try:
        run_ffmpeg(["-copyts", *inputs, *outputs], folder=work, limits=Limits(cpu_s=limit_s, wall_s=limit_s))
    except FfmpegFailed as err:
        raise recode_failed(err.what) from err


def _write(path: Path, chunk: Chunk) -> None:
    needed = needed_for(chunk.scan.video, chunk.frames)
    first = needed[0]
    clock = decode_clock([packet.pts - first.pts for packet in needed], needed[-1].pts - first.pts)
    times = {packet.pts: first.pts + dts for packet, dts in zip(needed, clock, strict=False)}
    out = Nut(path, cast(Track, chunk.scan.track))
    try:
        begun = False
        for packet in chunk.scan.around(needed):
            begun = begun or packet.dts == first.dts
            if begun and packet.pts in times:
                out.write(packet, first.pts, times[packet.pts])
    finally:
        out.close()


def _graph(chunk: Chunk, style: Style) -> str:
    zero = needed_for(chunk.scan.video, chunk.frames)[0]
    times = [(frame.pts - zero.pts) * frame.time_base for frame in (chunk.frames[0], chunk.frames[-1])]
    cut = Filter.of(
        "trim",
        start=float(SHIFT_S + times[0] - Fraction(_APART_S)),
        end=float(SHIFT_S + times[1] + Fraction(_APART_S)),
    )
    filters = [cut]
    if not style.codec:  # 4:2:0 has no odd sizes
        filters.append(Filter.of("crop", w=Expression("trunc(iw/2)*2"), h=Expression("trunc(ih/2)*2")))
    return Graph((chain((), filters, ()),)).text()


def decoders(track: Track) -> str:
    """The decoders that ffmpeg may use for a track."""
    return _DECODERS.get(track.codec, track.codec)
