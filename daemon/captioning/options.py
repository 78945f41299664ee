"""The part of clip.json that people edit: `words`, and the `captions` object. Checked here, with errors that say where.

Everything a caption script is made of stands in these two, so that an edit and `clipd render` change the captions and
nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from core.errors import UsageError
from core.times import Ns, ns
from core.words import Word
from daemon.captioning.colour import LARGE_TEXT, Colour, contrast
from daemon.captioning.style import Active, Style, style_named

MAX_WORDS: Final = 6_000  # 25 minutes of fast speech
_MAX_TEXT: Final = 20_000  # characters of one word's text, before it is cut to what is shown
_MAX_S: Final = 24 * 3600.0
_PLACES: Final = {"top": 0.0, "middle": 0.5, "bottom": 1.0}
# Told apart also by people who see few colours; all stand out on black (contrast 8 and more). After Okabe and Ito.
SPEAKERS: Final = ("FFE600", "56B4E9", "FF9E2C", "7CFFB2", "F7A8D8", "FFFFFF")


class Colours(BaseModel, frozen=True, extra="forbid"):
    """Colours in place of the style's own."""

    text: Colour | None = None
    active: Colour | None = None
    outline: Colour | None = None
    box: Colour | None = None


class CaptionOptions(BaseModel, frozen=True, extra="forbid"):
    """The `captions` object of clip.json."""

    style: str = "highlight_word"
    position: Literal["top", "middle", "bottom"] | float | None = None
    size: float = Field(1.0, ge=0.5, le=1.6)
    capitals: bool | None = None
    mask: Literal["off", "letters", "symbols"] = "off"
    languages: tuple[str, ...] = ("en",)
    colours: Colours = Colours()
    speakers: dict[int, Colour] = Field(default_factory=dict)

    @field_validator("position")
    @classmethod
    def _inside(cls, position: str | float | None) -> str | float | None:
        if isinstance(position, float) and not 0 <= position <= 1:
            raise ValueError("a position is top, middle, bottom, or from 0 (top) to 1 (bottom)")
        return position

    @model_validator(mode="after")
    def _readable(self) -> Self:
        style = self.dressed()
        seen = [style.colour, *([style.active.colour] if style.active else []), *self.speakers.values()]
        behind = style.box.colour if style.box and style.box.of == "line" else style.outline_colour
        for colour in seen:
            if (style.box is None or style.box.of == "line") and contrast(colour, behind) < LARGE_TEXT:
                raise ValueError(f"{colour} cannot be read on {behind} (contrast below {LARGE_TEXT:.0f}:1)")
        return self

    @property
    def place(self) -> float | None:
        """0 the top of the safe area, 1 its bottom, None where the canvas' default is wanted."""
        return _PLACES[self.position] if isinstance(self.position, str) else self.position

    def dressed(self) -> Style:
        """The style with these options. Raises UsageError for an unknown one."""
        style, wanted = style_named(self.style), self.colours
        changes: dict[str, Any] = {"size": min(1.5, max(0.5, style.size * self.size))}
        if self.capitals is not None:
            changes["capitals"] = self.capitals
        changes |= {"colour": wanted.text} if wanted.text else {}
        changes |= {"outline_colour": wanted.outline} if wanted.outline else {}
        if wanted.active:
            scale = style.active.scale if style.active else 1.0
            changes["active"] = Active(colour=wanted.active, scale=scale)
        if wanted.box and style.box:
            changes["box"] = style.box.model_copy(update={"colour": wanted.box})
        return style.model_copy(update=changes)

    def speaker_colour(self, speaker: int) -> str:
        """Given, or of our own palette in the order of their numbers."""
        return self.speakers.get(speaker, SPEAKERS[speaker % len(SPEAKERS)])


def caption_options(document: Mapping[str, Any]) -> CaptionOptions:
    """Of the JSON object. Raises UsageError(`bad_captions`) that names the field."""
    try:
        return CaptionOptions.model_validate(document)
    except ValidationError as err:
        first = err.errors()[0]
        where = ".".join(["captions", *map(str, first["loc"])])
        raise _bad(where, str(first["msg"]).removeprefix("Value error, ")) from err


def caption_words(rows: Sequence[Any]) -> tuple[Word, ...]:
    """The `words` of clip.json as people edited them. Raises UsageError(`bad_captions`) that names the word."""
    if not isinstance(rows, Sequence) or isinstance(rows, str) or len(rows) > MAX_WORDS:
        raise _bad("words", f"it is a list of at most {MAX_WORDS} words")
    return tuple(_word(f"words[{number}]", row) for number, row in enumerate(rows))


def word_speakers(rows: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Which word was said by which speaker, where the words say so. Raises UsageError(`bad_captions`)."""
    found = {}
    for number, row in enumerate(rows):
        speaker = row.get("speaker")
        if speaker is not None:
            if not isinstance(speaker, int) or isinstance(speaker, bool) or not 0 <= speaker < 1000:
                raise _bad(f"words[{number}].speaker", "it is a number from 0 to 999")
            found[number] = speaker
    return found


def _word(where: str, row: Any) -> Word:
    if not isinstance(row, Mapping):
        raise _bad(where, "it is an object with text, start_s and end_s")
    text = row.get("text")
    if not isinstance(text, str) or len(text) > _MAX_TEXT:
        raise _bad(f"{where}.text", f"it is a text of at most {_MAX_TEXT} characters")
    start_ns, end_ns = (_time(f"{where}.{name}", row.get(name)) for name in ("start_s", "end_s"))
    if end_ns < start_ns:
        raise _bad(f"{where}.end_s", "the word ends before it begins")
    prob = row.get("prob", 1.0)
    if isinstance(prob, bool) or not isinstance(prob, int | float) or not 0 <= prob <= 1:
        raise _bad(f"{where}.prob", "it is a number from 0 to 1")
    return Word(text=text, start_ns=start_ns, end_ns=end_ns, prob=float(prob), vad=1.0, epoch=0)


def _time(where: str, value: Any) -> Ns:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > _MAX_S:
        raise _bad(where, "it is a time in seconds")
    return ns(value)


def _bad(where: str, why: str) -> UsageError:
    return UsageError(f"{where}: {why}", remedy="docs/captions.md describes what may be edited.", code="bad_captions")
