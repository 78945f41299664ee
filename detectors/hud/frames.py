"""What a HUD's reader is given, and whom it asks: crops of a frame, text, objects. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.times import Ns

Picture = NDArray[np.uint8]  # (h, w, 3) RGB


class Box(NamedTuple):
    """A rectangle in pixels of the picture, all four even: chroma planes have half the size."""

    x: int
    y: int
    w: int
    h: int


class TextLine(NamedTuple):
    """A line of text in a crop; `x` and `y` are its middle in pixels of the crop, `score` 0..1. Untrusted."""

    text: str
    score: float
    x: float
    y: float


class TextReader(Protocol):
    """Reads text off RGB crops, one list of lines a crop, in reading order. Never raises; failures read as none."""

    def read(self, crops: Sequence[Picture]) -> list[list[TextLine]]: ...


class Found(NamedTuple):
    """An object in a crop: the name of its class, how sure (0..1), its middle in pixels of the crop."""

    label: str
    score: float
    x: float
    y: float


class ObjectReader(Protocol):
    """Finds objects in RGB crops by the model of a rule, one list a crop. Never raises."""

    def find(self, rule: str, crops: Sequence[Picture]) -> list[list[Found]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HudFrame:
    """The regions of one frame, each at the picture's own size; `width` and `height` are the picture's."""

    t_ns: Ns
    width: int
    height: int
    crops: Mapping[str, Picture] = field(repr=False)
