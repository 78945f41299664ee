"""thumbnail.jpg: the best keyframe of a written clip, or a waveform drawn by us where there is no picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Final, cast

import av
import av.container
import numpy as np
from numpy.typing import NDArray

from core.errors import BadMedia, CutRefused
from core.times import Ns, to_s
from daemon.avopen import open_media

MAX_WIDTH: Final = 1280
_CANDIDATES: Final = 8
_HEAD_FRAMES: Final = 20  # leading pictures of an open GOP may come out before its keyframe: at most 16
_BLACK: Final = 24.0  # mean luma of 255; studio black is 16
_WHITE: Final = 235.0
_FLAT: Final = 4.0  # standard deviation of luma below which there is nothing to see
_NEAR_S: Final = 4.0  # a keyframe this far from the anchor needs to be twice as sharp
_WAVE: Final = (1280, 320)
_WAVE_INK: Final = (56, 132, 255)
_WAVE_PAPER: Final = (16, 20, 28)

Image = NDArray[np.uint8]


def write_thumbnail(path: Path, master: Path, keyframes_ns: Sequence[Ns], anchor_ns: Ns) -> None:
    """`keyframes_ns` and `anchor_ns` count from the clip's start. Raises CutRefused when no picture decodes."""
    try:
        with open_media(master, "mov") as media:
            image = _best_picture(media, keyframes_ns, anchor_ns) if media.streams.video else _waveform(media)
    except (BadMedia, av.FFmpegError) as err:
        raise no_picture() from err
    path.write_bytes(encode_jpeg(image))


def _best_picture(media: av.container.InputContainer, keyframes_ns: Sequence[Ns], anchor_ns: Ns) -> Image:
    """The sharpest near the anchor that is neither black, white nor flat; the nearest when all are."""
    nearest = sorted(keyframes_ns, key=lambda t_ns: abs(t_ns - anchor_ns))[:_CANDIDATES]
    times = dict.fromkeys((*nearest, Ns(0)))  # the head is known to decode
    scored = [(_score(frame, t_ns, anchor_ns), frame) for t_ns, frame in _pictures(media, [*times])]
    if not scored:
        raise no_picture()
    _, best = max(scored, key=lambda pair: pair[0])
    return upright(best)


def _pictures(media: av.container.InputContainer, times_ns: Sequence[Ns]) -> Iterator[tuple[Ns, av.VideoFrame]]:
    stream = media.streams.video[0]
    stream.codec_context.thread_count = 1
    time_base = Fraction(cast(Fraction, stream.time_base))
    for t_ns in times_ns:
        media.seek(round(to_s(t_ns) / time_base), stream=stream)
        for frame in islice(media.decode(stream), _HEAD_FRAMES):
            if frame.key_frame and not frame.is_corrupt:
                yield t_ns, frame
                break


def _score(frame: av.VideoFrame, t_ns: Ns, anchor_ns: Ns) -> float:
    """Sharpness (variance of the Laplacian of a small grey picture), halved every 4 s away from the anchor."""
    grey = frame.reformat(width=320, height=max(2, 320 * frame.height // max(1, frame.width)), format="gray")
    luma = grey.to_ndarray().astype(np.float32)
    far = abs(to_s(Ns(t_ns - anchor_ns))) / _NEAR_S
    if not _BLACK < float(luma.mean()) < _WHITE or float(luma.std()) < _FLAT:
        return -1.0 - far
    edges = 4 * luma[1:-1, 1:-1] - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]
    return float(np.log2(1.0 + edges.var())) - far


def upright(frame: av.VideoFrame) -> Image:
    """RGB as a player shows it: turned, pixels square, at most MAX_WIDTH wide."""
    turns = round(frame.rotation / 90) % 4
    width, height = frame.width, frame.height
    shown = height if turns % 2 else width
    scale = min(1.0, MAX_WIDTH / max(1, shown))
    small = frame.reformat(width=_even(width * scale), height=_even(height * scale), format="rgb24")
    return np.ascontiguousarray(np.rot90(small.to_ndarray(), turns)).astype(np.uint8)


def _waveform(media: av.container.InputContainer) -> Image:
    """Loudness over time as bars around a middle line; drawn from the sound alone, no text."""
    width, height = _WAVE
    resampler = av.AudioResampler(format="flt", layout="mono", rate=8000)
    pieces = [
        part.to_ndarray().ravel()
        for frame in media.decode(media.streams.audio[0])
        for part in resampler.resample(frame)
    ]
    samples = np.abs(np.concatenate(pieces)) if pieces else np.zeros(1, np.float32)
    columns = np.array([chunk.max() if len(chunk) else 0.0 for chunk in np.array_split(samples, width)])
    bars = np.sqrt(columns / max(float(columns.max()), 1e-4)) * (height / 2 - 8)
    rows = np.abs(np.arange(height) - height // 2)[:, None]
    inked = rows <= np.maximum(bars, 1.0)[None, :]
    return np.where(inked[..., None], np.array(_WAVE_INK), np.array(_WAVE_PAPER)).astype(np.uint8)


def encode_jpeg(image: Image) -> bytes:
    """RGB with even sides as a JPEG; the same bytes for the same picture."""
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuvj420p")
    encoder = av.VideoCodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": "3", "qmax": "3", "flags": "+bitexact"}
    return b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))


def _even(value: float) -> int:
    return max(2, round(value / 2) * 2)


def no_picture() -> CutRefused:
    """Nothing of a clip can be shown."""
    return CutRefused(
        "No picture of the clip decodes", remedy="The footage there is damaged; cut elsewhere.", code="unclean_head"
    )
