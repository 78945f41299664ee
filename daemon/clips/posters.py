"""Three posters for a finished clip: sharp, well-exposed pictures, with a face where there is one, apart in time.

`write_thumbnail` makes the one that every clip has at once, from a keyframe; this looks longer, once the master is
out, or judges what others look at (`Candidates`). A choice is a value: with it `poster_jpegs` makes the same picture
again without looking.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, Final

import av
import av.container
import numpy as np

from core.errors import BadMedia
from core.times import NS_PER_S, Ns, ns, ns_to_ticks, ticks_to_ns, to_s
from daemon.avopen import open_media
from daemon.clips.picture_quality import FaceBox, FaceFinder, Image, Marks, marks_of, total
from daemon.clips.thumbnail import encode_jpeg, no_picture, upright

POSTERS: Final = ("thumbnail.jpg", "thumbnail-2.jpg", "thumbnail-3.jpg")
_SPOTS: Final = 12  # places of the clip that are looked at, spread evenly, and the anchor
_RUN: Final = 24  # pictures decoded at each, from its keyframe on
_STEP: Final = 6  # of which every sixth is looked at: 300 decoded and 52 judged in all
_FACED: Final = 20  # of them are searched for faces
_SMALL: Final = 360  # px of the shorter side of what is judged
_APART_NS: Final = ns(3.0)  # between posters; less where the clip is short
_LEAST_APART_NS: Final = ns(0.3)
_FACE_AT: Final = 0.42  # of the height, where a face stands in a poster of another shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """A chosen picture of a file: its time, and the largest face in shares of the picture, if one was found."""

    t_ns: Ns
    score: float
    marks: Marks
    face: FaceBox | None = None

    def to_json(self) -> dict[str, Any]:
        """As in clip.json."""
        return {**asdict(self), "face": list(self.face) if self.face else None}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Poster:
        """What to_json gave. Raises KeyError, TypeError, ValueError."""
        face = document["face"]
        return cls(
            t_ns=Ns(int(document["t_ns"])),
            score=float(document["score"]),
            marks=Marks(**document["marks"]),
            face=FaceBox(*map(float, face)) if face else None,
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    run: int
    t_ns: Ns
    image: Image


class Candidates:
    """Pictures of a file that were decoded for something else and searched for faces; each is judged when it comes."""

    def __init__(self, anchor_ns: Ns) -> None:
        self._anchor_ns = anchor_ns
        self._judged: dict[Ns, Poster] = {}

    def add(self, t_ns: Ns, image: Image, faces: Sequence[FaceBox]) -> None:
        """`t_ns` in the file; upright RGB of any size, about 360 px on its shorter side."""
        if t_ns not in self._judged:
            self._judged[t_ns] = _poster(_Seen(0, t_ns, image), self._anchor_ns, faces)[0]

    def best(self, length_ns: Ns, count: int = 3) -> list[Poster]:
        """As `find_posters`; [] when nothing was added."""
        ranked = sorted(self._judged.values(), key=lambda poster: (-poster.score, poster.t_ns))
        return _choose(ranked, min(count, len(ranked)), length_ns) if ranked else []


def find_posters(master: Path, anchor_ns: Ns, *, faces: FaceFinder | None = None, count: int = 3) -> list[Poster]:
    """The best first; fewer where the clip is too short. `anchor_ns` counts from the clip's start, as their times do.

    `faces` gets RGB of _SMALL px on its shorter side. Blocks for some seconds. Raises CutRefused when nothing
    decodes; [] for a clip of sound alone.
    """
    try:
        with open_media(master, "mov") as media:
            if not media.streams.video:
                return []
            length_ns = Ns((media.duration or 0) * (NS_PER_S // av.time_base))
            seen = list(_look(media, length_ns, anchor_ns))
    except (BadMedia, av.FFmpegError) as err:
        raise no_picture() from err
    if not seen:
        raise no_picture()
    return _choose(_judged(seen, anchor_ns, faces), count, length_ns)


def poster_jpegs(master: Path, poster: Poster, shapes: Sequence[tuple[int, int] | None] = (None,)) -> list[bytes]:
    """The picture, decoded once, at most 1280 px wide; a shape (9, 16) cuts another aspect out, around the face.

    Raises CutRefused when it does not decode.
    """
    try:
        with open_media(master, "mov") as media:
            frame = _frame_at(media, poster.t_ns)
            image = upright(frame) if frame is not None else None
    except (BadMedia, av.FFmpegError) as err:
        raise no_picture() from err
    if image is None:
        raise no_picture()
    return [encode_jpeg(cut_out(image, shape, poster.face) if shape else image) for shape in shapes]


def cut_out(image: Image, shape: tuple[int, int], face: FaceBox | None) -> Image:
    """The largest part of that aspect; its middle is the face's, else the picture's. Sides are even."""
    height, width = image.shape[:2]
    aspect = Fraction(*shape)
    wide, high = min(width, int(height * aspect)), min(height, int(width / aspect))
    wide, high = max(2, wide // 2 * 2), max(2, high // 2 * 2)
    x, y = (width - wide) / 2, (height - high) / 2
    if face:
        x, y = (face.x + face.w / 2) * width - wide / 2, (face.y + face.h / 2) * height - high * _FACE_AT
    left, top = int(np.clip(x, 0, width - wide)), int(np.clip(y, 0, height - high))
    return np.ascontiguousarray(image[top : top + high, left : left + wide])


def _look(media: av.container.InputContainer, length_ns: Ns, anchor_ns: Ns) -> Iterator[_Seen]:
    """Small pictures from runs that begin at keyframes; each run once."""
    stream = media.streams.video[0]
    stream.codec_context.thread_count = 1
    base = Fraction(stream.time_base or 1)
    spots = [Ns(length_ns * (2 * k + 1) // (2 * _SPOTS)) for k in range(_SPOTS)]
    begun: set[int] = set()
    for spot_ns in (anchor_ns, *spots):
        media.seek(ns_to_ticks(max(0, spot_ns), base), stream=stream)
        for number, frame in enumerate(islice(media.decode(stream), _RUN)):
            if frame.pts is None or frame.is_corrupt:
                continue
            if number == 0:
                if frame.pts in begun:
                    break
                begun.add(frame.pts)
            if number % _STEP == 0:
                yield _Seen(len(begun), ticks_to_ns(frame.pts, base), _small(frame))


def _judged(seen: Sequence[_Seen], anchor_ns: Ns, faces: FaceFinder | None) -> list[Poster]:
    """Best first. Faces are searched for in the best of each run, so in every part of the clip, then in the others."""
    plain = sorted((_poster(one, anchor_ns, None) for one in seen), key=lambda pair: -pair[0].score)
    if faces is None:
        return [poster for poster, _ in plain]
    of_runs = {one.run: one.t_ns for _, one in reversed(plain)}
    searched = sorted((one for _, one in plain), key=lambda one: of_runs[one.run] != one.t_ns)[:_FACED]
    again = (_poster(one, anchor_ns, faces(one.image))[0] for one in searched)
    return sorted(again, key=lambda poster: -poster.score)


def _poster(one: _Seen, anchor_ns: Ns, found: Sequence[FaceBox] | None) -> tuple[Poster, _Seen]:
    marks = marks_of(one.image, found)
    height, width = one.image.shape[:2]
    face = max(found, key=lambda box: box.w * box.h) if found else None
    shares = FaceBox(face.x / width, face.y / height, face.w / width, face.h / height) if face else None
    score = round(total(marks, to_s(Ns(one.t_ns - anchor_ns))), 4)
    return Poster(t_ns=one.t_ns, score=score, marks=marks, face=shares), one


def _choose(ranked: Sequence[Poster], count: int, length_ns: Ns) -> list[Poster]:
    """The best, then the best that lie apart from those; nearer to each other only where the clip is short."""
    apart_ns = min(_APART_NS, length_ns // (2 * count))
    chosen: list[Poster] = []
    while True:
        for poster in ranked:
            if len(chosen) < count and all(abs(poster.t_ns - other.t_ns) >= apart_ns for other in chosen):
                chosen.append(poster)
        if len(chosen) == count or apart_ns <= _LEAST_APART_NS:
            return sorted(chosen, key=lambda poster: -poster.score)
        apart_ns //= 2


def _frame_at(media: av.container.InputContainer, t_ns: Ns) -> av.VideoFrame | None:
    """The frame with that time, decoded from the keyframe before it; the nearest after it if there is none."""
    stream = media.streams.video[0]
    base = Fraction(stream.time_base or 1)
    wanted = ns_to_ticks(t_ns, base)
    media.seek(wanted, stream=stream)
    return next((frame for frame in media.decode(stream) if frame.pts is not None and frame.pts >= wanted), None)


def _small(frame: av.VideoFrame) -> Image:
    """Upright RGB of _SMALL px on its shorter side, or less."""
    scale = min(1.0, _SMALL / min(frame.width, frame.height))
    width, height = (max(2, round(side * scale / 2) * 2) for side in (frame.width, frame.height))
    small = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    return np.ascontiguousarray(np.rot90(small, round(frame.rotation / 90) % 4)).astype(np.uint8)
