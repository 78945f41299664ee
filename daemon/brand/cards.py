"""Intro and outro: cards before and after the finished picture and sound. Filters and files, no I/O.

Comes last in a render: captions and overlays count from the clip's first frame, which the intro moves by
`Brand.intro_ns`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from core.times import ns
from daemon.brand.kit import FONTS, Kit
from daemon.brand.model import Card
from daemon.brand.overlays import Branded
from daemon.brand.titles import Title, title_script, title_text
from daemon.captioning import Stage
from daemon.ffmpeg import Chain, Expression, Filter, Graph, Name, chain

_FADE_S: Final = 0.25
_IMAGE_SHARE: Final = 0.8  # of the picture's sides
_MOST_GROWN: Final = 2  # times its own size; more looks blurred
_LAYOUTS: Final = {1: "mono", 2: "stereo"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundForm:
    """What the clip's sound is; concat takes no other beside it."""

    rate: int
    channels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pads:
    """`sound` is None in a clip without any."""

    picture: str
    sound: str | None = None


def card_graph(
    kit: Kit,
    stage: Stage,
    fps: Fraction,
    sound: SoundForm | None,
    *,
    family: str,
    first_input: int,
    inputs: Pads,
    outputs: Pads,
) -> Branded:
    """The clip between its cards, at a constant `fps`; without cards, passed through."""
    cards = {part: card for part, card in (("intro", kit.brand.intro), ("outro", kit.brand.outro)) if card}
    heard = sound if inputs.sound and outputs.sound else None
    order = [part for part in ("intro", "main", "outro") if part == "main" or part in cards]
    with_image = [part for part in order if part in kit.pictures]
    files: dict[Name, str] = {}
    chains: list[Chain] = [chain(inputs.picture, _even(fps), "brand_main_card")]
    if heard and inputs.sound:
        chains.append(chain(inputs.sound, [_form(heard)], "brand_main_sound"))
    for part, card in cards.items():
        number = first_input + with_image.index(part) if part in with_image else None
        script = {Name(f"brand-{part}.ass"): _script(kit, card, stage, family)} if title_text(card.title) else {}
        files |= script
        chains += _picture(kit, part, card, stage, fps, number, [*script])
        chains += [_silence(part, card, heard)] if heard else []
    pads = [pad for part in order for pad in (f"brand_{part}_card", *([f"brand_{part}_sound"] if heard else []))]
    out = [outputs.picture, outputs.sound] if heard and outputs.sound else [outputs.picture]
    chains.append(chain(pads, [Filter.of("concat", n=len(order), v=1, a=int(heard is not None))], out))
    pngs = tuple(kit.pictures[part][0] for part in with_image)
    return Branded(graph=Graph(tuple(chains)), inputs=pngs, files=files)


def _even(fps: Fraction) -> list[Filter]:
    return [Filter.of("fps", fps=fps), Filter.of("format", pix_fmts="yuv420p"), Filter.of("setsar", sar=1)]


def _picture(
    kit: Kit, part: str, card: Card, stage: Stage, fps: Fraction, number: int | None, scripts: list[Name]
) -> list[Chain]:
    """The card at the clip's own rate and size; `number` is the input that its image comes from."""
    colour = f"0x{kit.brand.rgb(card.colour)}"
    size = Expression(f"{stage.width}x{stage.height}")
    base = Filter.of("color", c=colour, s=size, r=fps, d=card.seconds)
    way, begin = ("in", 0.0) if part == "outro" else ("out", card.seconds - _FADE_S)
    last = [Filter.of("ass", filename=name, fontsdir=FONTS) for name in scripts]
    last += [Filter.of("fade", t=way, st=begin, d=_FADE_S), *_even(fps)[1:]]
    if number is None:
        return [chain((), [base, *last], f"brand_{part}_card")]
    sides = zip((stage.width, stage.height), kit.pictures[part][1], strict=True)
    width, height = (round(min(side * _IMAGE_SHARE, own * _MOST_GROWN)) for side, own in sides)
    fit = Filter.of("scale", w=width, h=height, force_original_aspect_ratio="decrease", flags="lanczos")
    middle = Filter.of("overlay", x=Expression("(W-w)/2"), y=Expression("(H-h)/2"), eof_action="repeat", format="auto")
    return [
        chain((), [base], f"brand_{part}_base"),
        chain(f"{number}:v", [fit, Filter.of("format", pix_fmts="rgba")], f"brand_{part}_image"),
        chain([f"brand_{part}_base", f"brand_{part}_image"], [middle, *last], f"brand_{part}_card"),
    ]


def _script(kit: Kit, card: Card, stage: Stage, family: str) -> str:
    title = Title(
        text=card.title,
        start_ns=ns(0),
        end_ns=ns(card.seconds + 1),
        band="bottom" if card.image else "middle",
        size=round(min(stage.width * 0.09, stage.height * 0.09)),
        colour=kit.brand.rgb(card.title_colour),
        fade=False,
    )
    return title_script(title, stage, kit.family or family)


def _silence(part: str, card: Card, sound: SoundForm) -> Chain:
    source = Filter.of("aevalsrc", exprs=Expression("0"), s=sound.rate, d=card.seconds)
    return chain((), [source, _form(sound)], f"brand_{part}_sound")


def _form(sound: SoundForm) -> Filter:
    layout = _LAYOUTS.get(sound.channels, "stereo")
    return Filter.of("aformat", sample_fmts="fltp", sample_rates=sound.rate, channel_layouts=layout)
