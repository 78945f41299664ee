"""Caption styles as data: data/styles.yaml, and what may stand in it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, Field

from core.errors import UsageError
from daemon.captioning.colour import BLACK, WHITE, Colour

Motion = Literal["none", "wipe", "pop", "type", "bounce"]


class Active(BaseModel, frozen=True, extra="forbid"):
    """How the word that is being said differs from the others."""

    colour: Colour
    scale: float = Field(1.0, ge=1.0, le=1.2)


class Box(BaseModel, frozen=True, extra="forbid"):
    """A rounded box behind each line, or behind the word that is being said."""

    colour: Colour
    alpha: float = Field(1.0, ge=0.0, le=1.0, description="1 hides what is behind it.")
    of: Literal["line", "word"]


class Style(BaseModel, frozen=True, extra="forbid"):
    """One caption style. Lengths are shares of the em."""

    words: int = Field(ge=1, le=8, description="At most as many words at a time.")
    motion: Motion
    capitals: bool = False
    size: float = Field(1.0, ge=0.5, le=1.5)
    colour: Colour = WHITE
    outline_colour: Colour = BLACK
    outline: float = Field(0.085, ge=0.0, le=0.2)
    shadow: float = Field(0.045, ge=0.0, le=0.2)
    active: Active | None = None
    box: Box | None = None


@cache
def styles() -> dict[str, Style]:
    """By name, in the file's order; `plain` is the first."""
    text = (files("daemon.captioning") / "data" / "styles.yaml").read_text("utf-8")
    return {name: Style.model_validate(fields) for name, fields in yaml.safe_load(text).items()}


def style_named(name: str) -> Style:
    """Raises UsageError(`unknown_style`)."""
    if name not in styles():
        raise UsageError(
            f"There is no caption style {name[:40]!r}",
            remedy=f"Styles: {', '.join(styles())}. `clipd style preview` shows them.",
            code="unknown_style",
        )
    return styles()[name]
