"""What lies over the clip while it plays: logo, watermark, progress bar, hook title. Filters and files, no I/O.

The bar is one drawn rectangle, moved in from the left by an expression of the time; libass draws the title from a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from core.times import Ns, ns, to_s
from daemon.brand.kit import FONTS, Kit
from daemon.brand.model import Overlay
from daemon.brand.titles import Title, title_script, title_text
from daemon.captioning import Stage
from daemon.ffmpeg import Chain, Expression, Filter, Graph, Name, chain

HOOK_FILE: Final = Name("brand-hook.ass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Branded:
    """A part of a render. `inputs` are PNG files that follow the caller's own inputs in this order
    (`read_media(name, "image", decoders="png")`); `files` are texts to write into the job's folder."""

    graph: Graph
    inputs: tuple[Name, ...] = ()
    files: Mapping[Name, str] | None = None


def brand_graph(
    kit: Kit,
    stage: Stage,
    length_ns: Ns,
    fps: Fraction,
    *,
    title: str,
    family: str,
    first_input: int,
    input_pad: str,
    output_pad: str,
) -> Branded:
    """The picture from `input_pad` with everything on it, to `output_pad`; times count from the clip's first frame.

    `title` is the clip's (a stranger's), `family` what draws it when the kit has no font, and its file lies in FONTS.
    """
    hook, script = _hook(kit, stage, length_ns, title, family)
    steps = [*_pictures(kit, stage, first_input), *_bar(kit, stage, length_ns, fps)]
    chains: list[Chain] = []
    pad = input_pad
    for number, (extra, place) in enumerate(steps):
        chains.append(extra)
        chains.append(chain([pad, extra.outputs[0]], [place], f"brand_step{number}"))
        pad = f"brand_step{number}"
    chains.append(chain(pad, hook or [Filter.of("null")], output_pad))
    inputs = tuple(kit.pictures[part][0] for part in _overlays(kit))
    return Branded(graph=Graph(tuple(chains)), inputs=inputs, files=script)


def _overlays(kit: Kit) -> dict[str, Overlay]:
    parts = {"watermark": kit.brand.watermark, "logo": kit.brand.logo}
    return {part: overlay for part, overlay in parts.items() if overlay}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an overlay lies, in pixels of the stage."""

    x: int
    y: int
    width: int
    height: int


def _place(kit: Kit, part: str, overlay: Overlay, stage: Stage) -> _Place:
    """Off the edge by the margin and out of what the platform covers; never higher than half of the picture."""
    size = kit.pictures[part][1]
    width = stage.width * overlay.width_pct / 100
    scale = min(width / size.width, stage.height / 2 / size.height)
    width, height = max(2, round(size.width * scale)), max(2, round(size.height * scale))
    margin = round(stage.width * overlay.margin_pct / 100)
    x = max(margin, stage.left)
    if overlay.corner.endswith("right"):
        x = stage.width - width - max(margin, stage.right)
    y = max(margin, stage.top)
    if overlay.corner.startswith("bottom"):
        y = stage.height - height - max(margin, stage.bottom)
    return _Place(max(0, min(x, stage.width - width)), max(0, min(y, stage.height - height)), width, height)


def _pictures(kit: Kit, stage: Stage, first_input: int) -> Iterator[tuple[Chain, Filter]]:
    """Scaled and faded pictures, and where they go."""
    for number, (part, overlay) in enumerate(_overlays(kit).items()):
        at = _place(kit, part, overlay, stage)
        filters = [Filter.of("scale", w=at.width, h=at.height, flags="lanczos"), Filter.of("format", pix_fmts="rgba")]
        if overlay.opacity < 1:
            filters.append(Filter.of("colorchannelmixer", aa=overlay.opacity))
        place = Filter.of("overlay", x=at.x, y=at.y, eof_action="repeat", format="auto")
        yield chain(f"{first_input + number}:v", filters, f"brand_{part}"), place


def _room(kit: Kit, stage: Stage) -> Stage:
    """The stage without what logo and watermark take at its top and bottom."""
    top, bottom = stage.top, stage.bottom
    for part, overlay in _overlays(kit).items():
        at = _place(kit, part, overlay, stage)
        if overlay.corner.startswith("top"):
            top = max(top, at.y + at.height)
        else:
            bottom = max(bottom, stage.height - at.y)
    return replace(stage, top=top, bottom=bottom)


def _bar(kit: Kit, stage: Stage, length_ns: Ns, fps: Fraction) -> Iterator[tuple[Chain, Filter]]:
    progress = kit.brand.progress
    if progress is None:
        return
    height = max(2, round(stage.height * progress.height_pct / 100 / 2) * 2)
    length_s = to_s(length_ns)
    source = Filter.of(
        "color",
        c=f"0x{kit.brand.rgb(progress.colour)}",
        s=Expression(f"{stage.width}x{height}"),
        r=fps,
        d=length_s,
    )
    x = Expression(f"{stage.width}*(min(t/{length_s:.6f},1)-1)")
    y = 0 if progress.position == "top" else stage.height - height
    yield chain((), [source], "brand_bar"), Filter.of("overlay", x=x, y=y, eof_action="repeat")


def _hook(kit: Kit, stage: Stage, length_ns: Ns, title: str, family: str) -> tuple[list[Filter], dict[Name, str]]:
    hook = kit.brand.hook
    if hook is None or not hook.show or not title_text(title):
        return [], {}
    typed = Title(
        text=title,
        start_ns=Ns(0),
        end_ns=Ns(min(ns(hook.seconds), length_ns)),
        band=hook.position,
        size=max(8, round(stage.height * hook.size_pct / 100)),
        colour=kit.brand.rgb(hook.colour),
        box=kit.brand.rgb(hook.box) if hook.box else None,
    )
    script = title_script(typed, _room(kit, stage), kit.family or family)
    return [Filter.of("ass", filename=HOOK_FILE, fontsdir=FONTS)], {HOOK_FILE: script}
