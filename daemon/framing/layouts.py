"""Which layout a scene gets, and the words that say why: pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from core.times import Ns
from daemon.framing.observations import COLUMNS, Inset, Motion, Observations
from daemon.framing.people import Span, Turn, people_in, rivals, turns
from daemon.framing.rule import LayoutRule
from daemon.framing.shots import largest_crop, target_of
from daemon.framing.tracks import Track
from daemon.framing.values import Box, Canvas, Layout, Size

AS_IS: Final = 0.97  # a crop that keeps this much of both sides shows the whole picture
GAME_MOVES: Final = 0.05  # of the picture: what moves more than this behind a facecam is a game, else a screen
ALL_MOVES: Final = 0.22  # of the picture: the camera itself moves
CENTRAL: Final = 0.65  # of what moves lies where a centre crop looks
_COVERS: Final = 0.6  # of a scene that an inset has to be there
_LARGER: Final = 1.6  # times the inset's face: somebody outside it is the one to follow
_GROUP: Final = 0.9  # of the crop's width that a group may take


class Choice(NamedTuple):
    """A layout for a span, with those it is about: people, a facecam and the face that is usually in it (px), or turns
    of speakers."""

    span: Span
    layout: Layout
    reason: str
    people: tuple[Track, ...] = ()
    facecam: Box | None = None
    face: Box | None = None
    turns: tuple[Turn, ...] = ()


def choose(
    observations: Observations, canvas: Canvas, rule: LayoutRule, span: Span, speech: Sequence[Span] = ()
) -> Choice:
    """The rule's layout where the scene has what it needs, else the one that its content asks for."""
    everyone = people_in(observations, *span)
    facecam = _facecam(observations, rule, span)
    people = [track for track in everyone if facecam is None or not _lies_in(track.box, facecam)]
    if rule.layout is not None:
        return _ruled(rule.layout, observations, span, everyone, facecam)
    if _fits_as_is(observations.size, canvas):
        return Choice(span, "centre", "the picture has the canvas's shape")
    if observations.size.width < observations.size.height and canvas.width > canvas.height:
        return Choice(span, "fit", "an upright picture on a wide canvas")
    if facecam is not None:
        face = _face_in(observations, facecam)
        if not people or face is None or people[0].box.h < _LARGER * face.h:
            return _beside(observations, span, facecam, face)
    if not people:
        return _empty(observations, canvas, span)
    return _with_people(observations, canvas, span, people, speech)


def _with_people(
    observations: Observations, canvas: Canvas, span: Span, people: Sequence[Track], speech: Sequence[Span]
) -> Choice:
    counting = rivals(people)
    if len(counting) <= 1:
        return Choice(span, "track", "one person is followed", tuple(people[:1]))
    crop = largest_crop(observations.size, canvas.aspect)
    if target_of(counting).width <= _GROUP * crop.width:
        return Choice(span, "track", f"{len(counting)} people fit side by side", tuple(counting))
    heard = turns(counting, *span, speech)
    if heard and (len(counting) > 2 or len(heard) == 1):
        reason = "the one who speaks is followed" if len(heard) == 1 else "whoever speaks is followed"
        return Choice(span, "track", reason, tuple(counting), turns=tuple(heard))
    if len(counting) == 2:
        return Choice(span, "split", "two people too far apart for one crop", tuple(counting))
    return Choice(span, "fit", f"{len(counting)} people across the picture, and nobody stands out")


def _beside(observations: Observations, span: Span, facecam: Box, face: Box | None) -> Choice:
    moving = _motion(observations, span).moving
    if moving >= GAME_MOVES:
        return Choice(span, "game_facecam", "a facecam over a picture that moves", facecam=facecam, face=face)
    return Choice(
        span, "screen_speaker", "a facecam over a screen that mostly stands still", facecam=facecam, face=face
    )


def _empty(observations: Observations, canvas: Canvas, span: Span) -> Choice:
    motion = _motion(observations, span)
    share = largest_crop(observations.size, canvas.aspect).width / observations.size.width
    if motion.moving >= ALL_MOVES:
        return Choice(span, "centre", "nobody to follow, and the whole picture moves: its middle is what is aimed at")
    if motion.moving > 0 and _central(motion, share) >= CENTRAL:
        return Choice(span, "centre", "nobody to follow, and what moves is in the middle")
    return Choice(span, "fit", "nobody to follow: the whole picture is shown")


def _ruled(
    layout: Layout, observations: Observations, span: Span, everyone: Sequence[Track], facecam: Box | None
) -> Choice:
    said = "the channel's rule"
    if layout in ("game_facecam", "screen_speaker"):
        if facecam is None:
            return Choice(span, "fit", f"{said} is {layout}, but no facecam is seen here and none is set")
        return Choice(span, layout, said, facecam=facecam, face=_face_in(observations, facecam))
    if layout == "split" and len(everyone) < 2:
        layout, said = "track", f"{said} is split, but fewer than two people are seen here"
    if layout == "track" and not everyone:
        return Choice(span, "fit", "the channel's rule is to follow a person, but none is seen here")
    people = tuple(everyone[: 2 if layout == "split" else 1])
    return Choice(span, layout, said, people if layout in ("split", "track") else ())


def _facecam(observations: Observations, rule: LayoutRule, span: Span) -> Box | None:
    if rule.facecam is not None:
        return rule.facecam.scaled(*observations.size)
    there = [inset for inset in observations.insets if _covered(inset, span) >= _COVERS]
    return max(there, key=lambda inset: inset.support).box if there else None


def _covered(inset: Inset, span: Span) -> float:
    """The inset's face is seen some time after it is there and before it goes: short edges don't count."""
    both = min(inset.end_ns, span[1]) - max(inset.start_ns, span[0])
    return both / (span[1] - span[0])


def _face_in(observations: Observations, facecam: Box) -> Box | None:
    """The typical face over the whole clip, so that the pane is the same in all its scenes."""
    boxes = [face.box for sample in observations.samples for face in sample.faces if _lies_in(face.box, facecam)]
    return Box(*np.median(np.array(boxes), axis=0).tolist()) if boxes else None


def _lies_in(face: Box, frame: Box) -> bool:
    return frame.x <= face.cx <= frame.right and frame.y <= face.cy <= frame.bottom


def _motion(observations: Observations, span: Span) -> Motion:
    """Of the scene that the span begins in."""
    inside = [motion for motion in observations.motion if motion.start_ns <= span[0] < motion.end_ns]
    return inside[0] if inside else Motion(Ns(0), observations.length_ns, 0.0, ())


def _central(motion: Motion, share: float) -> float:
    """Part of the motion within the middle columns that a crop of this share of the width shows."""
    half = max(1, round(share * COLUMNS / 2))
    columns = [sum(motion.where[column::COLUMNS]) for column in range(COLUMNS)]
    return sum(columns[COLUMNS // 2 - half : COLUMNS // 2 + half])


def _fits_as_is(size: Size, canvas: Canvas) -> bool:
    crop = largest_crop(size, canvas.aspect)
    return crop.width >= AS_IS * size.width and crop.height >= AS_IS * size.height
