"""A framing as a filter graph of numbers: pure.

The picture is brought to the output's rate first, so that a scene is a span of frame numbers; each scene is a branch of
its own (`trim` drops the rest), cropped before it is scaled, and `concat` joins them. A moving crop steps by whole
source px, which enlarged would shake: it is taken 2 px wider, scaled, and cut to the px of the canvas.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from core.times import NS_PER_S
from daemon.ffmpeg import Chain, Expression, Filter, Graph, chain
from daemon.framing.values import Canvas, Framing, Knot, Pane, Place, Scene, Size

# Before frames are counted their times go back by this part of an output frame: a source frame half-way between two of
# the output's would else fall to either side, as the container's rounding has it, and a cut with it.
_BACK: Final = Fraction(7, 100)
_BLUR_SIDE: Final = 12  # the background is blurred at 1/12 of the canvas's size
_BLUR: Final = 4.0  # sigma, px there: 48 px on the canvas
_DARKER: Final = -0.08  # so that the picture stands out
_MARGIN: Final = 2  # source px more than a moving crop shows, for steps smaller than one


class _Axis(NamedTuple):
    """One axis of a moving crop: length and place in the source, then length after scaling and place in that."""

    crop: int
    coarse: Expression
    shown: int
    fine: Expression


def framing_graph(framing: Framing, input_pad: str, output_pad: str, rate: Fraction) -> Graph:
    """From the decoded picture (upright, times from the clip's first frame) to the canvas at `rate` frames a second."""
    bounds = [_frame_of(scene.start_ns, rate) for scene in framing.scenes]
    shown = [
        (scene, first, after)
        for scene, first, after in zip(framing.scenes, bounds, [*bounds[1:], None], strict=True)
        if after is None or after > first
    ]
    head = [*_head(framing, rate)]
    if len(shown) == 1:
        scene, *_ = shown[0]
        start = chain(input_pad, head, "framed0")
        return Graph((start, *_branch(scene, framing, 0, rate, "framed0", "joined"), _tail("joined", output_pad, rate)))
    names = [f"framed{number}" for number in range(len(shown))]
    chains = [chain(input_pad, [*head, Filter.of("split", outputs=len(shown))], names)]
    for number, (scene, first, after) in enumerate(shown):
        until = {} if after is None else {"end_frame": after}
        part = [Filter.of("trim", start_frame=first, **until), Filter.of("setpts", expr=Expression("PTS-STARTPTS"))]
        chains.append(chain(names[number], part, f"part{number}"))
        chains += _branch(scene, framing, number, rate, f"part{number}", f"scene{number}")
    joined = [f"scene{number}" for number in range(len(shown))]
    chains.append(chain(joined, [Filter.of("concat", n=len(shown), v=1, a=0)], "joined"))
    return Graph((*chains, _tail("joined", output_pad, rate)))


def _frame_of(t_ns: int, rate: Fraction) -> int:
    """The output frame that first shows a source frame: the fps filter rounds half up."""
    return max(0, int(Fraction(t_ns, NS_PER_S) * rate - _BACK + Fraction(1, 2)))


def _head(framing: Framing, rate: Fraction) -> list[Filter]:
    back = f"PTS-{_BACK.numerator * rate.denominator}/({_BACK.denominator * rate.numerator}*TB)"
    head = [Filter.of("setpts", expr=Expression(back)), Filter.of("fps", fps=rate, start_time=0)]
    if framing.stretched:
        head.append(Filter.of("scale", w=framing.source_size.width, h=framing.source_size.height, flags="bicubic"))
    return head


def _tail(pad: str, output_pad: str, rate: Fraction) -> Chain:
    """Times again from frame numbers; concat's own are rounded."""
    times = Expression(f"N*{rate.denominator}/({rate.numerator}*TB)")
    return chain(pad, [Filter.of("setpts", expr=times), Filter.of("setsar", sar=1)], output_pad)


def _branch(scene: Scene, framing: Framing, number: int, rate: Fraction, source: str, result: str) -> list[Chain]:
    """One scene: its panes side by side or one above the other where they fill the canvas, else over a background."""
    canvas, prefix = framing.canvas, f"s{number}"
    panes = [_pane(pane, scene, framing.source_size, rate) for pane in scene.panes]
    if len(panes) == 1 and not scene.blurred_background and _fills(scene.panes, canvas):
        return [chain(source, panes[0], result)]
    stack = None if scene.blurred_background else _stack(scene.panes, canvas)
    layers = [f"{prefix}pane{index}" for index in range(len(panes))]
    inputs = [f"{layer}in" for layer in layers] + ([] if stack else [f"{prefix}backin"])
    chains = [chain(source, [Filter.of("split", outputs=len(inputs))], inputs)]
    chains += [chain(f"{layer}in", filters, layer) for layer, filters in zip(layers, panes, strict=True)]
    if stack:
        return [*chains, chain(layers, [Filter.of(stack, inputs=len(layers))], result)]
    chains.append(chain(f"{prefix}backin", _background(framing), f"{prefix}back0"))
    for index, (layer, pane) in enumerate(zip(layers, scene.panes, strict=True)):
        over = Filter.of("overlay", x=pane.place.x, y=pane.place.y)
        last = index == len(layers) - 1
        chains.append(chain([f"{prefix}back{index}", layer], [over], result if last else f"{prefix}back{index + 1}"))
    return chains


def _pane(pane: Pane, scene: Scene, source: Size, rate: Fraction) -> list[Filter]:
    first = pane.knots[0]
    width, height = pane.place.w, pane.place.h
    moves_x, moves_y = (len({knot[axis] for knot in pane.knots}) > 1 for axis in (1, 2))
    if not moves_x and not moves_y:
        x, y = round(first.x / 2) * 2, round(first.y / 2) * 2
        whole = (x, y, first.w, first.h) == (0, 0, *source)
        cut = [] if whole else [Filter.of("crop", w=first.w, h=first.h, x=x, y=y)]
        return [*cut, *_scaled(width, height)]
    across = _axis(pane.knots, 1, scene, rate, (first.w, source.width, width))
    down = _axis(pane.knots, 2, scene, rate, (first.h, source.height, height))
    return [
        Filter.of("crop", w=across.crop, h=down.crop, x=across.coarse, y=down.coarse),
        *_scaled(across.shown, down.shown),
        Filter.of("crop", w=width, h=height, x=across.fine, y=down.fine, exact=1),
    ]


def _axis(knots: Sequence[Knot], axis: int, scene: Scene, rate: Fraction, sizes: tuple[int, int, int]) -> _Axis:
    crop, picture, shown = sizes
    if len({knot[axis] for knot in knots}) == 1:
        place = min(round(float(knots[0][axis]) / 2) * 2, picture - crop)
        return _Axis(crop, Expression(str(place)), shown, Expression("0"))
    margin = min(_MARGIN, picture - crop)
    larger = round(margin * shown / crop / 2) * 2
    at = _position(knots, axis, scene, rate)
    coarse = f"min(2*floor(({at})/2),{picture - crop - margin})"
    if not margin:
        return _Axis(crop, Expression("0"), shown, Expression("0"))
    fine = f"floor((({at})-{coarse})*{larger}/{margin}+0.5)"
    return _Axis(crop + margin, Expression(coarse), shown + larger, Expression(fine))


def _position(knots: Sequence[Knot], axis: int, scene: Scene, rate: Fraction) -> str:
    """Straight lines between the knots, as a sum over frame numbers of the scene; balanced, so that it nests little."""
    frames = [round(float(Fraction(knot.t_ns - scene.start_ns, NS_PER_S) * rate), 2) for knot in knots]
    values = [float(knot[axis]) for knot in knots]
    terms = [f"{values[0]:.2f}"]
    for number in range(1, len(knots)):
        length, step = frames[number] - frames[number - 1], values[number] - values[number - 1]
        if step:
            terms.append(f"{step:.2f}*clip((n-{frames[number - 1]:.2f})/{max(length, 0.01):.2f},0,1)")
    while len(terms) > 1:
        terms = [f"({'+'.join(terms[at : at + 8])})" for at in range(0, len(terms), 8)]
    return terms[0]


def _background(framing: Framing) -> list[Filter]:
    """The middle of the picture in the canvas's shape, small, blurred, darker, and large again."""
    source, canvas = framing.source_size, framing.canvas
    width = min(source.width, source.height * canvas.width // canvas.height) // 2 * 2
    height = min(source.height, source.width * canvas.height // canvas.width) // 2 * 2
    small = [max(2, side // _BLUR_SIDE // 2 * 2) for side in (canvas.width, canvas.height)]
    return [
        Filter.of("crop", w=max(2, width), h=max(2, height)),
        Filter.of("scale", w=small[0], h=small[1], flags="area"),
        Filter.of("gblur", sigma=_BLUR, steps=2),
        Filter.of("eq", brightness=_DARKER),
        *_scaled(canvas.width, canvas.height, "bilinear"),
    ]


def _scaled(width: int, height: int, flags: str = "bicubic") -> list[Filter]:
    return [
        Filter.of("scale", w=width, h=height, flags=flags),
        Filter.of("format", pix_fmts="yuv420p"),
        Filter.of("setsar", sar=1),
    ]


def _fills(panes: Sequence[Pane], canvas: Canvas) -> bool:
    return panes[0].place == Place(0, 0, canvas.width, canvas.height)


def _stack(panes: Sequence[Pane], canvas: Canvas) -> str | None:
    """vstack or hstack when the panes, in order, fill the canvas that way."""
    x = y = 0
    rows = columns = True
    for place in (pane.place for pane in panes):
        rows = rows and (place.x, place.y, place.w) == (0, y, canvas.width)
        columns = columns and (place.x, place.y, place.h) == (x, 0, canvas.height)
        x, y = x + place.w, y + place.h
    if rows and y == canvas.height:
        return "vstack"
    return "hstack" if columns and x == canvas.width else None
