"""Decodes for analysis: sound to 16 kHz mono without holes, keyframes to small grey pictures. Blocking; one per epoch.

Damaged packets are counted in `errors`, never raised: what they would have held becomes silence, or no picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from core.media import AUDIO_RATE, AudioBlock, Epoch, KeyframeImage, Packet, Track
from core.times import NS_PER_S, Ns
from daemon.avopen import MAX_PIXELS, decoder_name

MAX_DRIFT_NS: Final = 20_000_000  # timestamps of FLV and Matroska jitter by 1 ms; 20 ms is below what lip sync shows
SAMPLE_NS: Final = NS_PER_S // AUDIO_RATE  # 62,500 exactly
SILENCE_BLOCK: Final = AUDIO_RATE  # a long hole comes in blocks of 1 s
LONGEST_SIDE: Final = 160
_NS_BASE: Final = Fraction(1, NS_PER_S)


class AudioDecoder:
    """Sound of one track in one epoch, on media time.

    Every frame is held against its PTS: while they agree within MAX_DRIFT_NS the samples simply follow each other; a
    later PTS is filled with zeros first, an earlier one loses its overlap. So the samples never run away from the PTS,
    whatever the source's clock does. `end_ns` is where the sound heard so far ends.
    """

    def __init__(self, track: Track, epoch: Epoch) -> None:
        self._context = open_decoder(track)
        self._resampler: av.AudioResampler | None = None
        self._shape: tuple[object, ...] = ()
        self._in_ns = 0  # media time up to which input has gone into the resampler
        self._next_ns: int | None = None  # media time of the next output sample
        self.end_ns = epoch.start_ns
        self.errors = 0
        self.filled_ns = 0

    def push(self, packet: Packet) -> list[AudioBlock]:
        """Decode one placed packet."""
        raw = raw_packet(packet)
        try:
            frames = self._context.decode(raw)
        except (av.FFmpegError, ValueError):
            self.errors += 1
            return []
        blocks: list[AudioBlock] = []
        at_ns = int(packet.pts_ns)
        for frame in frames:
            at_ns = at_ns if frame.pts is None or frame.time_base != _NS_BASE else int(frame.pts)
            blocks += self._take(frame, at_ns)
            at_ns += frame.samples * NS_PER_S // max(1, frame.sample_rate)
        return blocks

    def flush(self) -> list[AudioBlock]:
        """The end of the epoch: what the decoder and the resampler still hold."""
        blocks: list[AudioBlock] = []
        try:
            for frame in self._context.decode(None):
                blocks += self._take(frame, self._in_ns if frame.pts is None else int(frame.pts))
        except (av.FFmpegError, ValueError):
            self.errors += 1
        return [*blocks, *self._drain()]

    def _take(self, frame: Any, at_ns: int) -> list[AudioBlock]:
        if frame.samples <= 0 or frame.sample_rate <= 0:
            return []
        blocks: list[AudioBlock] = []
        length_ns = frame.samples * NS_PER_S // frame.sample_rate
        if self._next_ns is None:
            self._next_ns = self._in_ns = at_ns
        off_ns = at_ns - self._in_ns
        if off_ns + length_ns <= 0:
            return []  # heard already
        shape = (frame.sample_rate, frame.format.name, frame.layout.name)
        if shape != self._shape or abs(off_ns) > MAX_DRIFT_NS:
            blocks += self._drain()
            if off_ns > MAX_DRIFT_NS:
                blocks += self._silence(at_ns)
            self._in_ns = max(at_ns, self._in_ns) if off_ns < -MAX_DRIFT_NS else at_ns
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=AUDIO_RATE)
            self._shape = shape
        skip_ns = self._in_ns - at_ns if off_ns < -MAX_DRIFT_NS else 0
        assert self._resampler is not None  # the first frame always has a new shape
        frame.pts = None
        try:
            resampled = self._resampler.resample(frame)
        except (av.FFmpegError, ValueError):
            self.errors += 1
            return blocks
        self._in_ns += length_ns - skip_ns
        return blocks + self._blocks(resampled, skip=skip_ns // SAMPLE_NS)

    def _drain(self) -> list[AudioBlock]:
        if self._resampler is None:
            return []
        resampler, self._resampler = self._resampler, None
        self._shape = ()
        try:
            return self._blocks(resampler.resample(None))
        except (av.FFmpegError, ValueError):
            self.errors += 1
            return []

    def _blocks(self, frames: list[Any], *, skip: int = 0) -> list[AudioBlock]:
        parts = [frame.to_ndarray().reshape(-1) for frame in frames if frame is not None and frame.samples]
        if not parts:
            return []
        samples = (parts[0] if len(parts) == 1 else np.concatenate(parts))[skip:]
        return [self._block(samples)] if len(samples) else []

    def _silence(self, until_ns: int) -> Iterator[AudioBlock]:
        assert self._next_ns is not None  # a hole lies behind something
        missing = (until_ns - self._next_ns) // SAMPLE_NS
        self.filled_ns += max(0, missing) * SAMPLE_NS
        while missing > 0:
            count = min(missing, SILENCE_BLOCK)
            yield self._block(np.zeros(count, np.float32))
            missing -= count

    def _block(self, samples: NDArray[np.float32]) -> AudioBlock:
        assert self._next_ns is not None  # set by the first frame
        block = AudioBlock(start_ns=Ns(self._next_ns), samples=samples)
        self._next_ns += len(samples) * SAMPLE_NS
        self.end_ns = Ns(max(self.end_ns, self._next_ns))
        return block


class KeyframeDecoder:
    """Keyframes of one track as grey pictures of at most 160 px; other packets give nothing. The decoder is emptied
    after each, so a picture comes out at once and never leans on an earlier one."""

    def __init__(self, track: Track, epoch: Epoch) -> None:
        self._context = open_decoder(track)
        self._start_ns = epoch.start_ns
        self.errors = 0

    def push(self, packet: Packet) -> list[KeyframeImage]:
        """One picture, or none when the packet is no keyframe or cannot be decoded."""
        if not packet.is_keyframe or packet.kind != "video":
            return []
        try:
            frames = [*self._context.decode(raw_packet(packet)), *self._context.decode(None)]
            grey = _grey(frames[0]) if frames else None
        except (av.FFmpegError, ValueError, MemoryError):
            grey = None
        finally:
            self._context.flush_buffers()
        if grey is None:
            self.errors += 1
            return []
        return [KeyframeImage(t_ns=packet.pts_ns, grey=grey)]


def open_decoder(track: Track) -> Any:
    """A codec context of one thread for a track's packets. Raises av.FFmpegError for a codec that is not there."""
    context: Any = av.CodecContext.create(decoder_name(track.codec), "r")
    if track.extradata:
        context.extradata = track.extradata
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_PIXELS)}
    if track.codec.startswith("pcm_"):
        context.sample_rate, context.layout = track.rate, _layout(track.channels)
    return context


def _layout(channels: int) -> str:
    return {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}.get(channels, f"{channels}c")


def raw_packet(packet: Packet) -> av.Packet[Any]:
    """The packet as PyAV's, on media time: frames come out with their time in ns as PTS."""
    raw: av.Packet[Any] = av.Packet(packet.data)
    raw.time_base = _NS_BASE
    raw.pts, raw.dts = packet.pts_ns, packet.dts_ns
    return raw


def _grey(frame: Any) -> NDArray[np.uint8]:
    scale = min(1.0, LONGEST_SIDE / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    small = frame.reformat(width=width, height=height, format="gray", interpolation="AREA")
    grey: NDArray[np.uint8] = small.to_ndarray()
    return np.ascontiguousarray(grey[:height, :width])
