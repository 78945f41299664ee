"""From settings to what makes finished files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from configs.finish import FinishOptions
from daemon.brand import read_brand
from daemon.captioning import CaptionOptions
from daemon.finish import Finished, Style, Wishes, finish_revision
from daemon.framing import LayoutRule
from daemon.framing.values import Box
from daemon.platforms import load_platform
from daemon.sound import Treatment
from daemon.worker.renders import Finisher


@dataclass(frozen=True, slots=True)
class _Finisher:
    """A Finisher: as the settings wish, in any formats."""

    wishes: Wishes

    @property
    def formats(self) -> tuple[str, ...]:
        return self.wishes.formats

    def __call__(
        self,
        folder: Path,
        formats: tuple[str, ...],
        style: Style,
        progress: Callable[[float], None],
        cancelled: threading.Event,
    ) -> Finished:
        return finish_revision(folder, replace(_styled(self.wishes, style), formats=formats), progress, cancelled)


def _styled(wishes: Wishes, style: Style) -> Wishes:
    if style.layout is not None:
        layout = LayoutRule.from_mapping({"layout": None if style.layout == "auto" else style.layout}).layout
        wishes = replace(wishes, rule=replace(wishes.rule, layout=layout))
    if style.captions is None:
        return wishes
    looks = (wishes.captions or CaptionOptions()).model_copy(update={"style": style.captions})
    return replace(wishes, captions=None if style.captions == "off" else looks, styled=True)


def finisher(options: FinishOptions) -> Finisher | None:
    """None where only masters are wished for. Raises UsageError for a format that is none, a layout, a brand."""
    wishes = wishes_of(options)
    return _Finisher(wishes) if wishes.formats else None


def wishes_of(options: FinishOptions) -> Wishes:
    """Checked before the stream begins: formats exist, the brand kit can be read. Raises UsageError."""
    formats = tuple(name for name in options.formats if name != "master")
    for name in formats:
        load_platform(name)
    brand = Path(options.brand).expanduser() if options.brand else None
    if brand is not None:
        read_brand(brand)
    style = options.captions
    return Wishes(
        formats=formats,
        captions=None
        if style == "off"
        else CaptionOptions(style=style, mask="letters" if options.mask_profanity else "off"),
        rule=LayoutRule(
            layout=None if options.layout == "auto" else options.layout,
            facecam=None if options.facecam is None else Box(*options.facecam),
        ),
        face_model=Path(options.face_model).expanduser() if options.face_model else None,
        brand=brand,
        treatment=Treatment(denoise=options.denoise, clarity=options.clarity),
        encoder=options.encoder,
    )
