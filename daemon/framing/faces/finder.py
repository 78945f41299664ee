"""The Protocol of face finders, and what they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from daemon.framing.values import Box

Picture = NDArray[np.uint8]  # (height, width, 3), RGB
Point = tuple[float, float]
MAX_FACES: Final = 12  # a crowd: nobody of it is followed
SAME_IOU: Final = 0.3  # MediaPipe's min_suppression_threshold
_INSIDE: Final = 0.65  # part of the smaller that lies in the larger


@dataclass(frozen=True, slots=True)
class Face:
    """In px of the picture. `eyes` is the point between them; the box goes from the brows to the chin or around it."""

    box: Box
    score: float
    eyes: Point
    mouth: Point

    def moved(self, left: float, top: float, scale: float = 1.0) -> Face:
        """Enlarged by `scale`, then moved."""
        (ex, ey), (mx, my) = self.eyes, self.mouth
        box = Box(self.box.x * scale + left, self.box.y * scale + top, self.box.w * scale, self.box.h * scale)
        eyes, mouth = (ex * scale + left, ey * scale + top), (mx * scale + left, my * scale + top)
        return Face(box, self.score, eyes, mouth)


class FaceFinder(Protocol):
    """Finds faces of people that look at the camera, more or less. Not safe for several threads at once."""

    @property
    def name(self) -> str:
        """Of the model, for clip.json."""

    def find(self, picture: Picture, *, near: Sequence[Box] = (), thorough: bool = False) -> list[Face]:
        """The best first, at most MAX_FACES, none twice.

        `near`: where faces were a moment ago; a finder may look only there and for large ones. `thorough`: search for
        small ones everywhere, which may cost several times more.
        """


def distinct(faces: Sequence[Face]) -> list[Face]:
    """The best of each set of overlapping faces."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not any(_same(face.box, other.box) for other in kept):
            kept.append(face)
    return kept[:MAX_FACES]


def _same(one: Box, two: Box) -> bool:
    return one.iou(two) > SAME_IOU or one.overlap(two) > _INSIDE * min(one.area, two.area)
