"""Faces of one person over time: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from core.times import NS_PER_S, Ns
from daemon.framing.observations import Sample, SeenFace
from daemon.framing.values import Box

GAP_NS: Final = 2 * NS_PER_S  # a head that turns away is the same person when it comes back
NEAR_IOU: Final = 0.15
NEAR_WIDTHS: Final = 1.2  # the centre may move so many face widths between two samples, and more after a gap
SIZES: Final = 1.9  # a face doesn't grow faster


class Sighting(NamedTuple):
    """A face of a track."""

    t_ns: Ns
    face: SeenFace


@dataclass(frozen=True, slots=True)
class Track:
    """At least one sighting, by time. `share` is the part of the samples that saw it."""

    sightings: tuple[Sighting, ...]
    share: float

    @property
    def box(self) -> Box:
        """The typical face: medians."""
        boxes = np.array([sighting.face.box for sighting in self.sightings])
        x, y, w, h = np.median(boxes, axis=0).tolist()
        return Box(x, y, w, h)

    @property
    def reach(self) -> Box:
        """Where it was nearly always: from the 5th to the 95th percentile."""
        boxes = np.array([sighting.face.box for sighting in self.sightings])
        left, top = np.percentile(boxes[:, :2], 5, axis=0).tolist()
        right, bottom = np.percentile(boxes[:, :2] + boxes[:, 2:], 95, axis=0).tolist()
        return Box(left, top, right - left, bottom - top)


def make_tracks(samples: Sequence[Sample], *, gap_ns: int = GAP_NS) -> list[Track]:
    """All faces of the samples, each in one track, the most seen first."""
    opened: list[list[Sighting]] = []
    closed: list[list[Sighting]] = []
    for sample in samples:
        closed += [track for track in opened if sample.t_ns - track[-1].t_ns > gap_ns]
        opened = [track for track in opened if sample.t_ns - track[-1].t_ns <= gap_ns]
        _continue(opened, sample)
    tracks = [Track(tuple(track), len(track) / max(1, len(samples))) for track in (*closed, *opened)]
    return sorted(tracks, key=lambda track: -len(track.sightings))


def _continue(opened: list[list[Sighting]], sample: Sample) -> None:
    """The nearest pairs first; who finds no track begins one."""
    pairs = sorted(
        (_distance(track[-1], Sighting(sample.t_ns, face)), number, index)
        for number, track in enumerate(opened)
        for index, face in enumerate(sample.faces)
    )
    taken_tracks: set[int] = set()
    taken_faces: set[int] = set()
    for distance, number, index in pairs:
        if distance <= 1 and number not in taken_tracks and index not in taken_faces:
            opened[number].append(Sighting(sample.t_ns, sample.faces[index]))
            taken_tracks.add(number)
            taken_faces.add(index)
    opened += [[Sighting(sample.t_ns, face)] for n, face in enumerate(sample.faces) if n not in taken_faces]


def _distance(last: Sighting, now: Sighting) -> float:
    """0 to 1 for what may be one person, more for what may not."""
    one, two = last.face.box, now.face.box
    if not 1 / SIZES < one.h / max(two.h, 1e-6) < SIZES:
        return 2.0
    if one.iou(two) >= NEAR_IOU:
        return 0.5 * (1 - one.iou(two))
    passed_s = (now.t_ns - last.t_ns) / NS_PER_S
    reach = NEAR_WIDTHS * max(one.w, two.w) * (1 + min(passed_s, 1.0))
    return 0.5 + 0.5 * float(np.hypot(one.cx - two.cx, one.cy - two.cy)) / max(reach, 1e-6)
