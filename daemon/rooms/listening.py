"""Sound and picture times out of a take's files. The bytes are a guest's: a limited child of ours decodes them.

Sound comes as raw samples and as a list of when each block of them begins, so that holes and jitter are seen and not
papered over; both lie in the caller's folder and are mapped, not read: an hour is 350 MB.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import av
import numpy as np

from core.errors import BadMedia
from daemon.avopen import open_media
from daemon.ffmpeg import RECORDED, FfmpegFailed, Filter, Graph, Limits, Name, chain, read_media, run_ffmpeg
from recorder.align import RATE, TimedSound

LEAD_S: Final = 1.0  # decoded before what is wanted: an Opus decoder settles in 80 ms, packets begin when they begin
HOLE_MS: Final = 2_000.0  # without a picture: a camera that is off. Screens that stand still send one a second or less
_CPU_S: Final = 60.0
_CPU_S_PER_S: Final = 0.2  # an hour of Opus takes 6 s on the reference machine
_LONGEST_S: Final = 24 * 3600.0
SILENT: Final = TimedSound.from_start(np.zeros(0, np.int16))


def link_in(path: Path, folder: Path, name: Name) -> Name:
    """A file under a name of ours in the child's folder, the file itself: what is still written to it is seen."""
    target = folder / name
    target.unlink(missing_ok=True)
    try:
        os.link(path, target)
    except OSError:  # another file system, or one without links; the child only reads it
        target.symlink_to(path.absolute())
    return name


def read_sound(
    path: Path, demuxer: str, folder: Path, *, span_ms: tuple[float, float] | None = None, stereo: bool = False
) -> TimedSound:
    """The first audio track, 48 kHz int16, of a span of the file's own time; all of it without one.

    SILENT where there is none, or where nothing of it can be decoded. Blocks.
    """
    folder.mkdir(exist_ok=True)
    link_in(path, folder, Name("sound"))
    near_s = None if span_ms is None else max(0.0, span_ms[0] / 1000 - LEAD_S)
    layouts = "mono|stereo" if stereo else "mono"
    filters = [Filter.of("aformat", sample_fmts="s16", sample_rates=RATE, channel_layouts=layouts)]
    if span_ms is not None:
        filters.insert(0, Filter.of("atrim", start=max(0.0, span_ms[0] / 1000), end=max(0.001, span_ms[1] / 1000)))
    graph = Graph((chain("0:a:0", [*filters, Filter.of("asplit")], ["pcm", "times"]),))
    coded = ["-c:a", "pcm_s16le"]
    arguments = ["-copyts", *read_media("sound", demuxer, decoders=RECORDED, near_s=near_s)]
    arguments += ["-filter_complex", graph.text(), "-map", "[pcm]", *coded, "-f", "s16le", "file:sound.pcm"]
    arguments += ["-map", "[times]", *coded, "-f", "framecrc", "file:sound.times"]
    length_s = _LONGEST_S if span_ms is None else (span_ms[1] - span_ms[0]) / 1000
    seconds = _CPU_S + _CPU_S_PER_S * length_s
    try:
        run_ffmpeg(arguments, folder=folder, limits=Limits(cpu_s=seconds, wall_s=4 * seconds))
    except FfmpegFailed:
        return SILENT  # no sound in it, or damaged from its start; what was decoded before damage comes out
    return _timed(folder / "sound.pcm", folder / "sound.times")


def frame_spans(path: Path, demuxer: str, span_ms: tuple[float, float] | None = None) -> list[tuple[float, float]]:
    """Where a file has a picture, in ms of its own time: from its first frame to its last, without long holes."""
    spans: list[tuple[float, float]] = []
    try:
        with open_media(path, demuxer) as media:
            for stream in media.streams.video[:1]:
                if span_ms is not None:
                    _seek(media, span_ms[0])
                for packet in media.demux(stream):
                    if packet.pts is None or packet.time_base is None:
                        continue
                    at_ms = float(packet.pts * packet.time_base * 1000)
                    if span_ms is not None and at_ms > span_ms[1]:
                        break
                    if not spans and not packet.is_keyframe:
                        continue  # cannot be decoded
                    if spans and at_ms - spans[-1][1] <= HOLE_MS:
                        spans[-1] = (spans[-1][0], max(at_ms, spans[-1][1]))
                    else:
                        spans.append((at_ms, at_ms))
    except (BadMedia, av.FFmpegError, OSError):
        pass  # what was read before the damage counts
    return spans


def last_ms(path: Path, demuxer: str) -> float:
    """The time of a file's last packet; 0 where there is none."""
    newest = 0.0
    try:
        with open_media(path, demuxer) as media:
            for packet in media.demux():
                if packet.pts is not None:
                    newest = max(newest, float(packet.pts * packet.time_base * 1000))
    except (BadMedia, av.FFmpegError, OSError):
        pass  # what was read before the damage counts
    return newest


def _seek(media: av.container.InputContainer, at_ms: float) -> None:
    try:
        media.seek(max(0, round(at_ms * 1000)))
    except av.FFmpegError:
        media.seek(0)


def _timed(pcm: Path, times: Path) -> TimedSound:
    """Of what the child wrote: `times` has lines `stream, dts, pts, samples, bytes, checksum` in ticks of a sample."""
    starts, times_ms, channels, at = [], [], 1, 0
    with times.open("r", encoding="ascii", errors="replace") as lines:
        for line in lines:
            fields = line.split(",")
            if line.startswith("#") or len(fields) < 6:
                continue
            pts, count, size = int(fields[2]), int(fields[3]), int(fields[4])
            if count <= 0:
                continue
            channels = max(1, size // (2 * count))
            starts.append(at)
            times_ms.append(pts / (RATE / 1000))
            at += count
    if not starts:
        return SILENT
    samples = np.memmap(pcm, np.int16, "r")
    whole = len(samples) // channels
    shaped = samples[: whole * channels].reshape(whole, channels) if channels > 1 else samples
    kept = np.array(starts) < whole
    return TimedSound(shaped, np.array(starts)[kept], np.array(times_ms, np.float64)[kept])
