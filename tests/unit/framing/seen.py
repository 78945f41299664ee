"""Observations by hand: a 1280x720 picture of six seconds."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from core.times import Ns, ns
from daemon.framing.observations import Inset, Motion, Observations, Sample, SeenFace
from daemon.framing.values import Box, Size

LENGTH_S = 6.0
HD = Size(1280, 720)
EVEN = tuple([0.0069] * 144)


def face(x: float, *, y: float = 260, height: float = 140, mouth: float | None = None) -> SeenFace:
    """With its middle at x, y."""
    return SeenFace(Box(x - height / 2, y - height / 2, height, height), 0.9, y - 15, mouth)


def seen(
    samples: Sequence[tuple[float, Sequence[SeenFace]]],
    *,
    cuts: Sequence[float] = (),
    insets: Sequence[Box] = (),
    moving: float = 0.1,
    size: Size = HD,
    length_s: float = LENGTH_S,
) -> Observations:
    """Samples are (seconds, faces)."""
    edges = [Ns(0), *(ns(cut) for cut in cuts), ns(length_s)]
    return Observations(
        size=size,
        stretched=False,
        rate=Fraction(30),
        length_ns=ns(length_s),
        finder="by hand",
        cuts_ns=tuple(ns(cut) for cut in cuts),
        samples=tuple(Sample(ns(t), tuple(faces)) for t, faces in samples),
        insets=tuple(Inset(Ns(0), ns(length_s), box, 0.9) for box in insets),
        motion=tuple(Motion(start, end, moving, EVEN) for start, end in pairwise(edges)),
    )
