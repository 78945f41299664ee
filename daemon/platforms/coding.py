"""How a clip is coded for a platform: quality bounded by a rate, and the rate by the bytes that are allowed. Pure.

The size holds by construction: the decoder's buffer model (VBV, ITU-T H.264 annex C) lets T seconds take no more than
T * rate + buffer, so rate = (bytes - sound - index) / (T + buffer in seconds). Where that leaves too few bits for a
pixel, the frame rate is halved and the picture scaled down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from core.errors import UsageError
from core.times import Ns, to_s
from daemon.ffmpeg import VideoCoding
from daemon.platforms.model import Canvas, Platform

BUFFER_S: Final = Fraction(1)  # of the VBV; shorter hurts scene cuts, longer costs bytes that may not be used
MARGIN: Final = 0.97  # of the bytes that are allowed are planned for
SOUND_OVER: Final = 1.08  # measured at 128 and 160 kbit/s: AAC's fast coder takes up to 1.03 of what it is told
# An MP4's index: 16 bytes a frame and 8 a packet of sound (stsz, ctts, stts, stss), 12 a chunk (stsc, stco), and boxes.
_INDEX_FRAME: Final = 24
_INDEX_PACKET: Final = 20
_INDEX_FIXED: Final = 8192
_PACKETS_S: Final = 47  # AAC: 48000 / 1024
# Judgement, not measured: under the first, motion breaks into blocks (x264 veryfast); under the second, all does.
LEAST_BITS_PIXEL: Final = 0.05
POOREST_BITS_PIXEL: Final = 0.015
SMOOTH_FPS: Final = 30
LEAST_FPS: Final = Fraction(23)
_SCALES: Final = (Fraction(1), Fraction(2, 3), Fraction(1, 2), Fraction(1, 3))  # 1080, 720, 540, 360
_LEAST_SOUND: Final = 64  # kbit/s, AAC-LC stereo that speech and music stand
_SOUND_SHARE: Final = 0.25  # of the bytes; over it the sound gets _LEAST_SOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """What one file for one platform is coded with."""

    video: VideoCoding
    sound_kbit_s: int
    reasons: tuple[str, ...]  # what was lowered and why; empty when nothing was


def bitrate_for(length_ns: Ns, max_bytes: int, *, fps: Fraction, sound_kbit_s: int) -> int:
    """kbit/s that a picture may take so that the file stays under `max_bytes`; 0 or less when none are left."""
    seconds = to_s(length_ns)
    sound = (seconds + 0.1) * sound_kbit_s * 125 * SOUND_OVER
    index = _INDEX_FIXED + seconds * (float(fps) * _INDEX_FRAME + _PACKETS_S * _INDEX_PACKET)
    return int((max_bytes * MARGIN - sound - index) / 125 / (seconds + float(BUFFER_S)))


def plan_coding(
    platform: Platform,
    length_ns: Ns,
    source_fps: Fraction,
    canvas: Canvas | None = None,
    *,
    max_bytes: int | None = None,
) -> Coding:
    """Size, frame rate and rates of a clip; `canvas` in the platform's stead, `max_bytes` for a second, tighter try.

    Raises UsageError(`no_room`) when the length cannot be coded in the bytes at any size.
    """
    shape, allowed = canvas or platform.canvas, max_bytes or platform.max_bytes
    fps = _thinned(source_fps, platform.max_fps)
    sound = platform.sound.kbit_s
    reasons = [] if fps == source_fps else [_fps_reason(fps, f"{platform.title} takes {platform.max_fps:g} at most")]
    if sound * 125 * to_s(length_ns) > allowed * _SOUND_SHARE and sound > _LEAST_SOUND:
        sound = _LEAST_SOUND
        reasons.append(f"The sound is coded at {sound} kbit/s: it would take over a quarter of the file.")
    tries = [(Fraction(1), fps), *((scale, _thinned(fps, SMOOTH_FPS)) for scale in _SCALES)]
    for number, (scale, rate) in enumerate(tries, 1):
        video = _video(
            platform,
            _scaled(shape, scale, platform),
            rate,
            bitrate_for(length_ns, allowed, fps=rate, sound_kbit_s=sound),
        )
        bits = _bits_a_pixel(video)
        if bits >= LEAST_BITS_PIXEL or video.max_kbit_s >= platform.video.max_kbit_s:
            break
        if number == len(tries) and bits < POOREST_BITS_PIXEL:
            raise UsageError(
                f"{to_s(length_ns):.0f} s do not fit into {allowed / 1e6:.1f} MB",
                remedy=f"Shorten the clip, or send it elsewhere than to {platform.title}.",
                code="no_room",
            )
    if rate != fps:
        reasons.append(_fps_reason(rate, f"{allowed / 1e6:.0f} MB leave {video.max_kbit_s} kbit/s"))
    if scale != 1:
        reasons.append(f"Scaled down to {video.width}x{video.height}: {video.max_kbit_s} kbit/s are left for it.")
    return Coding(video=video, sound_kbit_s=sound, reasons=tuple(reasons))


def tightened(coding: Coding, size: int, max_bytes: int) -> Coding:
    """For an encoder that went over (a hardware one may): the rate in proportion to what it took, and 3 % less."""
    rate = max(32, int(coding.video.max_kbit_s * max_bytes * MARGIN / size))
    video = replace(coding.video, max_kbit_s=rate, buffer_kbit=int(rate * BUFFER_S))
    said = f"Coded again at {rate} kbit/s: the first file had {size / 1e6:.2f} MB."
    return replace(coding, video=video, reasons=(*coding.reasons, said))


def _video(platform: Platform, canvas: Canvas, fps: Fraction, by_size: int) -> VideoCoding:
    rate = max(1, min(platform.video.max_kbit_s, by_size))
    return VideoCoding(
        width=canvas.width,
        height=canvas.height,
        fps=fps,
        crf=platform.video.crf,
        max_kbit_s=rate,
        buffer_kbit=max(1, int(rate * BUFFER_S)),
        preset=platform.video.preset,
        profile=platform.video.profile,
        level=platform.video.level,
        b_frames=platform.video.b_frames,
    )


def _bits_a_pixel(video: VideoCoding) -> float:
    return video.max_kbit_s * 1000 / float(video.width * video.height * video.fps)


def _thinned(fps: Fraction, most: float) -> Fraction:
    """Every n-th frame is kept, so that there are few enough: an even cadence, unlike 50 to 30. Where that would leave
    fewer than films have (35 to 17.5), the most that is allowed, unevenly."""
    limit = Fraction(most)
    if fps <= limit + Fraction(1, 10):
        return fps
    thinned = fps / -(-fps // limit)
    if thinned >= min(LEAST_FPS, limit):
        return thinned
    return limit


def _scaled(canvas: Canvas, scale: Fraction, platform: Platform) -> Canvas:
    least = Fraction(platform.min_side, min(canvas.width, canvas.height))
    by = max(scale, min(least, Fraction(1)))
    width, height = (max(16, 2 * round(side * by / 2)) for side in (canvas.width, canvas.height))
    return Canvas(width=width, height=height)


def _fps_reason(fps: Fraction, why: str) -> str:
    return f"{float(fps):.4g} frames a second: {why}."
