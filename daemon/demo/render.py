"""A recipe's media: a video loop whose packets are copied, sound encoded to AAC, as segments or one file.

Everything is made on demand and in order, so the first segment is there at once. Times on the inside are ticks of
each stream's time base, `Ns` on the outside.
"""

from __future__ import annotations

import io
import itertools
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from core.times import Ns, ns, ns_to_ticks, ticks_to_ns
from daemon.avopen import open_media
from daemon.demo.mix import Mix
from daemon.demo.recipe import Recipe
from daemon.demo.segments import TS_HZ, Coded, Lane, fmp4_segment, ts_segment, write_whole
from daemon.demo.speech import ASSETS
from daemon.demo.synth import RATE

Rendition = Literal["main", "audio"]
AUDIO_HZ: Final = 48_000
_AUDIO_BASE: Final = Fraction(1, AUDIO_HZ)
_BIT_RATE: Final = 96_000
_KEPT_SEGMENTS: Final = 16
LOOP: Final = ASSETS / "loop.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaOptions:
    """How the stream is packed. `first_pts` is the 90 kHz tick of stream time 0 (a live encoder has been up for long).

    At each of `resets_s` the encoder restarts: timestamps begin at `first_pts` again, after a discontinuity.
    """

    container: Literal["ts", "cmaf"] = "ts"
    demuxed: bool = False
    video: bool = True
    first_pts: int = 10 * TS_HZ
    resets_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentInfo:
    """One segment's place on stream time."""

    index: int
    start_ns: Ns
    end_ns: Ns
    discontinuity: bool


class VideoLoop:
    """The packets of a short H.264 file with closed GOPs, repeated for ever. Shared by any number of streams."""

    def __init__(self, path: Path = LOOP) -> None:
        self._container = open_media(path, "mov")
        self.template: VideoStream = self._container.streams.video[0]
        self.time_base = Fraction(self.template.time_base or 0)
        self.width, self.height = self.template.width, self.template.height
        self.fps = float(self.template.average_rate or 0)
        self.codecs = f"avc1.{(self.template.codec_context.extradata or bytes(4))[1:4].hex()}"  # RFC 6381, from avcC
        packets = [p for p in self._container.demux(self.template) if p.dts is not None]
        starts = [i for i, p in enumerate(packets) if p.is_keyframe]
        self._gops = [[_coded(p) for p in packets[a:b]] for a, b in itertools.pairwise([*starts, len(packets)])]
        self.gop_ticks = sum(c.duration for c in self._gops[0])
        if any(sum(c.duration for c in gop) != self.gop_ticks for gop in self._gops):
            raise ValueError(f"{path.name}: GOPs differ in length")
        self.gop_ns = ticks_to_ns(self.gop_ticks, self.time_base)

    def gop(self, index: int, offset: int) -> list[Coded]:
        """GOP `index` of the endless stream, moved so that its keyframe lies at tick `offset`."""
        source = self._gops[index % len(self._gops)]
        shift = offset - source[0].pts
        return [replace(c, pts=c.pts + shift, dts=c.dts + shift) for c in source]

    def close(self) -> None:
        """Release the file; templates are invalid from here on."""
        self._container.close()


class AudioTrack:
    """A recipe's sound as AAC frames in stream order, encoded as far as anybody has asked."""

    def __init__(self, recipe: Recipe) -> None:
        self._mix = Mix(recipe)
        self._resampler = av.AudioResampler(format="fltp", layout="stereo", rate=AUDIO_HZ, frame_size=1024)
        self._codec = av.CodecContext.create("aac", "w")
        self._codec.rate = AUDIO_HZ
        self._codec.layout = "stereo"
        self._codec.format = "fltp"
        self._codec.bit_rate = _BIT_RATE
        self._codec.time_base = _AUDIO_BASE
        self._at = 0
        self._packets: list[Coded] = []
        self._extend(RATE)
        self.template = self._make_template()

    def between(self, start: int, end: int) -> list[Coded]:
        """Frames that start in samples `start`..`end` of 48 kHz; the encoder's priming frame belongs to sample 0."""
        while self._at < self._mix.samples and (not self._packets or self._packets[-1].pts < end):
            self._extend(RATE)
        first = 0 if start == 0 else -(-start // 1024) + 1
        return self._packets[first : -(-end // 1024) + 1]

    def _extend(self, count: int) -> None:
        """Encode `count` more samples of the mix; flushes the encoder at the end of the stream."""
        count = min(count, self._mix.samples - self._at)
        frame = av.AudioFrame.from_ndarray(self._mix.block(self._at, count)[None, :], format="fltp", layout="mono")
        frame.rate, frame.pts, frame.time_base = RATE, self._at, Fraction(1, RATE)
        self._at += count
        last = self._at >= self._mix.samples
        for source in [frame, *([None] if last else [])]:
            for resampled in self._resampler.resample(source):
                self._packets += map(_coded, self._codec.encode(resampled))
        if last:
            self._packets += map(_coded, self._codec.encode(None))

    def _make_template(self) -> AudioStream:
        """A stream that describes the frames: a Matroska file of one frame, written in memory and read back."""
        header = io.BytesIO()
        with av.open(header, "w", format="matroska") as out:
            stream = out.add_stream("aac", rate=AUDIO_HZ, layout="stereo")
            stream.bit_rate = _BIT_RATE
            frame = av.Packet(self._packets[0].data)
            frame.stream, frame.pts, frame.dts, frame.time_base = stream, 0, 0, _AUDIO_BASE
            out.mux(frame)
        self._header = open_media(io.BytesIO(header.getvalue()), "matroska")
        return self._header.streams.audio[0]


class StreamMedia:
    """The segments of one stream. Safe to call from several threads; each call may take tens of milliseconds."""

    def __init__(self, recipe: Recipe, *, video: VideoLoop, options: MediaOptions | None = None) -> None:
        self.options = options or MediaOptions()
        self.video = video
        self._audio = AudioTrack(recipe)
        self._lock = threading.Lock()
        self._counters: dict[Rendition, list[dict[int, int]]] = {"main": [{}], "audio": [{}]}
        self._made: OrderedDict[tuple[Rendition, int], bytes] = OrderedDict()
        self._inits: dict[Rendition, bytes] = {}
        resets = {round(ns(at) / video.gop_ns) for at in self.options.resets_s}
        count = -(-ns(recipe.duration_s) // video.gop_ns)
        self.segments = tuple(
            SegmentInfo(
                index=i,
                start_ns=Ns(i * video.gop_ns),
                end_ns=Ns((i + 1) * video.gop_ns),
                discontinuity=i in resets,
            )
            for i in range(count)
        )
        self._resets = sorted({0, *resets})

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        """The playlists there are; audio of its own only when demuxed."""
        return ("main", "audio") if self.options.demuxed else ("main",)

    def segment(self, index: int, rendition: Rendition = "main") -> bytes:
        """The bytes of a segment; the last few are kept, others are made again."""
        with self._lock:
            if (rendition, index) not in self._made:
                self._made[rendition, index] = self._make(index, rendition)
                if len(self._made) > _KEPT_SEGMENTS:
                    self._made.popitem(last=False)
            return self._made[rendition, index]

    def init(self, rendition: Rendition = "main") -> bytes:
        """The init section of a CMAF rendition."""
        self.segment(0, rendition)
        return self._inits[rendition]

    def lanes(self, first: int, last: int) -> list[Lane]:
        """Packets of segments `first` to `last`, inclusive, with the timestamps a viewer sees."""
        return [
            Lane(lane[0].template, lane[0].time_base, [c for part in lane for c in part.packets])
            for lane in zip(*(self._lanes(i) for i in range(first, last + 1)), strict=True)
        ]

    def _lanes(self, index: int) -> list[Lane]:
        info = self.segments[index]
        base = self._resets[max(i for i, at in enumerate(self._resets) if at <= index)]
        shift = Ns(ticks_to_ns(self.options.first_pts, Fraction(1, TS_HZ)) - self.segments[base].start_ns)
        start, end = (ns_to_ticks(t, _AUDIO_BASE) for t in (info.start_ns, info.end_ns))
        moved = ns_to_ticks(shift, _AUDIO_BASE)
        sound = [replace(c, pts=c.pts + moved, dts=c.dts + moved) for c in self._audio.between(start, end)]
        lanes = [Lane(self._audio.template, _AUDIO_BASE, sound)]
        if self.options.video:
            offset = ns_to_ticks(Ns(info.start_ns + shift), self.video.time_base)
            lanes.insert(0, Lane(self.video.template, self.video.time_base, self.video.gop(index, offset)))
        return lanes

    def _make(self, index: int, rendition: Rendition) -> bytes:
        states = self._counters[rendition]
        while len(states) <= index:  # the counters at its start come from the segments before it
            self._pack(len(states) - 1, rendition)
        return self._pack(index, rendition)

    def _pack(self, index: int, rendition: Rendition) -> bytes:
        lanes = self._lanes(index)
        if self.options.demuxed:
            lanes = lanes[-1:] if rendition == "audio" else lanes[:-1]
        if self.options.container == "cmaf":
            self._inits[rendition], data = fmp4_segment(lanes, index)
            counters: dict[int, int] = {}
        else:
            counters = dict(self._counters[rendition][index])
            data = ts_segment(lanes, counters)
        if len(self._counters[rendition]) == index + 1:
            self._counters[rendition].append(counters)
        return data


def write_file(path: Path, recipe: Recipe, *, video: VideoLoop, options: MediaOptions | None = None) -> None:
    """The whole stream as one file; the container follows from the suffix (.mp4, .ts, .mkv)."""
    media = StreamMedia(recipe, video=video, options=options or MediaOptions(first_pts=0))
    write_whole(path, media.lanes(0, len(media.segments) - 1))


def _coded(packet: av.Packet[Any]) -> Coded:
    if packet.pts is None or packet.dts is None:
        raise ValueError("packet without timestamps")
    return Coded(
        pts=packet.pts,
        dts=packet.dts,
        duration=packet.duration or 0,
        is_keyframe=packet.is_keyframe,
        data=bytes(packet),
    )
