"""Writes planned packets as an MP4 that plays at once: both tracks begin at 0, the index stands in front.

Picture: composition offsets may be negative, so no edit list hides or holds a frame. Sound: the edit list of its own
track cuts to the sample and hides the packets that only warm the decoder up.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import av.container
import av.stream
import av.video.stream

from core.errors import CutRefused
from core.media import Packet, Track
from core.times import NS_PER_S, ns_to_ticks
from daemon.clips.plan import CutPlan

MP4_CODECS: Final = frozenset({"h264", "hevc", "av1", "vp9", "aac", "opus", "mp3", "flac", "ac3", "eac3"})
_TAGS: Final = {"hevc": "hvc1"}  # parameter sets in the header: Safari plays no other kind
_OPTIONS: Final = {
    "movflags": "+faststart+negative_cts_offsets",
    "fflags": "+bitexact",  # no encoder tag, no creation time: the same inputs give the same bytes
    "avoid_negative_ts": "disabled",
    "movie_timescale": "90000",  # resolution of edit lists; libav's 1 ms would round the sound's start
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A track on its way into the file. `rotation` is set only where the template does not carry it.

    `extradata` (Annex B) takes the place of the template's: then packets come as units behind start codes.
    """

    track: Track
    rotation: int = 0
    extradata: bytes = b""


def rebased(packets: Iterable[Packet], plan: CutPlan, rate: int) -> Iterator[Packet]:
    """The plan's packets among those read, on the file's clock: exact ticks, 0 = the first shown frame.

    `rate` is the audio sample rate in Hz, the tick of the file's audio track.
    """
    chosen = {"video": {p.pts for p in plan.video}, "audio": {p.pts for p in plan.audio}}
    last_pts = max((p.pts for p in plan.video), default=0)
    started = {"video": False, "audio": False}
    first = {"video": plan.video[0].dts if plan.video else 0, "audio": plan.audio[0].dts if plan.audio else 0}
    for packet in packets:
        kind = packet.kind
        started[kind] = started[kind] or packet.dts == first[kind]
        if started[kind] and packet.pts in chosen[kind]:
            yield _picture(packet, plan, last_pts) if kind == "video" else _sound(packet, plan, rate)


def write_mp4(path: Path, lanes: Iterable[Lane], packets: Iterable[Packet]) -> None:
    """Packets with the file's ticks, tracks interleaved by DTS. Raises CutRefused(`mux_failed`), OSError."""
    try:
        with av.open(str(path), "w", format="mp4", container_options=dict(_OPTIONS)) as out:
            streams = {lane.track.kind: _stream(out, lane) for lane in lanes}
            last_dts: dict[str, int] = {}
            for packet in packets:
                coded = _coded(packet, streams[packet.kind], last_dts.get(packet.kind))
                last_dts[packet.kind] = cast(int, coded.dts)
                out.mux_one(coded)
    except (av.FFmpegError, ValueError) as err:
        raise _failure(err) from err


def _picture(packet: Packet, plan: CutPlan, last_pts: int) -> Packet:
    first = plan.video[0]
    duration, dts = packet.duration, packet.dts
    if packet.pts == last_pts:
        duration = max(1, ns_to_ticks(plan.end_ns - packet.pts_ns, packet.time_base))
    if packet.pts == first.pts and len(plan.video) > 1:
        # where leading pictures were dropped, the keyframe moves up to its successor: a hole in DTS lowers the fps
        dts = max(dts, min(packet.pts, plan.video[1].dts - packet.duration))
    return replace(packet, pts=packet.pts - first.pts, dts=dts - first.pts, duration=duration)


def _sound(packet: Packet, plan: CutPlan, rate: int) -> Packet:
    first = plan.audio[plan.preroll]
    offset = Fraction(first.pts_ns - plan.start_ns, NS_PER_S)
    ticks = round(((packet.pts - first.pts) * packet.time_base + offset) * rate)
    duration = round(packet.duration * packet.time_base * rate)
    return replace(packet, pts=ticks, dts=ticks, duration=duration, time_base=Fraction(1, rate))


def _stream(out: av.container.OutputContainer, lane: Lane) -> av.stream.Stream:
    template = cast(av.stream.Stream, lane.track.template)
    stream = out.add_stream_from_template(template, opaque=True)
    if lane.track.codec in _TAGS:
        stream.codec_context.codec_tag = _TAGS[lane.track.codec]
    if lane.extradata:
        stream.codec_context.extradata = lane.extradata
    if lane.rotation and isinstance(stream, av.video.stream.VideoStream):
        stream.set_display_rotation(-lane.rotation)  # PyAV counts counter-clockwise
    return stream


def _coded(packet: Packet, stream: av.stream.Stream, last_dts: int | None) -> av.Packet[av.stream.Stream]:
    coded: av.Packet[av.stream.Stream] = av.Packet(packet.data)
    coded.stream = stream
    coded.time_base = packet.time_base
    coded.pts = packet.pts
    coded.dts = packet.dts if last_dts is None else max(packet.dts, last_dts + 1)
    coded.duration = packet.duration
    coded.is_keyframe = packet.is_keyframe
    return coded


def _failure(err: av.FFmpegError | ValueError) -> Exception:
    """libav reports the disk's errors by errno, its own by four letters far above."""
    code = (err.errno if isinstance(err, av.FFmpegError) else None) or 0
    if 0 < code < 4096 and code != errno.EINVAL:
        return OSError(code, os.strerror(code))
    return CutRefused(
        f"The clip could not be written: {err}",
        remedy="The footage there is damaged; cut a little later or earlier.",
        code="mux_failed",
    )
