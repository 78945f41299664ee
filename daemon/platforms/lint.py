"""Says why a finished file does not fit a platform, each with what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from core.times import Ns, to_s
from daemon.platforms.model import Platform

LOUDNESS_LU: Final = 1.0  # either side of the target
_VIDEO: Final = "h264"
_PIXELS: Final = frozenset({"yuv420p", "yuvj420p"})  # others play black in browsers or not at all
_AGAIN: Final = "Render it for this platform."


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What a finished file is. Loudness is None where it was not measured; sound fields where there is no sound."""

    length_ns: Ns
    size: int
    width: int
    height: int
    fps: Fraction
    video_codec: str
    pixel_format: str
    index_first: bool
    sound_codec: str | None = None
    sound_rate: int | None = None
    channels: int | None = None
    integrated_lufs: float | None = None
    true_peak_dbtp: float | None = None


@dataclass(frozen=True, slots=True)
class Misfit:
    """One reason; `code` is stable, `message` and `remedy` are for people."""

    code: str
    message: str
    remedy: str


def fits(facts: FileFacts, platform: Platform) -> list[Misfit]:
    """Every reason why the platform would refuse the file or play it badly; empty when it fits."""
    return [*_length(facts, platform), *_picture(facts, platform), *_coding(facts), *_sound(facts, platform)]


def _length(facts: FileFacts, platform: Platform) -> Iterator[Misfit]:
    seconds, title = to_s(facts.length_ns), platform.title
    if seconds > platform.max_s + 0.05:
        yield Misfit("too_long", f"{seconds:.1f} s; {title} takes {platform.max_s:g} s", "Cut it shorter.")
    if seconds < platform.min_s:
        yield Misfit("too_short", f"{seconds:.1f} s; {title} wants {platform.min_s:g} s", "Begin it earlier.")
    if facts.size > platform.max_bytes:
        had, most = facts.size / 1e6, platform.max_bytes / 1e6
        yield Misfit("too_large", f"{had:.1f} MB; {title} takes {most:.1f} MB", f"{_AGAIN[:-1]}, or cut it shorter.")


def _picture(facts: FileFacts, platform: Platform) -> Iterator[Misfit]:
    title, size = platform.title, f"{facts.width}x{facts.height}"
    if not platform.min_fps - 0.1 <= facts.fps <= platform.max_fps + 0.1:
        said = f"{float(facts.fps):.4g} frames a second; {title} takes {platform.min_fps:g} to {platform.max_fps:g}"
        yield Misfit("frame_rate", said, _AGAIN)
    if min(facts.width, facts.height) < platform.min_side or max(facts.width, facts.height) > platform.max_side:
        said = f"{size}; {title} takes sides of {platform.min_side} to {platform.max_side}"
        yield Misfit("picture_size", said, _AGAIN)
    if not platform.aspect.min <= facts.width / facts.height <= platform.aspect.max:
        said = f"{size}; {title} takes an aspect of {platform.aspect.min:g} to {platform.aspect.max:g}"
        yield Misfit(
            "aspect", said, f"Choose another format: its own is {platform.canvas.width}x{platform.canvas.height}."
        )


def _coding(facts: FileFacts) -> Iterator[Misfit]:
    if facts.video_codec != _VIDEO:
        yield Misfit("video_codec", f"The picture is {facts.video_codec}, not H.264", _AGAIN)
    if facts.pixel_format not in _PIXELS:
        yield Misfit("pixel_format", f"Pixels are {facts.pixel_format}; browsers play 4:2:0 with 8 bits", _AGAIN)
    if not facts.index_first:
        yield Misfit("index_at_end", "The index stands behind the media: it does not play before it is loaded", _AGAIN)


def _sound(facts: FileFacts, platform: Platform) -> Iterator[Misfit]:
    if facts.sound_codec is None:
        yield Misfit("no_sound", "There is no sound track", "Render it again: a silent track is written then.")
        return
    if facts.sound_codec != "aac":
        yield Misfit("sound_codec", f"The sound is {facts.sound_codec}, not AAC", _AGAIN)
    if facts.sound_rate is not None and facts.sound_rate > 48_000:
        yield Misfit("sound_rate", f"{facts.sound_rate} Hz; 48000 is the most", _AGAIN)
    if facts.channels is not None and facts.channels > 2:
        yield Misfit("channels", f"{facts.channels} channels; two are the most", _AGAIN)
    wanted = platform.sound
    if facts.integrated_lufs is not None and abs(facts.integrated_lufs - wanted.target_lufs) > LOUDNESS_LU:
        said = f"{facts.integrated_lufs:.1f} LUFS; {wanted.target_lufs:g} is wanted"
        yield Misfit("loudness", said, "Its recipe says why, where it was meant to be so; else render it again.")
    if facts.true_peak_dbtp is not None and facts.true_peak_dbtp > wanted.peak_dbtp:
        said = f"Peaks of {facts.true_peak_dbtp:.1f} dBTP; {wanted.peak_dbtp:g} is the most"
        yield Misfit("true_peak", said, _AGAIN)
