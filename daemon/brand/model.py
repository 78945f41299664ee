"""brand.yaml as a value: what may stand in it, with its limits. Pure.

Sizes are in % of the picture's width (logo, margins) or height (bar, title), so that one kit fits every format.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from core.times import Ns, ns

Corner = Literal["top_left", "top_right", "bottom_left", "bottom_right"]
Band = Literal["top", "middle", "bottom"]
IMAGE_ENDS: Final = (".png", ".jpg", ".jpeg", ".webp")
FONT_ENDS: Final = (".ttf", ".otf")
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}\Z")
_HEX: Final = re.compile(r"#[0-9A-Fa-f]{6}\Z")
_PALETTE: Final = ("main", "text", "back")


class ColourError(ValueError):
    """A colour of another form."""


def _colour(value: object) -> object:
    if value is None:  # `colour: #FF0055` is a comment to YAML
        raise ColourError('no colour there; put it in quotes, as in "#FF0055"')
    if isinstance(value, str) and (value in _PALETTE or _HEX.match(value)):
        return value.upper() if value.startswith("#") else value
    raise ColourError('write "#RRGGBB" in quotes, or one of your colours: main, text, back')


def _plain(value: object) -> object:
    if isinstance(value, str) and value in _PALETTE:
        raise ColourError('write "#RRGGBB" in quotes')
    return _colour(value)


def _file(ends: tuple[str, ...]) -> AfterValidator:
    def check(value: str) -> str:
        if not _FILE.match(value) or ".." in value:
            raise ValueError("name a file in the brand's folder, by letters, digits, blanks, dots, - and _")
        if not value.lower().endswith(ends):
            raise ValueError(f"only {', '.join(ends)} files are taken")
        return value

    return AfterValidator(check)


Colour = Annotated[str, BeforeValidator(_colour)]
Hex = Annotated[str, BeforeValidator(_plain)]
ImageFile = Annotated[str, _file(IMAGE_ENDS)]
FontFile = Annotated[str, _file(FONT_ENDS)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Colours(_Part):
    """The palette that other parts name."""

    main: Hex = "#FF3B5C"
    text: Hex = "#FFFFFF"
    back: Hex = "#101418"


class Overlay(_Part):
    """A logo or watermark. It never leaves the platform's safe area."""

    image: ImageFile
    corner: Corner = "top_right"
    width_pct: float = Field(14.0, ge=1, le=60)
    opacity: float = Field(1.0, gt=0, le=1)
    margin_pct: float = Field(4.0, ge=0, le=30)


class Card(_Part):
    """Shown before or after the clip: a picture on a colour, a title on it, or both."""

    seconds: float = Field(2.0, ge=0.5, le=10)
    image: ImageFile | None = None
    colour: Colour = "back"
    title: str = Field("", max_length=200)
    title_colour: Colour = "text"


class Hook(_Part):
    """The clip's title over its first seconds."""

    show: bool = True
    seconds: float = Field(3.0, ge=0.5, le=15)
    position: Band = "top"
    colour: Colour = "text"
    box: Colour | None = "main"
    size_pct: float = Field(4.2, ge=2, le=10)


class Progress(_Part):
    """A bar that grows as the clip plays."""

    colour: Colour = "main"
    height_pct: float = Field(0.8, ge=0.2, le=5)
    position: Literal["top", "bottom"] = "bottom"


class Brand(_Part):
    """A whole brand.yaml. `captions` names a caption style; whether there is one is captioning's to say."""

    name: str = Field("", max_length=100)
    colours: Colours = Colours()
    font: FontFile | None = None
    captions: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]{0,39}$")
    logo: Overlay | None = None
    watermark: Overlay | None = None
    intro: Card | None = None
    outro: Card | None = None
    hook: Hook | None = None
    progress: Progress | None = None

    @model_validator(mode="after")
    def _same_corner(self) -> Self:
        if self.logo and self.watermark and self.logo.corner == self.watermark.corner:
            raise ValueError("logo and watermark lie in the same corner")
        return self

    def rgb(self, colour: str) -> str:
        """`RRGGBB` of a colour or of one of the palette's."""
        return str(getattr(self.colours, colour, colour)).removeprefix("#")

    @property
    def intro_ns(self) -> Ns:
        """How much later everything in the clip is in the finished file."""
        return ns(self.intro.seconds) if self.intro else Ns(0)

    @property
    def outro_ns(self) -> Ns:
        """How long it goes on after the clip."""
        return ns(self.outro.seconds) if self.outro else Ns(0)

    def images(self) -> dict[str, str]:
        """Files by the part they are for."""
        parts = {part: getattr(self, part) for part in ("logo", "watermark", "intro", "outro")}
        return {part: value.image for part, value in parts.items() if value and value.image}

    def to_json(self) -> dict[str, Any]:
        """As in clip.json."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, document: object) -> Brand:
        """What to_json gave. Raises ValueError."""
        return cls.model_validate(document)
