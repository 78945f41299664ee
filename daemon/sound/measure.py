"""Measures sound with the bundled ffmpeg: of a span of a master before its plan, and of finished files."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from core.errors import BadMedia, UsageError
from core.times import NS_PER_S, Ns
from daemon.avopen import open_media
from daemon.ffmpeg import Filter, Graph, Limits, Name, chain, read_media, run_ffmpeg
from daemon.sound import flatness
from daemon.sound.graph import treatment_graph
from daemon.sound.mixing import MAX_TRACKS, MixRule, choose_tracks
from daemon.sound.model import NO_PEAK_DBTP, SILENCE_LUFS, Loudness, SoundMeasure, Treatment

DEMUXERS: Final = {".mp4": "mov", ".m4a": "mov", ".mov": "mov", ".nut": "nut", ".ts": "mpegts", ".wav": "wav"}
MAX_LENGTH_NS: Final = Ns(3600 * NS_PER_S)
_BLOCK_S: Final = 0.4  # BS.1770's gating block; shorter sound is measured with silence behind it
_NOISE_S: Final = 120.0  # of the sound is looked at for noise
_PCM: Final = Name("noise.raw")
_SUMMARY: Final = re.compile(
    r"\[ebur128@(\w+) @ [^\]]*\] Summary:.*?I:\s+(\S+) LUFS.*?LRA:\s+(\S+) LU.*?Peak:\s+(\S+) dBFS", re.DOTALL
)


def audio_tracks(path: Path) -> int:
    """How many audio tracks a file has. Raises BadMedia, UsageError for a file name we have no reader for."""
    with open_media(path, _demuxer(path)) as container:
        return len(container.streams.audio)


def measure_sound(
    master: Path, start_ns: Ns, end_ns: Ns, treatment: Treatment | None = None, rule: MixRule | None = None
) -> SoundMeasure:
    """The sound from `start_ns` to `end_ns` of a master, after `treatment`; `rule` chooses the tracks in its stead.

    One decode of the sound alone (250 times real time on one core). Blocks. Raises FfmpegFailed, BadMedia, UsageError.
    """
    length_ns = Ns(end_ns - start_ns)
    if not 0 < length_ns <= MAX_LENGTH_NS:
        raise UsageError("A clip has between 0 and 3600 s of sound", remedy="Give an end after the start.")
    treatment, count = treatment or Treatment(), min(audio_tracks(master), MAX_TRACKS)
    uses = choose_tracks(count, rule) if rule else tuple(use for use in treatment.tracks if use.index < count)
    treatment = Treatment(tracks=uses, denoise=treatment.denoise, clarity=treatment.clarity, duck=treatment.duck)
    if not uses:
        return _soundless(length_ns, treatment)
    pads = [f"0:a:{index}" for index in range(count)]
    with opened(master, start_ns, length_ns) as (folder, source):
        graph, outputs = _listening(treatment, pads)
        arguments = [*source, "-filter_complex", graph.text()]
        for pad in outputs:
            arguments += ["-map", f"[{pad}]", "-f", "null", "-"]
        noise = ["-map", "[noise]", "-t", f"{_NOISE_S}", "-c:a", "pcm_f32le", "-f", "f32le", _PCM]
        said = run_ffmpeg([*arguments, *noise], folder=folder, limits=limits(length_ns))
        flat = flatness.band_flatness(np.fromfile(folder / _PCM, dtype=np.float32))
    heard = _summaries(said)
    by_track = tuple(heard[f"track{number}"] for number in range(len(uses)))
    return SoundMeasure(
        length_ns=length_ns, loudness=heard["mix"], by_track=by_track, flatness=round(flat, 3), treatment=treatment
    )


def check_sound(path: Path) -> Loudness:
    """What a finished file's first audio track sounds like once decoded: gated loudness, true peak, range.

    Silence is -70 LUFS and -120 dBTP. Blocks. Raises FfmpegFailed, BadMedia when there is no sound, UsageError.
    """
    if not audio_tracks(path):
        raise BadMedia(f"{path.name} has no sound", remedy="Render it again; finished clips always have a sound track.")
    graph = Graph((chain("0:a:0", [*_padded(), _meter("mix")], "out"),))
    with opened(path, Ns(0), None) as (folder, source):
        arguments = [*source, "-filter_complex", graph.text(), "-map", "[out]", "-f", "null", "-"]
        said = run_ffmpeg(arguments, folder=folder, limits=limits(MAX_LENGTH_NS))
    return _summaries(said)["mix"]


@contextmanager
def opened(path: Path, start_ns: Ns, length_ns: Ns | None) -> Iterator[tuple[Path, list[str]]]:
    """A folder of its own with the file in it under a name of ours, and ffmpeg's arguments that read the span."""
    demuxer = _demuxer(path)
    with tempfile.TemporaryDirectory(prefix="clipd-sound-") as name:
        folder = Path(name)
        (folder / "source").symlink_to(path.resolve())
        yield (
            folder,
            read_media(
                "source",
                demuxer,
                seek_s=start_ns / NS_PER_S,
                duration_s=None if length_ns is None else length_ns / NS_PER_S,
            ),
        )


def limits(length_ns: Ns) -> Limits:
    """Of one pass over so much sound. Judgement: four times real time on a busy machine, and half a minute to begin."""
    seconds = 30 + length_ns / NS_PER_S / 4
    return Limits(cpu_s=seconds, wall_s=3 * seconds, file_bytes=1 << 30)


def _listening(treatment: Treatment, pads: list[str]) -> tuple[Graph, list[str]]:
    """Meters for each track and for the mix, and the mix at 16 kHz for `flatness`."""
    chains, taken = [], list(pads)
    for number, use in enumerate(treatment.tracks):
        taken[use.index] = f"use{number}"
        chains.append(chain(pads[use.index], [Filter.of("asplit", outputs=2)], [f"use{number}", f"hear{number}"]))
        chains.append(chain(f"hear{number}", [*_padded(), _meter(f"track{number}")], f"track{number}"))
    mixed = treatment_graph(treatment, taken, "mixed", None)
    chains.append(chain("mixed", [Filter.of("asplit", outputs=2)], ["whole", "sample"]))
    chains.append(chain("whole", [*_padded(), _meter("mix")], "mix"))
    pcm = [Filter.of("aresample", osr=flatness.RATE), Filter.of("aformat", sample_fmts="flt", channel_layouts="mono")]
    chains.append(chain("sample", pcm, "noise"))
    outputs = [*(f"track{number}" for number in range(len(treatment.tracks))), "mix"]
    return mixed + Graph(tuple(chains)), outputs


def _padded() -> list[Filter]:
    """As the finished clip will be: stereo at 48 kHz, long enough for one gating block."""
    form = Filter.of("aformat", sample_fmts="fltp", sample_rates=48_000, channel_layouts="stereo")
    return [form, Filter.of("apad", whole_dur=_BLOCK_S)]


def _meter(name: str) -> Filter:
    return Filter.of("ebur128", name, peak="true", framelog="quiet")


def _summaries(said: str) -> dict[str, Loudness]:
    found = {
        name: Loudness(
            integrated_lufs=max(_number(lufs), SILENCE_LUFS),
            true_peak_dbtp=max(_number(peak), NO_PEAK_DBTP),
            range_lu=max(_number(spread), 0.0),
        )
        for name, lufs, spread, peak in _SUMMARY.findall(said)
    }
    if not found:
        raise BadMedia("The sound cannot be measured", remedy="It is damaged there, or there is none; try to play it.")
    return found


def _number(text: str) -> float:
    value = float(text)
    return -math.inf if math.isnan(value) else value  # nan: no block at all


def _soundless(length_ns: Ns, treatment: Treatment) -> SoundMeasure:
    nothing = Loudness(integrated_lufs=SILENCE_LUFS, true_peak_dbtp=NO_PEAK_DBTP, range_lu=0.0)
    return SoundMeasure(length_ns=length_ns, loudness=nothing, by_track=(), flatness=0.0, treatment=treatment)


def _demuxer(path: Path) -> str:
    try:
        return DEMUXERS[path.suffix.lower()]
    except KeyError:
        raise UsageError(
            f"{path.name[:60]} is no file we measure", remedy=f"Give one of: {', '.join(sorted(DEMUXERS))}."
        ) from None
