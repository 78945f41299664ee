"""What a framing is: for each scene of a finished clip, which parts of the picture go where on the canvas, and why.

Frozen values that go to JSON and back (clip.json holds them), so that a clip is rendered again without looking at it
again. Times are ns from the finished clip's first frame; source pixels are upright and square.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

from core.errors import UsageError
from core.times import Ns

Layout = Literal["track", "split", "game_facecam", "screen_speaker", "fit", "centre"]
LAYOUTS: Final[tuple[str, ...]] = get_args(Layout)
SCHEMA: Final = 1
MIN_SIDE: Final = 16  # px; below it there is nothing to see and scaling filters round to nothing
MAX_SIDE: Final = 8192
MAX_SCENES: Final = 60  # each is a branch of the filter graph
MAX_PANES: Final = 3
MAX_KNOTS: Final = 600  # of a whole framing; up to 190 bytes each, in an argument of at most 128 KiB


class Box(NamedTuple):
    """A rectangle: left, top, width, height. In pixels, or in fractions of a picture where that is said."""

    x: float
    y: float
    w: float
    h: float

    @property
    def cx(self) -> float:
        """Horizontal middle."""
        return self.x + self.w / 2

    @property
    def cy(self) -> float:
        """Vertical middle."""
        return self.y + self.h / 2

    @property
    def right(self) -> float:
        """Right edge."""
        return self.x + self.w

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.y + self.h

    @property
    def area(self) -> float:
        """Width times height."""
        return self.w * self.h

    def scaled(self, factor_x: float, factor_y: float) -> Box:
        """In other units."""
        return Box(self.x * factor_x, self.y * factor_y, self.w * factor_x, self.h * factor_y)

    def overlap(self, other: Box) -> float:
        """Area that both cover."""
        width = min(self.right, other.right) - max(self.x, other.x)
        height = min(self.bottom, other.bottom) - max(self.y, other.y)
        return max(0.0, width) * max(0.0, height)

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        both = self.overlap(other)
        union = self.area + other.area - both
        return both / union if union > 0 else 0.0

    def joined(self, other: Box) -> Box:
        """The smallest that covers both."""
        left, top = min(self.x, other.x), min(self.y, other.y)
        return Box(left, top, max(self.right, other.right) - left, max(self.bottom, other.bottom) - top)


class Size(NamedTuple):
    """Width and height in px."""

    width: int
    height: int


class Place(NamedTuple):
    """Where a pane lies on the canvas: px, all even."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Canvas:
    """The finished picture. Both sides are even (4:2:0 chroma). Raises ValueError."""

    width: int
    height: int

    def __post_init__(self) -> None:
        _check_sides("canvas", self.width, self.height)

    @property
    def aspect(self) -> float:
        """Width by height."""
        return self.width / self.height


class Knot(NamedTuple):
    """A crop of the source at a time, in source px; between two knots x and y run straight. w and h are even."""

    t_ns: Ns
    x: float
    y: float
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Pane:
    """A crop of the source on its place of the canvas. All knots have one size; the first is at the scene's start."""

    place: Place
    knots: tuple[Knot, ...]

    def __post_init__(self) -> None:
        times = [knot.t_ns for knot in self.knots]
        if not times or times != sorted(set(times)):
            raise ValueError("a pane needs knots with rising times")
        if len({(knot.w, knot.h) for knot in self.knots}) != 1:
            raise ValueError("the knots of a pane differ in size")
        _check_sides("crop", self.knots[0].w, self.knots[0].h)
        if any(value % 2 or value < 0 for value in self.place):
            raise ValueError("a place on the canvas has odd numbers")

    def at(self, t_ns: int) -> Box:
        """The crop at a time, in source px."""
        before = [knot for knot in self.knots if knot.t_ns <= t_ns]
        after = [knot for knot in self.knots if knot.t_ns > t_ns]
        first = before[-1] if before else after[0]
        second = after[0] if after else first
        span = second.t_ns - first.t_ns
        part = min(1.0, max(0.0, (t_ns - first.t_ns) / span)) if span > 0 else 0.0
        x, y = first.x + part * (second.x - first.x), first.y + part * (second.y - first.y)
        return Box(x, y, first.w, first.h)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One arrangement for a span of the clip. `start_ns` is the time of its first frame; `reason` is for people."""

    start_ns: Ns
    end_ns: Ns
    layout: Layout
    reason: str
    panes: tuple[Pane, ...]
    blurred_background: bool = False

    def __post_init__(self) -> None:
        if self.end_ns <= self.start_ns or not 0 < len(self.panes) <= MAX_PANES or self.layout not in LAYOUTS:
            raise ValueError("no scene: its span, its panes or its layout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """The whole clip on one canvas. `source_size` is upright with square pixels; `stretched` says that the coded
    pixels are not square, so that rendering scales to it first."""

    source_size: Size
    canvas: Canvas
    scenes: tuple[Scene, ...]
    stretched: bool = False

    def __post_init__(self) -> None:
        _check_sides("source", *self.source_size)
        if not 0 < len(self.scenes) <= MAX_SCENES:
            raise ValueError(f"{len(self.scenes)} scenes")
        follows = zip(self.scenes, self.scenes[1:], strict=False)
        if self.scenes[0].start_ns != 0 or any(one.end_ns != two.start_ns for one, two in follows):
            raise ValueError("the scenes do not follow each other from 0")
        if sum(len(pane.knots) for scene in self.scenes for pane in scene.panes) > MAX_KNOTS:
            raise ValueError("too many knots")
        for scene in self.scenes:
            for pane in scene.panes:
                self._check(pane)

    def _check(self, pane: Pane) -> None:
        place, (width, height) = pane.place, self.source_size
        if place.x + place.w > self.canvas.width or place.y + place.h > self.canvas.height:
            raise ValueError("a pane lies outside the canvas")
        for knot in pane.knots:
            inside = 0 <= knot.x <= width - knot.w + 0.01 and 0 <= knot.y <= height - knot.h + 0.01
            if not inside:  # NaN too
                raise ValueError("a crop lies outside the picture")

    def scene_at(self, t_ns: int) -> Scene:
        """The scene that shows a time; the last one after the end."""
        return next((scene for scene in self.scenes if t_ns < scene.end_ns), self.scenes[-1])

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Framing:
        """Back again. Raises UsageError for anything that is not a framing."""
        try:
            if document["schema"] != SCHEMA:
                raise ValueError(f"schema {document['schema']!r:.20}")
            return cls(
                source_size=Size(*map(int, document["source_size"])),
                canvas=Canvas(int(document["canvas"]["width"]), int(document["canvas"]["height"])),
                scenes=tuple(_scene(scene) for scene in document["scenes"][: MAX_SCENES + 1]),
                stretched=bool(document["stretched"]),
            )
        except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError) as err:
            raise UsageError(
                f"The framing in the recipe cannot be used: {err}", remedy="Leave it out; it is then planned again."
            ) from err


def even(value: float) -> int:
    """The nearest even number, at least MIN_SIDE."""
    return max(MIN_SIDE, round(value / 2) * 2)


def _scene(document: Mapping[str, Any]) -> Scene:
    return Scene(
        start_ns=Ns(int(document["start_ns"])),
        end_ns=Ns(int(document["end_ns"])),
        layout=document["layout"],
        reason=str(document["reason"])[:300],
        panes=tuple(_pane(pane) for pane in document["panes"]),
        blurred_background=bool(document["blurred_background"]),
    )


def _pane(document: Mapping[str, Any]) -> Pane:
    knots = [Knot(Ns(int(t)), float(x), float(y), int(w), int(h)) for t, x, y, w, h in document["knots"]]
    return Pane(Place(*map(int, document["place"])), tuple(knots))


def _check_sides(what: str, width: int, height: int) -> None:
    if width % 2 or height % 2 or not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
        raise ValueError(f"{what} of {width}x{height}: sides are even, {MIN_SIDE} to {MAX_SIDE} px")
