"""Reads an open container into our own tracks and packets. Blocking: runs in a worker thread.

Only video and audio are read: data streams, subtitles, attached pictures and codecs we don't accept are left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import av.container
import av.stream

from core.errors import BadMedia
from core.media import Kind, Packet, Track
from core.timeline import fill_times
from core.times import NS_PER_S, Ns, ticks_to_ns
from daemon.avopen import AUDIO_CODECS, MAX_PIXELS, VIDEO_CODECS, Readable, open_media

BOTH: Final[frozenset[Kind]] = frozenset(("video", "audio"))
MAX_ERRORS: Final = 50  # read errors in a row before a container counts as finished
INTERLEAVE_NS: Final = NS_PER_S  # tracks are stored this far apart; a packet further back is a jump
MAX_BATCH: Final = 2_000  # packets
MAX_BATCH_BYTES: Final = 8 << 20
_ROTATED: Final = frozenset({"mov", "matroska"})  # formats that carry a display matrix


class MediaReader:
    """One pass over a container. `tracks` is complete after the first `read`, which may have to look into the media.

    `wraps`: timestamps are 33 bits of 90 kHz. `base`: what a file-like object that begins inside a file has left out.
    `rotation`: when it is known already; finding out takes the decoding of a keyframe.
    """

    def __init__(
        self,
        file: Path | Readable,
        fmt: str,
        *,
        kinds: frozenset[Kind] = BOTH,
        base: int = 0,
        rotation: int | None = None,
    ) -> None:
        self._container = open_media(file, fmt)
        self.fmt = fmt
        self._base = base
        self.wraps = fmt == "mpegts"
        self.errors = 0
        self.skipped: Counter[str] = Counter()
        self._streams = _pick(self._container, kinds)
        if not self._streams:
            raise _no_streams(self._container)
        self._demuxed: Iterator[av.Packet[Any]] = iter(())
        self._restart()
        self._last: dict[int, int] = {}
        self._offsets: dict[int, int] = {}
        self._rotation = rotation if fmt in _ROTATED else 0
        self._done = False

    @property
    def duration_ns(self) -> Ns | None:
        """What the container says about its length; None when it says nothing."""
        return None if self._container.duration is None else Ns(self._container.duration * 1000)

    @property
    def tracks(self) -> tuple[Track, ...]:
        """What is read, video first. Their templates keep the container open for as long as they live."""
        return tuple(_track(stream, self._rotation or 0) for stream in self._streams)

    def read(self, span_ns: int) -> list[Packet]:
        """The next packets, about `span_ns` of media; empty: the end."""
        packets: list[Packet] = []
        first_ns: int | None = None
        size = 0
        while not self._done and len(packets) < MAX_BATCH and size < MAX_BATCH_BYTES:
            packet = self._next()
            if packet is None:
                break
            packets.append(packet)
            size += len(packet.data)
            at_ns = ticks_to_ns(packet.dts, packet.time_base)
            first_ns = at_ns if first_ns is None else first_ns
            if not -INTERLEAVE_NS <= at_ns - first_ns < span_ns and self._rotation is not None:
                break
        if self._rotation is None:
            self._rotation = 0
        return packets

    def seek(self, ticks: int) -> bool:
        """Go to a keyframe at or before a time of the first track; False where the container cannot."""
        try:
            self._container.seek(ticks, stream=self._streams[0])
        except av.FFmpegError:
            return False
        self._restart()
        self._last.clear()
        self._offsets.clear()
        return True

    def close(self) -> None:
        """Close the container; tracks made from it must no longer be used as templates."""
        self._container.close()

    def _restart(self) -> None:
        self._demuxed = iter(self._container.demux(*self._streams))

    def _next(self) -> Packet | None:
        """The next usable packet. A read error is counted and skipped: libav finds the next one, or the end."""
        while self.errors <= MAX_ERRORS:
            try:
                raw = next(self._demuxed, None)
            except (av.FFmpegError, ValueError):
                self.errors += 1
                self._restart()
                continue
            if raw is None:
                break
            packet = self._convert(raw) if raw.size else None
            if packet is not None:
                return packet
        self._done = True
        return None

    def _convert(self, raw: av.Packet[Any]) -> Packet | None:
        stream, index = raw.stream, raw.stream_index
        duration = raw.duration or 0
        times = fill_times(raw.pts, raw.dts, self._last.get(index), duration)
        if times is None or raw.time_base is None:
            self.skipped["no_time"] += 1
            return None
        if self._rotation is None and stream.type == "video" and raw.is_keyframe:
            self._rotation = _rotation(raw)
        self._last[index] = times[1]
        return Packet(
            kind="video" if stream.type == "video" else "audio",
            pts=times[0],
            dts=times[1],
            duration=duration,
            time_base=raw.time_base,
            is_keyframe=bool(raw.is_keyframe),
            data=bytes(raw),
            offset=self._offset(index, raw.pos),
        )

    def _offset(self, index: int, position: int | None) -> int:
        """Frames after the first of one PES packet have no position of their own: they share its."""
        if position is not None and position >= 0:
            self._offsets[index] = self._base + position
        return self._offsets.get(index, -1)


def _pick(container: av.container.InputContainer, kinds: frozenset[Kind]) -> list[Any]:
    """The default video and the default audio stream, else the first of each."""
    picked = []
    for kind, codecs in (("video", VIDEO_CODECS), ("audio", AUDIO_CODECS)):
        usable = [s for s in container.streams if s.type == kind and kind in kinds and _usable(s, codecs)]
        if usable:
            picked.append(min(usable, key=lambda s: (not s.disposition & av.stream.Disposition.default, s.id, s.index)))
    return picked


def _usable(stream: Any, codecs: frozenset[str]) -> bool:
    context = stream.codec_context
    if context is None or stream.time_base is None or codec_name(context) not in codecs:
        return False
    still = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    if stream.type == "audio":
        return bool(context.sample_rate > 0)
    return bool(not stream.disposition & still and 0 < context.width * context.height <= MAX_PIXELS)


def codec_name(context: Any) -> str:
    """The decoder-independent name: `av1` for libdav1d, `mp3` for mp3float."""
    return str(context.codec.canonical_name)


def _track(stream: Any, rotation: int) -> Track:
    context = stream.codec_context
    video = stream.type == "video"
    return Track(
        kind="video" if video else "audio",
        codec=codec_name(context),
        time_base=Fraction(stream.time_base),
        width=context.width if video else 0,
        height=context.height if video else 0,
        fps=float(stream.average_rate or 0) if video else 0.0,
        rate=0 if video else context.sample_rate,
        channels=0 if video else context.layout.nb_channels,
        rotation=rotation if video else 0,
        extradata=bytes(context.extradata or b""),
        template=stream,
    )


def _rotation(raw: av.Packet[Any]) -> int:
    """Degrees clockwise a player applies. PyAV shows the display matrix on decoded frames only, so one is decoded."""
    try:
        frames = raw.decode() or raw.stream.codec_context.decode(None)
        raw.stream.codec_context.flush_buffers()
    except (av.FFmpegError, ValueError):
        return 0
    turned = -int(frames[0].rotation) % 360 if frames else 0
    return turned if turned in (90, 180, 270) else 0  # other angles come from damaged headers


def _no_streams(container: av.container.InputContainer) -> BadMedia:
    found = sorted(
        {f"{s.type} {codec_name(s.codec_context) if s.codec_context else 'unknown'}" for s in container.streams}
    )
    container.close()
    return BadMedia(
        f"No video or audio that can be used: {', '.join(found) or 'no streams at all'}",
        remedy=f"Accepted: {', '.join(sorted(VIDEO_CODECS))} and {', '.join(sorted(AUDIO_CODECS))}.",
        code="no_streams",
    )
