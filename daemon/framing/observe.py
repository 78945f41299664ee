"""Looks at a clip: faces some times a second, cuts to the frame, borders that stand still, motion.

Decoding costs most, so of each GOP only the beginning is decoded (`BURST_NS`) while nothing happens: the next keyframe
shows the same faces in the same places and about the same greys, and no packet on the way is unusually large. A GOP in
which something happens, or where two people may take turns in speaking, is decoded to its end.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice, pairwise
from math import hypot
from pathlib import Path
from typing import Final, NamedTuple, cast

import av
import numpy as np
from numpy.typing import NDArray

from core.errors import BadMedia
from core.times import NS_PER_S, Ns
from daemon.framing.ahead import ahead
from daemon.framing.cuts import MIN_TINTS, Seen, change, find_cuts
from daemon.framing.faces import Face, FaceFinder, Picture
from daemon.framing.footage import Footage, Gop, Shape, thumb_of
from daemon.framing.mouths import Features, features_of, mouth_motion
from daemon.framing.observations import MAX_SAMPLES, Observations, Sample, SeenFace
from daemon.framing.stillness import find_insets, motion_of
from daemon.framing.values import Box

SAMPLE_NS: Final = NS_PER_S // 4
BURST_NS: Final = 45 * NS_PER_S // 100
THOROUGH_NS: Final = 3 * NS_PER_S  # how often small faces are searched for everywhere
_CLOSE_NS: Final = 6 * NS_PER_S // 10  # behind a keyframe: three looks
_LONGEST_GAP_NS: Final = 4 * NS_PER_S  # that may stay unseen
_SPIKE: Final = 4.0  # a packet by the median of its GOP: something new came into the picture
_SPIKE_OF_KEY: Final = 0.25  # and by its keyframe, for pictures that hardly move at all
_MOVED: Final = 0.35  # face widths between a burst's end and the next keyframe
_RIVAL: Final = 0.5  # a second face this large by the first may be the one that speaks


# Told of looks at pictures that lie close behind their keyframe, so that they are soon decoded again: the time in the
# file, upright RGB of at most 640 px a side, the faces in it.
Onlooker = Callable[[Ns, Picture, Sequence[Face]], None]


class _Look(NamedTuple):
    """One picture that was looked at, in its own px; `grey` is half its size."""

    t_ns: Ns
    faces: tuple[Face, ...]
    features: tuple[Features, ...]
    grey: NDArray[np.uint8]


def observe(
    master: Path, start_ns: int, end_ns: int, finder: FaceFinder, onlooker: Onlooker | None = None
) -> Observations:
    """Look at a span of a master; times of the answer count from `start_ns`. Blocks, on two cores.

    Raises BadMedia when there is no picture.
    """
    with Footage(master, start_ns, end_ns) as footage:
        eye = _Eye(footage, finder, onlooker)
        seen = eye.observations(eye.look())
    return Observations.from_json(seen.to_json())  # rounded: a plan made from what is kept is the same


class _Eye:
    """Collects looks and thumbs of one clip."""

    def __init__(self, footage: Footage, finder: FaceFinder, onlooker: Onlooker | None) -> None:
        self._footage, self._finder, self._onlooker = footage, finder, onlooker
        self._gops = footage.gops()
        self._every_ns = max(SAMPLE_NS, footage.length_ns // (MAX_SAMPLES // 2))
        self._looks: dict[Ns, _Look] = {}
        self._seen: dict[Ns, Seen] = {}
        self._shape: Shape | None = None
        self._thorough_ns = -THOROUGH_NS

    def look(self) -> list[Ns]:
        """Keyframes first, then what lies between them; returns the times of first frames after cuts."""
        last_ns = -self._every_ns
        with closing(ahead(self._heads())) as heads:
            for gop, t_ns, frame in heads:
                self._take(gop, t_ns, frame, closely=t_ns - last_ns >= self._every_ns)
                last_ns = t_ns if t_ns in self._looks else last_ns
        for gop, following in zip(self._gops, [*self._gops[1:], None], strict=True):
            self._between(gop, following)
        if not self._looks:
            raise BadMedia("No picture of the clip decodes", remedy="Cut elsewhere.", code="no_picture")
        seen = [self._seen[t_ns] for t_ns in sorted(self._seen)]
        return sorted({self._exact(before, after) for before, after in find_cuts(seen)} - {Ns(0)})

    def observations(self, cuts: Sequence[Ns]) -> Observations:
        """Everything, in source px."""
        assert self._shape is not None  # it came with the first frame
        size = self._shape.size
        looks = [self._looks[t_ns] for t_ns in sorted(self._looks)]
        samples = _samples(looks, size.width / (2 * looks[0].grey.shape[1]))
        greys = np.stack([look.grey for look in looks])
        edges = [Ns(0), *cuts, self._footage.length_ns]
        return Observations(
            size=size,
            stretched=self._shape.stretched,
            rate=self._footage.rate,
            length_ns=self._footage.length_ns,
            finder=self._finder.name,
            cuts_ns=tuple(cuts),
            samples=tuple(samples),
            insets=tuple(find_insets(greys, samples, size)),
            motion=tuple(motion_of(greys, samples, list(pairwise(edges)))),
        )

    def _heads(self) -> Iterator[tuple[Gop, Ns, av.VideoFrame]]:
        """The first picture of each GOP."""
        for gop in self._gops:
            for t_ns, frame in islice(self._footage.frames(gop), 1):
                yield gop, t_ns, frame

    def _between(self, gop: Gop, following: Gop | None) -> None:
        """Decode a GOP, or its beginning when nothing happens after that."""
        if gop.times_ns[-1] - gop.times_ns[0] < self._every_ns:
            return
        last_ns = gop.times_ns[0]
        quiet: bool | None = None
        with closing(ahead(self._footage.frames(gop))) as frames:
            for t_ns, frame in frames:
                closely = t_ns - last_ns >= self._every_ns
                self._take(gop, t_ns, frame, closely=closely)
                last_ns = t_ns if closely else last_ns
                if quiet is None and closely and t_ns - gop.times_ns[0] >= BURST_NS:
                    quiet = self._is_quiet(gop, following, t_ns)
                    if quiet:
                        return

    def _take(self, gop: Gop, t_ns: Ns, frame: av.VideoFrame, *, closely: bool) -> None:
        if t_ns not in self._seen:
            self._seen[t_ns] = Seen(t_ns, thumb_of(frame))
        if not closely or t_ns in self._looks:
            return
        self._shape = self._shape or Shape.of(frame, self._footage.aspect)
        picture = self._shape.picture(frame)
        thorough = abs(t_ns - self._thorough_ns) >= THOROUGH_NS
        self._thorough_ns = t_ns if thorough else self._thorough_ns
        near = self._near(t_ns) if len(self._looks) % 2 else []  # every other look is for newcomers
        faces = self._finder.find(picture, near=near, thorough=thorough)
        features = tuple(features_of(picture, face) for face in faces)
        self._looks[t_ns] = _Look(t_ns, tuple(faces), features, _halved(picture[..., 1]))
        if self._onlooker is not None and t_ns - gop.times_ns[0] <= _CLOSE_NS:
            self._onlooker(self._footage.in_file(t_ns), picture, faces)

    def _near(self, t_ns: Ns) -> list[Box]:
        """Faces of the looks just before and after in time."""
        times = sorted(self._looks)
        at = bisect_left(times, t_ns)
        around = [self._looks[t] for t in times[max(0, at - 1) : at + 1] if abs(t - t_ns) <= THOROUGH_NS]
        return [face.box for look in around for face in look.faces]

    def _is_quiet(self, gop: Gop, following: Gop | None, t_ns: Ns) -> bool:
        """Whether what lies between a look and the next keyframe can stay unseen."""
        after = None if following is None else self._looks.get(following.times_ns[0])
        if after is None or after.t_ns - t_ns > _LONGEST_GAP_NS:
            return False
        step = change(self._seen[t_ns].thumb, self._seen[after.t_ns].thumb, after.t_ns)
        done = sum(time <= t_ns for time in gop.times_ns)
        rest = gop.sizes[done:]
        usual = float(np.median(gop.sizes[1:])) if len(gop.sizes) > 1 else 0.0
        spike = max(rest, default=0) > max(_SPIKE * usual, _SPIKE_OF_KEY * gop.sizes[0])
        return not spike and step.tints < MIN_TINTS and _same_people(self._looks[t_ns].faces, after.faces)

    def _exact(self, before: Seen, after: Seen) -> Ns:
        """The first frame after a cut between two decoded ones, by decoding every frame there."""
        if not any(before.t_ns < t_ns < after.t_ns for gop in self._gops for t_ns in gop.times_ns):
            return after.t_ns
        seen = {before.t_ns: before, after.t_ns: after}
        for gop in self._gops:
            if gop.times_ns[0] < after.t_ns and gop.times_ns[-1] > before.t_ns:
                for t_ns, frame in self._footage.frames(gop, every=True):
                    if t_ns >= after.t_ns:
                        break
                    if t_ns > before.t_ns:
                        seen[t_ns] = Seen(t_ns, thumb_of(frame))
        times = sorted(seen)
        steps = [change(seen[one].thumb, seen[two].thumb, two) for one, two in pairwise(times)]
        return max(steps, key=lambda step: step.grey).t_ns


def _same_people(one: Sequence[Face], two: Sequence[Face]) -> bool:
    """The same faces in the same places, and at most one of them that matters."""
    if len(one) != len(two):
        return False
    sizes = sorted((face.box.h for face in one), reverse=True)
    if len(sizes) > 1 and sizes[1] > _RIVAL * sizes[0]:
        return False
    for face in one:
        nearest = min(two, key=lambda other: abs(other.box.cx - face.box.cx) + abs(other.box.cy - face.box.cy))
        if hypot(nearest.box.cx - face.box.cx, nearest.box.cy - face.box.cy) > _MOVED * face.box.w:
            return False
    return True


def _samples(looks: Sequence[_Look], scale: float) -> list[Sample]:
    """In source px, with what the mouths did."""
    samples: list[Sample] = []
    for number, look in enumerate(looks):
        before = looks[number - 1] if number else look
        faces = []
        for face, features in zip(look.faces, look.features, strict=True):
            mouth = mouth_motion(features, before.features, look.t_ns - before.t_ns)
            faces.append(SeenFace(face.box.scaled(scale, scale), face.score, face.eyes[1] * scale, mouth))
        samples.append(Sample(look.t_ns, tuple(faces)))
    return samples


def _halved(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = grey.shape[0] // 2, grey.shape[1] // 2
    blocks = grey[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    return cast(NDArray[np.uint8], blocks.mean(axis=(1, 3)).astype(np.uint8))
