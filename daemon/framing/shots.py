"""How large a crop is and what it follows: pure geometry, in px of the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from core.times import Ns
from daemon.framing.camera import NEAR_PX, Axis, knots, path, steady
from daemon.framing.tracks import Track
from daemon.framing.values import MIN_SIDE, Box, Knot, Pane, Place, Size

EYE_LINE: Final = 0.36  # of the crop's height: the upper third, above captions and below a platform's own bar
FACE_HEIGHT: Final = 0.17  # of the crop's: what a far face is brought up to, within max_zoom
PANE_FACE: Final = 0.30  # the same in half a canvas
BLOWN_UP: Final = 3.0  # a crop is never enlarged more than this just to come nearer
_SLACK: Final = (0.05, 0.20)  # of the crop's width: the dead zone to each side
_SLACK_Y: Final = 0.10
_FACE_ROOM: Final = 1.35  # a face with its hair, by its box


class Target(NamedTuple):
    """What a shot follows, by time: middles across, eye lines, and the largest width and height of the faces."""

    times_ns: tuple[Ns, ...]
    xs: tuple[float, ...]
    eyes: tuple[float, ...]
    width: float
    height: float


def target_of(people: Sequence[Track]) -> Target:
    """One person, or the middle of several; between sightings everyone keeps their place."""
    times = sorted({sighting.t_ns for track in people for sighting in track.sightings})
    xs, eyes, widths = [], [], []
    for t_ns in times:
        faces = [_at(track, t_ns) for track in people]
        left, right = min(box.x for box, _ in faces), max(box.right for box, _ in faces)
        xs.append((left + right) / 2)
        widths.append(right - left)
        eyes.append(sum(eye for _, eye in faces) / len(faces))
    height = max(track.box.h for track in people)
    return Target(tuple(times), tuple(xs), tuple(eyes), sorted(widths)[len(widths) * 9 // 10], height)


def largest_crop(size: Size, aspect: float) -> Size:
    """The largest of a shape that the picture holds; even sides."""
    width, height = min(size.width, size.height * aspect), min(size.height, size.width / aspect)
    return _even_crop(width, height, size)


def crop_for(target: Target, size: Size, place: Place, *, face: float, max_zoom: float, widest: float = 1e9) -> Size:
    """Nearer to a far face, within `max_zoom`, a resolution that bears it, and room for everyone; at most `widest`."""
    whole = largest_crop(size, place.w / place.h)
    zoom = min(max_zoom, face * whole.height / max(target.height, 1.0), BLOWN_UP * whole.height / place.h)
    zoom = min(zoom, whole.width / (1.5 * target.width)) if target.width > 0 else zoom
    zoom = max(1.0, zoom, whole.width / widest)
    return _even_crop(whole.width / zoom, whole.height / zoom, size)


def follow(target: Target, size: Size, place: Place, crop: Size, span: tuple[Ns, Ns], near_px: float = NEAR_PX) -> Pane:
    """A pane whose camera follows, with the eyes at EYE_LINE."""
    spare = 0.42 * (crop.width - _FACE_ROOM * target.width)
    slack = min(max(spare, _SLACK[0] * crop.width), _SLACK[1] * crop.width)
    across = steady(target.times_ns, target.xs, *span)
    lower = (0.5 - EYE_LINE) * crop.height
    down = steady(target.times_ns, [eye + lower for eye in target.eyes], *span)
    xs = path(across, Axis(slack=slack, crop=crop.width, picture=size.width))
    ys = path(down, Axis(slack=_SLACK_Y * crop.height, crop=crop.height, picture=size.height))
    return Pane(place, knots(xs, ys, span[0], crop, near_px))


def still(box: Box, size: Size, place: Place, start_ns: Ns) -> Pane:
    """A pane that shows a fixed part: the largest of its place's shape with the middle of `box`, not larger than it."""
    aspect = place.w / place.h
    crop = _even_crop(min(box.w, box.h * aspect + 2), min(box.h, box.w / aspect + 2), size)  # + 2: sides were rounded
    x = min(max(0.0, box.cx - crop.width / 2), size.width - crop.width)
    y = min(max(0.0, box.cy - crop.height / 2), size.height - crop.height)
    return Pane(place, (Knot(start_ns, float(round(x / 2) * 2), float(round(y / 2) * 2), *crop),))


def inside(frame: Box, face: Box | None, aspect: float) -> Box:
    """The part of an inset of a shape that has the face in its middle and the eyes high."""
    width, height = min(frame.w, frame.h * aspect), min(frame.h, frame.w / aspect)
    cx = frame.cx if face is None else face.cx
    top = frame.y + (frame.h - height) / 2 if face is None else face.cy - 0.45 * height
    x = min(max(frame.x, cx - width / 2), frame.right - width)
    return Box(x, min(max(frame.y, top), frame.bottom - height), width, height)


def _at(track: Track, t_ns: int) -> tuple[Box, float]:
    nearest = min(track.sightings, key=lambda sighting: abs(sighting.t_ns - t_ns))
    return nearest.face.box, nearest.face.eyes_y


def _even_crop(width: float, height: float, size: Size) -> Size:
    def down(value: float, limit: int) -> int:
        return min(max(MIN_SIDE, int(value / 2 + 1e-6) * 2), limit // 2 * 2)

    return Size(down(width, size.width), down(height, size.height))
