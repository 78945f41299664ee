"""Reads a written clip back: does its first frame decode, and how far apart are sound and picture at both ends.

Nothing here believes the plan; every number comes from the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import av.container
import av.stream

from core.errors import BadMedia, CutRefused
from daemon.avopen import open_media

_HEAD_PACKETS: Final = 64  # a decoder holds back at most 16 frames (H.264 level limits); sound lies between them
TAIL_S: Final = 0.5  # from the last keyframe before this; a GOP more would double what a cut costs
_TAIL_FRAMES: Final = 120  # decoded at the end, from the last keyframe on; a GOP of 2 s at 60 frames a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Read back from the file. Offsets are audio minus video in ms, None without both; `fps` is 0 without video."""

    duration_s: float
    fps: float
    rotation: int  # degrees clockwise that a player applies
    av_head_ms: float | None
    av_tail_ms: float | None
    streams: tuple[str, ...]
    tail_damaged: bool


@dataclass(slots=True)
class _Ends:
    """Seconds on the file's clock."""

    first: float
    last: float = 0.0
    damaged: bool = False


def measure(path: Path, tail_s: float = TAIL_S) -> Measured:
    """`tail_s` before the end lies the keyframe from which on the tail is decoded.

    Raises CutRefused(`unclean_head`) when the first frame does not decode or is not the one at 0.
    """
    try:
        with open_media(path, "mov") as media:
            return _measure(media, tail_s)
    except (BadMedia, av.FFmpegError) as err:
        raise unclean_head(str(err)) from err


def unclean_head(why: str) -> CutRefused:
    """A clip whose first picture would be missing, grey or broken."""
    return CutRefused(
        f"The clip's first frame does not decode ({why})",
        remedy="The footage there is damaged; cut a little later.",
        code="unclean_head",
    )


def _measure(media: av.container.InputContainer, tail_s: float) -> Measured:
    videos, audios = media.streams.video[:1], media.streams.audio[:1]
    for stream in videos:
        stream.codec_context.thread_count = 1  # frame threads would hold the first frames back
    rotation, fps = 0, 0.0
    ends: dict[str, _Ends] = {}
    if videos:
        picture = _first_picture(media)
        rotation, fps = -picture.rotation % 360, float(videos[0].average_rate or 0)
        ends["video"] = _Ends(_time(picture))
    if audios:
        ends["audio"] = _Ends(_first_sound(media))
    _read_tail(media, ends, tail_s)
    video, audio = ends.get("video"), ends.get("audio")
    return Measured(
        duration_s=round(max(end.last for end in ends.values()), 6),
        fps=round(fps, 4),
        rotation=rotation,
        av_head_ms=round((audio.first - video.first) * 1000, 3) if video and audio else None,
        av_tail_ms=round((audio.last - video.last) * 1000, 3) if video and audio else None,
        streams=tuple(map(_describe, [*videos])) + tuple(map(_describe, [*audios])),
        tail_damaged=any(end.damaged for end in ends.values()),
    )


def _first_picture(media: av.container.InputContainer) -> av.VideoFrame:
    for frame in _decoded(media, media.streams.video[0]):
        if not isinstance(frame, av.VideoFrame) or frame.is_corrupt or _time(frame) > 0.0005:
            raise unclean_head("it leans on frames before it")
        return frame
    raise unclean_head("no picture in the first frames")


def _first_sound(media: av.container.InputContainer) -> float:
    media.seek(0)
    for frame in _decoded(media, media.streams.audio[0]):
        return _time(frame)
    raise unclean_head("no sound in the first frames")


def _decoded(media: av.container.InputContainer, stream: av.VideoStream | av.AudioStream) -> Iterator[av.frame.Frame]:
    for number, packet in enumerate(media.demux(stream)):
        if number >= _HEAD_PACKETS:
            return
        yield from stream.decode(packet)


def _read_tail(media: av.container.InputContainer, ends: dict[str, _Ends], tail_s: float) -> None:
    """Where each track ends, and whether its last packets decode.

    The picture's end is the track's length: of its last packets the file stores the distance to the next one decoded,
    not how long each is shown. Sound is not reordered, so its packets tell.
    """
    for stream in media.streams.video[:1]:
        length = (stream.start_time or 0) + (stream.duration or 0)
        ends["video"].last = float(length * cast(Fraction, stream.time_base))
    media.seek(max(0, (media.duration or 0) - round(tail_s * av.time_base)), backward=True)
    frames = 0
    for packet in media.demux([*media.streams.video[:1], *media.streams.audio[:1]]):
        kind = packet.stream.type
        if kind == "audio" and packet.pts is not None:
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
            ends[kind].last = max(ends[kind].last, float(end))
        if kind == "video":
            frames = 1 if packet.is_keyframe and packet.pts is not None else frames + 1
        if kind == "audio" or frames <= _TAIL_FRAMES:
            ends[kind].damaged |= not _decodes(packet)


def _decodes(packet: av.Packet[av.stream.Stream]) -> bool:
    try:
        frames = cast("av.Packet[av.VideoStream]", packet).decode()
    except av.FFmpegError:
        return False
    return not any(isinstance(frame, av.VideoFrame) and frame.is_corrupt for frame in frames)


def _describe(stream: av.VideoStream | av.AudioStream) -> str:
    codec = stream.codec_context.codec.canonical_name
    if isinstance(stream, av.VideoStream):
        return f"video {codec} {stream.codec_context.width}x{stream.codec_context.height}"
    return f"audio {codec} {stream.codec_context.sample_rate} Hz {stream.codec_context.channels} ch"


def _time(frame: av.frame.Frame) -> float:
    return float(frame.pts * cast(Fraction, frame.time_base)) if frame.pts is not None else 0.0
