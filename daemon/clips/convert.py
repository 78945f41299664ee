"""Turns tracks that MP4 cannot carry into H.264 and AAC, with the bundled ffmpeg as a separate, limited process.

It reads one file that we wrote (NUT: any codec, exact ticks) under a generated name with a forced format, opens nothing
else, and gets no text from anyone (reliability.md section 4, "Media bytes").
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import av.container
import av.stream

from core.errors import CutRefused
from core.media import Packet, Track
from core.times import Ns, ticks_to_ns, to_s
from daemon.avopen import open_media
from daemon.clips.plan import CutPlan
from daemon.ffmpeg import FfmpegFailed, Limits, read_media, run_ffmpeg

CONVERTIBLE: Final = frozenset({"vp8", "vorbis", "mpeg4", "mpeg2video", "mp2", "alac"})
_PCM: Final = "pcm_"
_DECODERS: Final = {"mp2": "mp2float,mp2"}
_THREADS: Final = "2"  # fixed, so that the same clip gives the same bytes on any machine
_CPU_S_PER_MEDIA_S: Final = 20.0  # x264 veryfast needs about 1 for 1080p60 on one core of the reference machine
_CPU_S: Final = 60.0
_SHIFT_S: Final = 10  # NUT has no times before 0; sound that warms the decoder up and reordered frames lie there

# x264's CRF 18 is visually lossless for a master; frames keep their own times (VFR), none is invented or dropped.
# With its lookahead thread, 1 run in 10 on a busy machine gave other bytes (2026-11-21); without, none of 80.
RECODE_H264: Final = (
    *("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-g", "120", "-pix_fmt", "yuv420p"),
    *("-threads", _THREADS, "-x264-params", "sync-lookahead=0"),
)
_VIDEO: Final = (
    *RECODE_H264,
    *("-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-fps_mode", "passthrough", "-enc_time_base", "demux"),
    *("-flags:v", "+bitexact", "-video_track_timescale", "90000"),
)
# holes become silence: an AAC encoder counts samples, and what follows a hole would come early
RECODE_AAC: Final = ("-c:a", "aac", "-b:a", "192k", "-flags:a", "+bitexact")
_AUDIO: Final = ("-af", "aresample=async=1", *RECODE_AAC)


def needs_conversion(track: Track, copied: frozenset[str]) -> bool:
    """Whether the track has to be coded anew. Raises CutRefused(`codec_unsupported`) for what we can't decode."""
    if track.codec in copied:
        return False
    if track.codec in CONVERTIBLE or track.codec.startswith(_PCM):
        return True
    raise CutRefused(
        f"{track.codec} cannot be put into an MP4, and clipd does not convert it",
        remedy="Choose another variant of the stream.",
        code="codec_unsupported",
    )


class Converted:
    """One track after conversion. Close it when the clip has been written; its files are the caller's folder's."""

    def __init__(self, track: Track, plan: CutPlan, work: Path) -> None:
        self._start_ns = plan.start_ns
        source, result = work / f"{track.kind}-in.nut", work / f"{track.kind}-out.mp4"
        self._source, self._result, self._old = source, result, track
        self.track = track
        self._container: av.container.InputContainer | None = None

    def run(self, packets: Iterator[Packet]) -> None:
        """Convert the packets (rebased: 0 = the first shown frame), then open the result. Raises CutRefused."""
        _write_nut(self._source, self._old, packets)
        _run_ffmpeg(self._old, self._source, self._result)
        self._container = open_media(self._result, "mov")
        stream = self._container.streams.best(self._old.kind)
        assert stream is not None  # ffmpeg was told to map exactly this one, and succeeded
        self.track = Track(
            kind=self._old.kind,
            codec=stream.codec_context.codec.canonical_name,
            time_base=Fraction(cast(Fraction, stream.time_base)),
            rate=self._old.rate,
            channels=self._old.channels,
            rotation=self._old.rotation,
            template=stream,
        )

    def packets(self) -> Iterator[Packet]:
        """In decode order, on media time again; may be called several times."""
        assert self._container is not None
        stream = self._container.streams.best(self._old.kind)
        self._container.seek(0, stream=stream)
        for coded in self._container.demux(stream):
            if coded.pts is None or coded.dts is None:
                continue  # libav's flush marker
            yield self._placed(coded)

    def close(self) -> None:
        """Let go of the result's file."""
        if self._container is not None:
            self._container.close()

    def _placed(self, coded: av.Packet[av.stream.Stream]) -> Packet:
        time_base = coded.time_base
        shift, duration = round(_SHIFT_S / time_base), coded.duration or 0
        pts, dts = cast(int, coded.pts) - shift, cast(int, coded.dts) - shift
        pts_ns = Ns(self._start_ns + ticks_to_ns(pts, time_base))
        return Packet(
            kind=self._old.kind,
            pts=pts,
            dts=dts,
            duration=duration,
            time_base=time_base,
            is_keyframe=coded.is_keyframe,
            data=bytes(coded),
            pts_ns=pts_ns,
            dts_ns=Ns(self._start_ns + ticks_to_ns(dts, time_base)),
            end_ns=Ns(pts_ns + ticks_to_ns(duration, time_base)),
        )


def _write_nut(path: Path, track: Track, packets: Iterator[Packet]) -> None:
    try:
        _mux_nut(path, track, packets)
    except (av.FFmpegError, ValueError) as err:
        raise _refused(track, str(err)) from err


def _mux_nut(path: Path, track: Track, packets: Iterator[Packet]) -> None:
    with av.open(str(path), "w", format="nut", container_options={"fflags": "+bitexact"}) as out:
        stream = out.add_stream_from_template(cast(av.stream.Stream, track.template), opaque=True)
        for packet in packets:
            coded = av.Packet(packet.data)
            coded.stream, coded.time_base, coded.is_keyframe = stream, packet.time_base, packet.is_keyframe
            shift = round(_SHIFT_S / packet.time_base)
            coded.pts, coded.dts, coded.duration = packet.pts + shift, packet.dts + shift, packet.duration
            out.mux_one(coded)


def _run_ffmpeg(track: Track, source: Path, result: Path) -> None:
    decoders = _DECODERS.get(track.codec, track.codec)
    limit_s = _CPU_S + _CPU_S_PER_MEDIA_S * to_s(_length_ns(source))
    arguments = [
        *("-copyts", "-threads", _THREADS, *read_media(source.name, "nut", decoders=decoders)),
        *("-map", "0:0", "-map_metadata", "-1", *(_VIDEO if track.kind == "video" else _AUDIO)),
        *("-movie_timescale", "90000", "-fflags", "+bitexact", "-f", "mp4", f"file:{result.name}"),
    ]
    try:
        run_ffmpeg(arguments, folder=source.parent, limits=Limits(cpu_s=limit_s, wall_s=limit_s))
    except FfmpegFailed as err:
        raise _refused(track, err.what) from err


def _length_ns(source: Path) -> Ns:
    only = {"protocol_whitelist": "file", "format_whitelist": "nut"}
    with av.open(f"file:{source}", "r", format="nut", container_options=only) as media:
        return Ns(max(0, media.duration or 0) * 1000)


def _refused(track: Track, why: str) -> CutRefused:
    return CutRefused(
        f"{track.codec} could not be converted ({why})",
        remedy="The footage there is damaged; cut a little later or earlier.",
        code="convert_failed",
    )
