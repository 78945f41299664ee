"""What was seen in a clip: everything that planning a framing needs, small enough to be kept beside the clip.

Source px are upright and square; times are ns from the finished clip's first frame.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, NamedTuple

from core.errors import UsageError
from core.times import Ns
from daemon.framing.values import Box, Size

SCHEMA: Final = 1
MAX_SAMPLES: Final = 4000
MAX_CUTS: Final = 2000
COLUMNS: Final = 16  # of the motion grid
ROWS: Final = 9


class SeenFace(NamedTuple):
    """`eyes_y` in source px; `mouth`: how much the mouth moved since the picture before, beyond the rest of the face,
    in grey levels of 255; None where that was not measured."""

    box: Box
    score: float
    eyes_y: float
    mouth: float | None


class Sample(NamedTuple):
    """Faces in one picture that was looked at."""

    t_ns: Ns
    faces: tuple[SeenFace, ...]


class Inset(NamedTuple):
    """A picture in the picture: its borders stood still from `start_ns` to `end_ns`. `support`: share of the border
    that was seen as an edge, 0 to 1."""

    start_ns: Ns
    end_ns: Ns
    box: Box
    support: float


class Motion(NamedTuple):
    """Between two cuts: share of the picture that moves at all, and where: ROWS x COLUMNS shares that sum to 1 (or are
    all 0), by rows."""

    start_ns: Ns
    end_ns: Ns
    moving: float
    where: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """`cuts_ns`: times of first frames after a cut. `rate`: frames a second of the source."""

    size: Size
    stretched: bool
    rate: Fraction
    length_ns: Ns
    finder: str
    cuts_ns: tuple[Ns, ...]
    samples: tuple[Sample, ...]
    insets: tuple[Inset, ...]
    motion: tuple[Motion, ...]

    def __post_init__(self) -> None:
        if self.length_ns <= 0 or not 1 <= self.rate <= 1000 or min(self.size) < 2 or max(self.size) > 8192:
            raise ValueError("a clip without length, rate or size")
        if list(self.cuts_ns) != sorted(set(self.cuts_ns)) or len(self.cuts_ns) > MAX_CUTS:
            raise ValueError("cuts out of order")
        times = [sample.t_ns for sample in self.samples]
        if times != sorted(set(times)) or len(times) > MAX_SAMPLES:
            raise ValueError("samples out of order")
        boxes = [face.box for sample in self.samples for face in sample.faces] + [inset.box for inset in self.insets]
        if not all(math.isfinite(value) for box in boxes for value in box):
            raise ValueError("a box that is none")

    def to_json(self) -> dict[str, Any]:
        """JSON values only; positions to a tenth of a px."""
        return {
            "schema": SCHEMA,
            "size": list(self.size),
            "stretched": self.stretched,
            "rate": str(self.rate),
            "length_ns": self.length_ns,
            "finder": self.finder,
            "cuts_ns": list(self.cuts_ns),
            "samples": [[sample.t_ns, [_face_row(face) for face in sample.faces]] for sample in self.samples],
            "insets": [[i.start_ns, i.end_ns, *_rounded(i.box), round(i.support, 3)] for i in self.insets],
            "motion": [[m.start_ns, m.end_ns, round(m.moving, 4), [round(v, 4) for v in m.where]] for m in self.motion],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Observations:
        """Back again. Raises UsageError for anything else."""
        try:
            if document["schema"] != SCHEMA:
                raise ValueError(f"schema {document['schema']!r:.20}")
            return cls(
                size=Size(*map(int, document["size"])),
                stretched=bool(document["stretched"]),
                rate=Fraction(str(document["rate"])[:40]),
                length_ns=Ns(int(document["length_ns"])),
                finder=str(document["finder"])[:40],
                cuts_ns=tuple(Ns(int(t)) for t in document["cuts_ns"]),
                samples=tuple(Sample(Ns(int(t)), tuple(map(_face, rows))) for t, rows in document["samples"]),
                insets=tuple(_inset(row) for row in document["insets"]),
                motion=tuple(
                    Motion(Ns(int(a)), Ns(int(b)), float(moving), tuple(map(float, where)))
                    for a, b, moving, where in document["motion"]
                ),
            )
        except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError) as err:
            raise UsageError(
                f"The observations of the clip cannot be used: {err}", remedy="Leave them out; it is looked at again."
            ) from err


def _rounded(box: Box) -> list[float]:
    return [round(value, 1) for value in box]


def _face_row(face: SeenFace) -> list[float | None]:
    mouth = None if face.mouth is None else round(face.mouth, 2)
    return [*_rounded(face.box), round(face.score, 3), round(face.eyes_y, 1), mouth]


def _face(row: Any) -> SeenFace:
    x, y, w, h, score, eyes_y, mouth = row
    box = Box(float(x), float(y), float(w), float(h))
    return SeenFace(box, float(score), float(eyes_y), None if mouth is None else float(mouth))


def _inset(row: Any) -> Inset:
    start_ns, end_ns, x, y, w, h, support = row
    return Inset(Ns(int(start_ns)), Ns(int(end_ns)), Box(float(x), float(y), float(w), float(h)), float(support))
