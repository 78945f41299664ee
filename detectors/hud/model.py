"""A game's HUD as data: where things show, how they look, what they mean. Frozen; a typo is an error.

Lengths are in heights of the game's picture: 0.1 is a tenth of it, at any resolution and aspect. docs/huds.md explains
every key to users.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from core.game import NAME_LENGTH, GameKind
from detectors.hud.phrases import parse_phrase
from detectors.units import Share

ANY_PLAYER: Final = "any"  # `player` of a broadcast: everyone's kills are what one came to see

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Offset = Annotated[float, Field(ge=-4, le=4)]
Length = Annotated[float, Field(gt=0, le=4)]
Shown = Annotated[float, Field(ge=0.4, le=60, description="Seconds that it stays on the screen, at least.")]
Anchor = Literal["top-left", "top", "top-right", "left", "centre", "right", "bottom-left", "bottom", "bottom-right"]


class _Part(BaseModel, frozen=True, extra="forbid"):
    pass


class Region(_Part):
    """A rectangle of the picture, `w` by `h`.

    `x` and `y` count inwards from the edges that the anchor names; where it names none (`top`: no edge left or right),
    they move the rectangle's middle right and down from the picture's.
    """

    anchor: Anchor = "top-left"
    x: Offset = 0.0
    y: Offset = 0.0
    w: Length
    h: Annotated[float, Field(gt=0, le=1)]


class Screen(_Part):
    """Where the game lies in the stream's picture, in shares of its width and height."""

    x: Share = 0.0
    y: Share = 0.0
    w: Annotated[float, Field(ge=0.2, le=1)] = 1.0
    h: Annotated[float, Field(ge=0.2, le=1)] = 1.0

    @model_validator(mode="after")
    def _inside(self) -> Screen:
        if self.x + self.w > 1.0001 or self.y + self.h > 1.0001:
            raise ValueError("the screen reaches out of the picture")
        return self


class Colour(_Part):
    """A range of colours: hue in degrees (340 to 20 is red), saturation and value in 0..1."""

    hue: tuple[Annotated[float, Field(ge=0, le=360)], Annotated[float, Field(ge=0, le=360)]] = (0.0, 360.0)
    saturation: tuple[Share, Share] = (0.0, 1.0)
    value: tuple[Share, Share] = (0.0, 1.0)

    @model_validator(mode="after")
    def _ordered(self) -> Colour:
        if self.saturation[0] > self.saturation[1] or self.value[0] > self.value[1]:
            raise ValueError("saturation and value go from low to high")
        return self


class Gate(_Part):
    """Passes where the share of pixels in any of the colours lies between two bounds."""

    colours: Annotated[tuple[Colour, ...], Field(min_length=1, max_length=8)]
    share: tuple[Share, Share] = (0.02, 1.0)

    @model_validator(mode="after")
    def _ordered(self) -> Gate:
        if self.share[0] > self.share[1]:
            raise ValueError("share goes from low to high")
        return self


class Mark(_Part):
    """A picture of a thing that the HUD shows, cut out of a frame of `height` lines; transparent pixels don't count."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}\.png$")]
    threshold: Annotated[float, Field(ge=0.4, le=0.99)] = 0.75
    gate: Gate | None = Field(default=None, description="Of the pixels under the mark, where it is found.")


class _Rule(_Part):
    name: Name
    region: Name


class FeedRule(_Rule):
    """Rows that come and go: who killed whom. A row is found by a mark in it, or by scanlines in the gate's colours."""

    kind: Literal["feed"]
    row_h: Annotated[float, Field(ge=0.01, le=0.3, description="From one row to the next.")]
    marks: tuple[Name, ...] = Field(default=(), max_length=64, description="Any of them; its name is the weapon's.")
    gate: Gate | None = Field(default=None, description="Without marks: `share` is of a scanline of the region.")
    own_kill: Gate | None = Field(default=None, description="Of the row, when the streamer killed.")
    own_death: Gate | None = Field(default=None, description="Of the row, when the streamer was killed.")
    names: Literal["who-victim", "victim-who", "none"] = "who-victim"
    phrases: tuple[str, ...] = Field(default=(), max_length=64, description="Rows that are sentences; others are none.")
    shown_s: Shown = 4.0

    @model_validator(mode="after")
    def _found_by_one(self) -> FeedRule:
        if bool(self.marks) == (self.gate is not None):
            raise ValueError("a row is found by `marks` or by a `gate`, and by one of them")
        _check_phrases(self.phrases)
        return self


class BannerRule(_Rule):
    """A mark that appears means one event; of the banners of one region only the best match counts."""

    kind: Literal["banner"]
    marks: Annotated[tuple[Name, ...], Field(min_length=1, max_length=16)]
    event: GameKind
    count: Annotated[int, Field(ge=1, le=100)] = 1
    own: bool = True
    shown_s: Shown = 1.5


class CounterRule(_Rule):
    """Digits whose rise by 1 to `most` is as many events; read by marks of the digits, else by OCR on change."""

    kind: Literal["counter"]
    event: GameKind = GameKind.KILL
    own: bool = True
    digits: tuple[Name, ...] = Field(
        default=(), description="Marks of 0 to 9 in that order, and of a minus if there is one."
    )
    gate: Gate | None = Field(default=None, description="The digits' colours: OCR only when these pixels change.")
    most: Annotated[int, Field(ge=1, le=20)] = 5

    @model_validator(mode="after")
    def _ten(self) -> CounterRule:
        if len(self.digits) not in (0, 10, 11):
            raise ValueError("digits are ten marks, of 0 to 9, and a minus if there is one")
        if not self.digits and self.gate is None:
            raise ValueError("a number is known by the marks of its `digits`, or read where a `gate`'s colours change")
        return self


class TextRule(_Rule):
    """Words of a region, read when its pixels in the gate's colours change; a line that fits a phrase is an event."""

    kind: Literal["text"]
    gate: Gate
    phrases: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]
    event: GameKind
    count: Annotated[int, Field(ge=1, le=100)] = 1
    own: bool = Field(default=True, description="Where a phrase names {who} or {victim}, the player's name decides.")
    shown_s: Shown = 2.0

    @model_validator(mode="after")
    def _read(self) -> TextRule:
        _check_phrases(self.phrases)
        return self


class SceneRule(_Rule):
    """Menus, scoreboards, replays, buy phases: while one is seen, and `linger_s` after, nothing is reported.

    With `requires` it is the other way round: nothing is reported unless it is seen.
    """

    kind: Literal["scene"]
    marks: Annotated[tuple[Name, ...], Field(min_length=1, max_length=16)]
    requires: bool = False
    linger_s: Annotated[float, Field(ge=0, le=30)] = 1.0


class Label(_Part):
    """What one class of a model means."""

    event: GameKind
    count: Annotated[int, Field(ge=1, le=100)] = 1
    own: bool = True


class ModelRule(_Rule):
    """Things that an object detection model finds (the extra `yolo`); `labels` by the names of its classes."""

    kind: Literal["model"]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}\.onnx$")]
    labels: Annotated[dict[str, Label], Field(min_length=1, max_length=100)]
    threshold: Annotated[float, Field(ge=0.1, le=0.99)] = 0.5
    shown_s: Shown = 1.5


Rule = Annotated[FeedRule | BannerRule | CounterRule | TextRule | SceneRule | ModelRule, Field(discriminator="kind")]


class Sound(_Part):
    """A sound of the game that means something: mono WAV, 0.1 to 3 s. Alone it is weak evidence."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}\.wav$")]
    event: GameKind = GameKind.KILL
    count: Annotated[int, Field(ge=1, le=100)] = 1
    own: bool = True
    threshold: Annotated[float, Field(ge=0.2, le=0.99)] = 0.5  # no false alarm in benchmarks.cues


class Hud(_Part):
    """hud.yaml. Marks are stored for a picture of `height` lines, and everything is compared at that height."""

    game: Name
    title: Annotated[str, Field(min_length=1, max_length=60)]
    height: Annotated[int, Field(ge=240, le=1080)] = 720
    player: Annotated[str, Field(max_length=NAME_LENGTH, description="The streamer's name; `any`: everyone's.")] = ""
    screen: Screen = Screen()
    regions: Annotated[dict[Name, Region], Field(min_length=1, max_length=32)]
    marks: Annotated[dict[Name, Mark], Field(max_length=256)] = {}
    rules: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=64)]
    sounds: Annotated[dict[Name, Sound], Field(max_length=16)] = {}

    @model_validator(mode="after")
    def _names_known(self) -> Hud:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.name in seen:
                raise ValueError(f"two rules are called {rule.name}")
            seen.add(rule.name)
            if rule.region not in self.regions:
                raise ValueError(f"rule {rule.name} names the region {rule.region}, which is not there")
            for mark in marks_of(rule):
                if mark not in self.marks:
                    raise ValueError(f"rule {rule.name} names the mark {mark}, which is not there")
        return self


def marks_of(rule: Rule) -> tuple[str, ...]:
    """The names of the marks that a rule looks for."""
    if isinstance(rule, CounterRule):
        return rule.digits
    return () if isinstance(rule, TextRule | ModelRule) else rule.marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A sound to listen for: `samples` are 16 kHz mono float32 in -1..1, shape (n,), 0.1 to 3 s."""

    rule: Sound
    samples: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedHud:
    """A HUD with its pictures and sounds. `marks`: RGBA uint8 of shape (h, w, 4), for a picture of `hud.height` lines.

    `models` are ONNX files by their names in rules, as paths that were checked.
    """

    hud: Hud
    marks: Mapping[str, NDArray[np.uint8]] = field(repr=False)
    cues: Mapping[str, Cue] = field(default_factory=dict, repr=False)
    models: Mapping[str, str] = field(default_factory=dict)


def _check_phrases(phrases: Iterator[str] | tuple[str, ...]) -> None:
    for phrase in phrases:
        parse_phrase(phrase)
