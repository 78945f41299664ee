"""From what was seen to a framing: pure, and the same for the same values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from core.times import NS_PER_S, Ns
from daemon.framing.camera import NEAR_PX
from daemon.framing.layouts import Choice, choose
from daemon.framing.observations import Observations
from daemon.framing.people import Span
from daemon.framing.rule import LayoutRule
from daemon.framing.shots import FACE_HEIGHT, PANE_FACE, crop_for, follow, inside, largest_crop, still, target_of
from daemon.framing.tracks import Track
from daemon.framing.values import MAX_KNOTS, MAX_SCENES, Box, Canvas, Framing, Pane, Place, Scene, Size, even

CAM_HEIGHT: Final = 0.34  # of a tall canvas: the facecam above the game
SPEAKER_HEIGHT: Final = 0.36  # the speaker above a screen
SPLIT_ZOOM: Final = 2.5
SIDE_BY_SIDE: Final = 1.2  # a canvas wider than this by its height is split into left and right
MIN_SCENE_NS: Final = NS_PER_S // 2  # a shorter one goes with the scene before it, unless somebody is in it
_GAME_SHIFT: Final = 0.2  # of the crop's width that the game moves aside for its facecam


def plan_framing(observations: Observations, canvas: Canvas, rule: LayoutRule, speech: Sequence[Span] = ()) -> Framing:
    """A framing of the whole clip. `speech`: when somebody speaks (words or VAD), for telling who."""
    edges = [Ns(0), *observations.cuts_ns, observations.length_ns]
    choices = [choose(observations, canvas, rule, span, speech) for span in pairwise(edges)]
    choices = [piece for choice in _settled(choices) for piece in _by_speaker(choice)]
    near_px = NEAR_PX
    while True:
        scenes = _fewer([_scene(choice, observations.size, canvas, rule, near_px) for choice in choices])
        if sum(len(pane.knots) for scene in scenes for pane in scene.panes) <= MAX_KNOTS:
            break
        near_px *= 2
    return Framing(source_size=observations.size, canvas=canvas, scenes=tuple(scenes), stretched=observations.stretched)


def _settled(choices: Sequence[Choice]) -> list[Choice]:
    """Scenes with nobody in them all get the layout of most of their time: one that changes at each cut is unrest."""
    empty = [choice for choice in choices if choice.layout in ("fit", "centre") and not choice.people]
    if not empty:
        return list(choices)
    time = {layout: sum(c.span[1] - c.span[0] for c in empty if c.layout == layout) for layout in ("fit", "centre")}
    usual = max(empty, key=lambda choice: (time[choice.layout], choice.span[1] - choice.span[0]))
    return [
        choice._replace(layout=usual.layout, reason=usual.reason) if choice in empty else choice for choice in choices
    ]


def _by_speaker(choice: Choice) -> list[Choice]:
    """A scene in which speakers take turns is one shot for each: a cut, not a swing."""
    if not choice.turns:
        return [choice]
    return [choice._replace(span=(turn.start_ns, turn.end_ns), people=(turn.who,), turns=()) for turn in choice.turns]


def _scene(choice: Choice, size: Size, canvas: Canvas, rule: LayoutRule, near_px: float) -> Scene:
    start_ns, end_ns = choice.span
    blurred = False
    if choice.layout == "track":
        panes = [_tracked(choice.people, choice.span, size, canvas, rule, near_px)]
    elif choice.layout == "split":
        panes = _split(choice, size, canvas, near_px)
    elif choice.layout in ("game_facecam", "screen_speaker") and choice.facecam is not None:
        panes, blurred = _with_facecam(choice, choice.facecam, size, canvas)
    elif choice.layout == "fit":
        panes, blurred = [_fitted(size, _whole(canvas), start_ns)], True
    else:
        crop = largest_crop(size, canvas.aspect)
        middle = Box((size.width - crop.width) / 2, (size.height - crop.height) / 2, *crop)
        panes = [still(middle, size, _whole(canvas), start_ns)]
    return Scene(
        start_ns=start_ns,
        end_ns=end_ns,
        layout=choice.layout,
        reason=choice.reason,
        panes=tuple(panes),
        blurred_background=blurred,
    )


def _tracked(people: Sequence[Track], span: Span, size: Size, canvas: Canvas, rule: LayoutRule, near_px: float) -> Pane:
    target, place = target_of(people), _whole(canvas)
    crop = crop_for(target, size, place, face=FACE_HEIGHT, max_zoom=rule.max_zoom)
    return follow(target, size, place, crop, span, near_px)


def _split(choice: Choice, size: Size, canvas: Canvas, near_px: float) -> list[Pane]:
    """Two halves; left of the picture is above, or left."""
    people = sorted(choice.people, key=lambda track: track.box.cx)
    apart = people[1].box.cx - people[0].box.cx
    if canvas.aspect >= SIDE_BY_SIDE:
        half = canvas.width // 4 * 2
        places = [Place(0, 0, half, canvas.height), Place(half, 0, canvas.width - half, canvas.height)]
    else:
        half = canvas.height // 4 * 2
        places = [Place(0, 0, canvas.width, half), Place(0, half, canvas.width, canvas.height - half)]
    panes = []
    for track, place in zip(people, places, strict=True):
        target = target_of([track])
        widest = max(apart * 1.15, 2.2 * track.box.w)  # the other one stays outside
        crop = crop_for(target, size, place, face=PANE_FACE, max_zoom=SPLIT_ZOOM, widest=widest)
        panes.append(follow(target, size, place, crop, choice.span, near_px))
    return panes


def _with_facecam(choice: Choice, facecam: Box, size: Size, canvas: Canvas) -> tuple[list[Pane], bool]:
    """Facecam above; below it the game fills the rest, or the whole screen lies on its own blurred picture."""
    start_ns = choice.span[0]
    game = choice.layout == "game_facecam"
    height = even(canvas.height * (CAM_HEIGHT if game else SPEAKER_HEIGHT))
    above, below = Place(0, 0, canvas.width, height), Place(0, height, canvas.width, canvas.height - height)
    cam = still(inside(facecam, choice.face, above.w / above.h), size, above, start_ns)
    if not game:
        return [cam, _fitted(size, below, start_ns)], True
    crop = largest_crop(size, below.w / below.h)
    x = (size.width - crop.width) / 2
    aside = [x + part / 10 * _GAME_SHIFT * crop.width for part in range(-10, 11)]
    possible = [value for value in aside if 0 <= value <= size.width - crop.width] or [x]
    y = (size.height - crop.height) / 2
    best = min(possible, key=lambda left: (round(Box(left, y, *crop).overlap(facecam)), abs(left - x)))
    return [cam, still(Box(best, y, *crop), size, below, start_ns)], False


def _fitted(size: Size, room: Place, start_ns: Ns) -> Pane:
    """The whole picture in the middle of a room."""
    scale = min(room.w / size.width, room.h / size.height)
    width, height = min(room.w, even(size.width * scale)), min(room.h, even(size.height * scale))
    x, y = room.x + (room.w - width) // 4 * 2, room.y + (room.h - height) // 4 * 2
    picture = Box(0, 0, size.width, size.height)
    pane = still(picture, size, Place(x, y, width, height), start_ns)
    whole = pane.knots[0]._replace(x=0.0, y=0.0, w=size.width, h=size.height)
    return replace(pane, knots=(whole,))


def _whole(canvas: Canvas) -> Place:
    return Place(0, 0, canvas.width, canvas.height)


def _fewer(scenes: Iterable[Scene]) -> list[Scene]:
    """Neighbours that look the same become one; scraps, and the shortest of too many, go with the one before."""
    merged: list[Scene] = []
    for scene in scenes:
        last = merged[-1] if merged else None
        if last is not None and (_same(last, scene) or _is_scrap(scene, last)):
            merged[-1] = replace(last, end_ns=scene.end_ns)
        else:
            merged.append(scene)
    while len(merged) > MAX_SCENES:
        number = min(range(1, len(merged)), key=lambda n: merged[n].end_ns - merged[n].start_ns)
        merged[number - 1] = replace(merged[number - 1], end_ns=merged[number].end_ns)
        del merged[number]
    return merged


def _is_scrap(scene: Scene, last: Scene) -> bool:
    short = scene.end_ns - scene.start_ns < MIN_SCENE_NS
    return short and scene.layout in ("fit", "centre") and last.layout in ("fit", "centre")


def _same(one: Scene, two: Scene) -> bool:
    """Still panes of the same parts in the same places."""
    if one.layout != two.layout or one.blurred_background != two.blurred_background or len(one.panes) != len(two.panes):
        return False
    return all(
        a.place == b.place and len(a.knots) == len(b.knots) == 1 and a.knots[0][1:] == b.knots[0][1:]
        for a, b in zip(one.panes, two.panes, strict=True)
    )
