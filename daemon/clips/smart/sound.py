"""The sound of an exact clip: the source's packets, cut to the sample by an edit list, or decoded, joined, coded anew.

Copied is the sound of one piece that has it from its first frame to its last. Everything else is coded as AAC:
several pieces, with a crossfade of 15 ms at each joint, and one in which sound begins late or ends early, with silence.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import av.stream

from core.errors import CutRefused
from core.media import Packet, Track
from core.times import NS_PER_S, Ns, to_s
from daemon.avopen import open_media
from daemon.clips.convert import RECODE_AAC
from daemon.clips.mux import MP4_CODECS
from daemon.clips.plan import PREROLL_NS
from daemon.clips.smart.encode import SHIFT_S, Nut, decoders
from daemon.clips.smart.model import CROSSFADE_NS, MAX_OFFSET_NS, Piece
from daemon.clips.smart.scan import Scan
from daemon.ffmpeg import Chain, Expression, FfmpegFailed, Filter, Limits, chain, read_media, run_ffmpeg
from daemon.ffmpeg.graph import Graph

_LATE_NS: Final = MAX_OFFSET_NS // 4  # sound may begin this much after the picture, or end before it, and be copied
_WHOLE: Final = frozenset({"mp3", "ac3", "eac3"})  # demuxers take these packets at full length, whatever a file states
_WARM_UP_NS: Final = max(PREROLL_NS.values())
_CPU_S: Final = 60.0
_CPU_S_PER_MEDIA_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class CopiedSound:
    """Packets without their bytes; the first `preroll` of them warm the decoder up and are not heard."""

    packets: tuple[Packet, ...]
    preroll: int


def copied_sound(scan: Scan, piece: Piece) -> CopiedSound | None:
    """The packets that cover a piece from its first frame to its last; None where they don't, or MP4 has no such."""
    track, audio = scan.reel.track("audio"), scan.audio
    if track is None or track.codec not in MP4_CODECS:
        return None
    first = bisect_left(audio, piece.start_ns + 1, key=lambda packet: packet.end_ns)
    last = bisect_left(audio, piece.end_ns, key=lambda packet: packet.pts_ns)
    if track.codec in _WHOLE and last - first > 1 and _middle(audio[last - 1]) > piece.end_ns:
        last -= 1  # the end of the one before lies nearer
    heard = audio[first:last]
    late_ns = MAX_OFFSET_NS if track.codec in _WHOLE else _LATE_NS
    if not heard or heard[0].pts_ns - piece.start_ns > _LATE_NS or piece.end_ns - heard[-1].end_ns > late_ns:
        return None
    reach_ns = heard[0].pts_ns - PREROLL_NS.get(track.codec, Ns(0))
    start = bisect_left(audio, reach_ns + 1, key=lambda packet: packet.end_ns, hi=first)
    return CopiedSound(tuple(audio[start:last]), first - start)


def has_sound(scan: Scan, piece: Piece) -> bool:
    """Whether anything is to be heard in the piece."""
    return any(packet.end_ns > piece.start_ns and packet.pts_ns < piece.end_ns for packet in scan.audio)


def placed(copied: CopiedSound, packets: Iterator[Packet], piece: Piece, rate: int) -> Iterator[Packet]:
    """Copied packets on the file's clock in samples, 0 = the first frame; the last one ends with the picture."""
    wanted, first = {packet.pts for packet in copied.packets}, copied.packets[copied.preroll]
    offset, end = Fraction(first.pts_ns - piece.start_ns, NS_PER_S), round(Fraction(piece.length_ns, NS_PER_S) * rate)
    for packet in packets:
        if packet.kind == "audio" and packet.pts in wanted:
            at = round(((packet.pts - first.pts) * packet.time_base + offset) * rate)
            yield _cut(packet, at, round(packet.duration * packet.time_base * rate), end, rate)


class CodedSound:
    """Sound that ffmpeg has joined and coded."""

    def __init__(self, path: Path, length_ns: int) -> None:
        self._container = open_media(path, "mov")
        stream = self._container.streams.best("audio")
        if stream is None:
            raise sound_failed("nothing came out")
        self._stream, self._length_ns = stream, length_ns
        rate = stream.codec_context.sample_rate  # type: ignore[attr-defined]  # an audio stream has one
        self.track = Track(kind="audio", codec="aac", time_base=Fraction(1, rate), rate=rate, template=stream)

    def packets(self) -> Iterator[Packet]:
        """On the file's clock in samples."""
        rate = self.track.rate
        end = round(Fraction(self._length_ns, NS_PER_S) * rate)
        self._container.seek(0, stream=self._stream)
        for coded in self._container.demux(self._stream):
            if coded.pts is not None and coded.size:
                at = round(coded.pts * coded.time_base * rate)
                if at < end:
                    yield _sample_packet(coded, at, end, rate)

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()


def code_sound(scans: Sequence[Scan], pieces: Sequence[Piece], work: Path, stack: ExitStack) -> CodedSound:
    """One AAC track under all pieces; `stack` closes it. Raises CutRefused(`sound_failed`)."""
    rate = next((track.rate for scan in scans if (track := scan.reel.track("audio"))), 0) or 48_000
    fade = round(CROSSFADE_NS * rate / NS_PER_S / 2)
    inputs: list[str] = []
    chains: list[Chain] = []
    at_ns = 0
    for number, (scan, piece) in enumerate(zip(scans, pieces, strict=True)):
        before, after = fade if number else 0, fade if number + 1 < len(pieces) else 0
        count = _samples(at_ns + piece.length_ns, rate) - _samples(at_ns, rate) + before + after
        at_ns += piece.length_ns
        first_ns = _written(work / f"sound{number}.nut", scan, piece)
        if first_ns is None:
            silence = Filter.of("aevalsrc", exprs=Expression("0"), s=rate)
            chains.append(chain((), [silence, *_exactly(count)], f"s{number}"))
            continue
        track = cast(Track, scan.reel.track("audio"))
        pad = f"{sum(word == '-i' for word in inputs)}:a"
        inputs += read_media(f"sound{number}.nut", "nut", decoders=decoders(track))
        start = round((SHIFT_S + Fraction(piece.start_ns - first_ns, NS_PER_S)) * rate) - before
        begin = [Filter.of("aresample", osr=rate, **{"async": 1}, first_pts=start)]
        chains.append(chain(pad, [*begin, *_exactly(count)], f"s{number}"))
    return _joined(inputs, chains, len(pieces), 2 * fade, at_ns, work, stack)


def sound_failed(why: str) -> CutRefused:
    """Sound that could not be joined."""
    return CutRefused(
        f"The sound at a cut point could not be coded anew ({why})",
        remedy="The footage there is damaged; cut a little earlier or later.",
        code="sound_failed",
    )


def _joined(
    inputs: list[str], chains: list[Chain], pieces: int, fade: int, length_ns: int, work: Path, stack: ExitStack
) -> CodedSound:
    last = "s0"
    for number in range(1, pieces):
        joint = Filter.of("acrossfade", ns=fade, c1="qsin", c2="qsin")
        chains.append(chain((last, f"s{number}"), [joint], f"j{number}"))
        last = f"j{number}"
    limit_s = _CPU_S + _CPU_S_PER_MEDIA_S * to_s(length_ns)
    arguments = ["-copyts", *inputs, "-filter_complex", Graph(tuple(chains)).text(), "-map", f"[{last}]"]
    arguments += [*RECODE_AAC, "-map_metadata", "-1", "-fflags", "+bitexact", "-f", "mp4", "file:sound.mp4"]
    try:
        run_ffmpeg(arguments, folder=work, limits=Limits(cpu_s=limit_s, wall_s=limit_s))
    except FfmpegFailed as err:
        raise sound_failed(err.what) from err
    made = CodedSound(work / "sound.mp4", length_ns)
    stack.callback(made.close)
    return made


def _written(path: Path, scan: Scan, piece: Piece) -> Ns | None:
    """Write what is heard in a piece, warm-up and crossfades included; media time of its first packet."""
    from_ns, to_ns = piece.start_ns - CROSSFADE_NS - _WARM_UP_NS, piece.end_ns + CROSSFADE_NS
    wanted = {packet.pts for packet in scan.audio if packet.end_ns > from_ns and packet.pts_ns < to_ns}
    if not wanted or not has_sound(scan, piece):
        return None
    first: Packet | None = None
    out = Nut(path, cast(Track, scan.reel.track("audio")))
    try:
        for packet in scan.reel.packets():
            if packet.kind == "audio" and packet.pts in wanted:
                first = first or packet
                out.write(packet, first.pts)
    except (av.FFmpegError, ValueError) as err:
        raise sound_failed(str(err)) from err
    finally:
        out.close()
    return first.pts_ns if first else None


def _exactly(count: int) -> list[Filter]:
    return [
        Filter.of("apad"),
        Filter.of("atrim", end_sample=count),
        Filter.of("asetpts", expr=Expression("PTS-STARTPTS")),
    ]


def _middle(packet: Packet) -> float:
    return (packet.pts_ns + packet.end_ns) / 2


def _sample_packet(coded: av.Packet[av.stream.Stream], at: int, end: int, rate: int) -> Packet:
    tick, length = Fraction(1, rate), round((coded.duration or 0) * coded.time_base * rate)
    made = Packet(kind="audio", pts=at, dts=at, duration=0, time_base=tick, is_keyframe=True, data=bytes(coded))
    return _cut(made, at, length, end, rate)


def _samples(value_ns: int, rate: int) -> int:
    return round(Fraction(value_ns, NS_PER_S) * rate)


def _cut(packet: Packet, at: int, duration: int, end: int, rate: int) -> Packet:
    return replace(packet, pts=at, dts=at, duration=max(1, min(duration, end - at)), time_base=Fraction(1, rate))
