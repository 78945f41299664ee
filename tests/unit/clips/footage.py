"""A small FootageSource over packets demuxed from a real file, and the media for it, made by the bundled ffmpeg."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import imageio_ffmpeg

from core.errors import CutRefused
from core.media import Packet, Track
from core.protocols import SourceRef
from core.times import Ns, ticks_to_ns


@dataclass
class ListFootage:
    """Packets in memory. `shift_ns` moves the file's times to media time; `drop` removes packets (a capture loss)."""

    path: Path
    packets: list[Packet]
    media_tracks: tuple[Track, ...]
    epochs: Sequence[tuple[Ns, Ns]]
    oldest_ns: Ns = Ns(0)

    def tracks(self, _at_ns: Ns) -> tuple[Track, ...]:
        return self.media_tracks

    def span(self) -> tuple[Ns, Ns]:
        return max(self.oldest_ns, self.epochs[0][0]), self.epochs[-1][1]

    def epoch_span(self, at_ns: Ns) -> tuple[Ns, Ns]:
        start, end = max((e for e in self.epochs if e[0] <= at_ns), default=self.epochs[0])
        return max(start, self.oldest_ns), end

    def keyframes(self, start_ns: Ns, end_ns: Ns) -> list[Ns]:
        return [
            p.pts_ns
            for p in self.packets
            if p.kind == "video" and p.is_keyframe and max(start_ns, self.oldest_ns) <= p.pts_ns <= end_ns
        ]

    def read(self, start_ns: Ns, end_ns: Ns) -> Iterator[Packet]:
        first_ns, last_ns = self.epoch_span(start_ns)
        if end_ns <= first_ns or start_ns >= last_ns:
            raise CutRefused("No footage", remedy="Cut sooner.", code="not_buffered")
        keyframes = self.keyframes(first_ns, last_ns)
        entry_ns = max((k for k in keyframes if k <= start_ns), default=keyframes[0] if keyframes else start_ns)
        seen = not keyframes
        for packet in self.packets:
            if not first_ns <= packet.pts_ns < last_ns or packet.dts_ns >= end_ns:
                continue
            seen = seen or (packet.kind == "video" and packet.pts_ns == entry_ns)
            if seen and (packet.kind == "video" or packet.end_ns > entry_ns):
                yield packet

    def link_source(self, start_ns: Ns, end_ns: Ns, _folder: Path) -> list[SourceRef]:
        return [SourceRef(path=str(self.path), sha256="0" * 64, bytes=1, start_ns=start_ns, end_ns=end_ns)]

    def without(self, kind: str, start_s: float, end_s: float) -> ListFootage:
        """The same, with a hole in one track."""
        lost = (start_s * 1e9, end_s * 1e9)
        kept = [p for p in self.packets if p.kind != kind or not lost[0] <= p.pts_ns < lost[1]]
        return replace(self, packets=kept)

    def video(self) -> list[Packet]:
        return [p for p in self.packets if p.kind == "video"]


def open_footage(path: Path, shift_ns: int = 0) -> ListFootage:
    """All packets of the best video and audio of a file; media time 0 is its first keyframe or sample."""
    media = av.open(str(path))
    streams: list[Any] = [*media.streams.video[:1], *media.streams.audio[:1]]
    raw: list[Any] = [p for p in media.demux(streams) if p.pts is not None and p.size]
    zero = min(p.pts * p.time_base for p in raw if p.stream is streams[0] and p.is_keyframe)
    packets = sorted((_packet(p, zero, shift_ns) for p in raw), key=lambda p: p.dts_ns)
    packets = [p for p in packets if p.pts_ns >= shift_ns]
    end_ns = Ns(max(p.end_ns for p in packets))
    return ListFootage(path, packets, tuple(_track(s) for s in streams), [(Ns(shift_ns), end_ns)])


def _packet(coded: Any, zero: Fraction, shift_ns: int) -> Packet:
    base = Fraction(coded.time_base)
    dts = coded.pts if coded.dts is None else coded.dts
    pts_ns = ticks_to_ns(coded.pts, base) - round(zero * 10**9) + shift_ns
    return Packet(
        kind=coded.stream.type,
        pts=coded.pts,
        dts=dts,
        duration=coded.duration or 0,
        time_base=base,
        is_keyframe=coded.is_keyframe,
        data=bytes(coded),
        pts_ns=Ns(pts_ns),
        dts_ns=Ns(pts_ns + ticks_to_ns(dts - coded.pts, base)),
        end_ns=Ns(pts_ns + (ticks_to_ns(coded.duration, base) if coded.duration else 20_000_000)),
    )


def _track(stream: Any) -> Track:
    context = stream.codec_context
    common: dict[str, Any] = {
        "kind": stream.type,
        "codec": context.codec.canonical_name,
        "time_base": Fraction(cast(Fraction, stream.time_base)),
        "extradata": bytes(context.extradata or b""),
        "template": stream,
    }
    if stream.type == "audio":
        return Track(**common, rate=context.sample_rate, channels=context.channels)
    frame = next(av.open(stream.container.name).decode(video=0))
    return Track(**common, width=context.width, height=context.height, rotation=-frame.rotation % 360)


PICTURE = "testsrc2=s=320x180:r=30:d=12"
BEEPS = r"aevalsrc=if(lt(mod(t\,1)\,0.05)\,0.7*sin(2*PI*880*t)\,0.02*sin(2*PI*220*t)):s=48000:d=12"
# A tone of 0.3 s a second over steady noise at about -40 dB.
HISS = r"aevalsrc=if(lt(mod(t\,1)\,0.3)\,0.5*sin(2*PI*880*t))+0.035*(random(0)-0.5):s=48000:d=12"
BOTH = f"-f lavfi -i {PICTURE} -f lavfi -i {BEEPS}"
H264 = "-c:v libx264 -preset veryfast -g 60 -bf 3"
VPX = "-cpu-used 8 -deadline realtime -g 60"

# name -> suffix and what the bundled ffmpeg is told; no word of it holds a space
MEDIA = {
    "h264": (".ts", f"{BOTH} {H264} -c:a aac"),
    "open_gop": (".ts", f"{BOTH} {H264} -x264-params open-gop=1:scenecut=0:b-pyramid=normal -c:a aac"),
    "hevc": (
        ".ts",
        f"{BOTH} -c:v libx265 -preset ultrafast -g 60 -x265-params log-level=none:open-gop=1:bframes=3 -c:a aac",
    ),
    "vp9_opus": (".webm", f"{BOTH} -c:v libvpx-vp9 {VPX} -c:a libopus"),
    "av1_opus": (".mp4", f"{BOTH} -c:v libsvtav1 -preset 13 -g 60 -c:a libopus"),
    "vp8_vorbis": (".webm", f"{BOTH} -c:v libvpx {VPX} -c:a libvorbis"),
    "h264_pcm": (".mkv", f"{BOTH} {H264} -c:a pcm_s16le"),
    "surround": (".ts", f"{BOTH} {H264} -ac 6 -c:a aac"),
    "mono_44k": (".mp4", f"{BOTH} {H264} -ac 1 -ar 44100 -c:a aac"),
    "mp3": (".ts", f"{BOTH} {H264} -c:a libmp3lame"),
    "ac3": (".ts", f"{BOTH} {H264} -c:a ac3"),
    "flac": (".mkv", f"{BOTH} {H264} -c:a flac"),
    "vfr": (".mkv", f"{BOTH} -vf select='gt(mod(n,7),2)*gt(mod(n,90),20)' -fps_mode vfr {H264} -c:a aac"),
    "black_at_8": (".ts", f"{BOTH} -vf drawbox=t=fill:c=black:enable='between(t,7.5,8.5)' {H264} -c:a aac"),
    "full_hd": (".ts", f"-f lavfi -i testsrc2=s=1920x1080:r=30:d=2 -f lavfi -i {BEEPS} -t 2 {H264} -c:a aac"),
    "audio_only": (".ts", f"-f lavfi -i {BEEPS} -c:a aac"),
    "video_only": (".ts", f"-f lavfi -i {PICTURE} {H264}"),
    "late_audio": (
        ".ts",
        f"-f lavfi -i {PICTURE} -itsoffset 1 -f lavfi -i {BEEPS} {H264} -g 30 -c:a aac -t 12",
    ),
    "early_end": (".ts", f"-f lavfi -i {PICTURE} -t 9 -f lavfi -i {BEEPS} {H264} -c:a aac"),
}

# more rates and forms, for exact cuts and finished clips
EXACT_MEDIA = {
    "hiss": (".ts", f"-f lavfi -i {PICTURE} -f lavfi -i {HISS} {H264} -c:a aac"),
    "h264_2997": (".ts", f"{BOTH.replace('r=30', 'r=30000/1001')} {H264} -c:a aac"),
    "h264_50": (".mp4", f"{BOTH.replace('r=30', 'r=50')} {H264} -c:a aac"),
    "h264_444": (".ts", f"{BOTH} {H264} -pix_fmt yuv444p -c:a aac"),
    "hevc_mp4": (
        ".mp4",
        f"{BOTH} -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=60:bframes=3 -tag:v hvc1 -c:a aac",
    ),
}


def encode(target: Path, arguments: str) -> Path:
    """Run the bundled ffmpeg; `arguments` are inputs and codecs, separated by blanks."""
    if not target.exists():
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments.split(), str(target)]
        subprocess.run(command, check=True, timeout=60, stderr=subprocess.DEVNULL)
    return target
