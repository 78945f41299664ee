"""ASS as values, and the one function that writes it.

pysubs2 was tried and does not fit: it holds an event's text as one string in which words and overrides are mixed, so
words could become markup. Here they are different types: tags are built from numbers, colours and checked font names,
and a text with a character that means something to ASS is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_EVENTS: Final = 40_000
MAX_TEXT: Final = 400  # characters of one run
_BAD_TEXT: Final = re.compile(r"[{}\\\x00-\x1f\x7f-\x9f\u2028\u2029]")
_FONT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*\Z")
_TAGS: Final = frozenset(
    {"1a", "1c", "2c", "3a", "3c", "4a", "4c", "an", "bord", "clip", "fscx", "fscy", "k", "kf", "move", "pos", "shad"}
)
_COLOURS: Final = frozenset({"1c", "2c", "3c", "4c"})
_ALPHAS: Final = frozenset({"1a", "3a", "4a"})
_IN_BRACKETS: Final = frozenset({"clip", "move", "pos"})


@dataclass(frozen=True, slots=True)
class Tag:
    r"""One override: `Tag("pos", (540, 960))`; colours are RRGGBB texts, alphas 0 (unseen) to 1."""

    name: str
    values: tuple[float | str, ...]

    def written(self) -> str:
        """As in ASS. Raises ValueError for a tag or value that is not ours."""
        if self.name not in _TAGS:
            raise ValueError(f"{self.name!r} is not a tag we use")
        if self.name in _COLOURS:
            return f"\\{self.name}{_colour(str(self.values[0]))}"
        numbers = [_number(value) for value in self.values]
        if self.name in _ALPHAS:
            return f"\\{self.name}&H{round(255 * (1 - float(self.values[0]))):02X}&"
        return f"\\{self.name}({','.join(numbers)})" if self.name in _IN_BRACKETS else f"\\{self.name}{numbers[0]}"


@dataclass(frozen=True, slots=True)
class Change:
    r"""Tags reached over a time within the event: `\t(from,to,...)`, in ms from its start."""

    from_ms: int
    to_ms: int
    tags: tuple[Tag, ...]

    def written(self) -> str:
        """As in ASS."""
        return f"\\t({self.from_ms:d},{self.to_ms:d},{''.join(tag.written() for tag in self.tags)})"


@dataclass(frozen=True, slots=True)
class Text:
    """Letters in one font; `size` is ASS's Fontsize."""

    font: str
    size: float
    text: str

    def written(self) -> str:
        """As in ASS. Raises ValueError for a text or font name that would be more than that."""
        if not _FONT.match(self.font) or _BAD_TEXT.search(self.text) or len(self.text) > MAX_TEXT:
            raise ValueError("a text that is not plain")
        return f"{{\\fn{self.font}\\fs{_number(self.size)}}}{self.text}"


@dataclass(frozen=True, slots=True)
class Shape:
    """A rectangle with rounded corners, from (0, 0), in pixels."""

    width: float
    height: float
    radius: float

    def written(self) -> str:
        """As a drawing; the corners are the usual cubic curves for a quarter of a circle."""
        w, h = self.width, self.height
        r = min(self.radius, w / 2, h / 2)
        c = r * (1 - 0.5523)
        path = (
            *("m", r, 0, "l", w - r, 0, "b", w - c, 0, w, c, w, r),
            *("l", w, h - r, "b", w, h - c, w - c, h, w - r, h),
            *("l", r, h, "b", c, h, 0, h - c, 0, h - r),
            *("l", 0, r, "b", 0, c, c, 0, r, 0),
        )
        return "{\\p1}" + " ".join(part if isinstance(part, str) else _number(part) for part in path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the script; times in hundredths of a second, `word` is the place of its word in the input or -1."""

    layer: int
    start_cs: int
    end_cs: int
    tags: tuple[Tag | Change, ...]
    body: tuple[Text, ...] | Shape
    word: int = -1

    def written(self) -> str:
        """As in ASS."""
        tags = "".join(tag.written() for tag in self.tags)
        body = self.body.written() if isinstance(self.body, Shape) else "".join(text.written() for text in self.body)
        times = f"{_time(self.start_cs)},{_time(self.end_cs)}"
        return f"Dialogue: {self.layer:d},{times},c,,0,0,0,,{{{tags}}}{body}"


# Encoding -1 finds each line's direction by its first strong letter; wrap style 2 breaks nowhere.
_HEAD: Final = """[Script Info]
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}
LayoutResX: {width}
LayoutResY: {height}
WrapStyle: 2
ScaledBorderAndShadow: yes
Kerning: yes
YCbCr Matrix: None

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: c,Montserrat ExtraBold,64,&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,0,0,5,0,0,0,-1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def script(width: int, height: int, events: Sequence[Event]) -> str:
    """A whole ASS file for a canvas in pixels. Raises ValueError above MAX_EVENTS, or for what is not plain."""
    if len(events) > MAX_EVENTS:
        raise ValueError(f"more than {MAX_EVENTS} events")
    lines = [event.written() for event in events if event.end_cs > event.start_cs]
    return "\n".join([_HEAD.format(width=int(width), height=int(height)) + "\n".join(lines), ""])


def _number(value: float | str) -> str:
    number = float(value)
    if not math.isfinite(number) or abs(number) > 100_000:
        raise ValueError(f"{value!r} is no number for a script")
    return f"{number:.2f}".rstrip("0").rstrip(".")


def _colour(colour: str) -> str:
    if not re.fullmatch(r"[0-9A-F]{6}", colour):
        raise ValueError(f"{colour[:20]!r} is no colour")
    return f"&H{colour[4:]}{colour[2:4]}{colour[:2]}&"


def _time(value_cs: int) -> str:
    seconds, cs = divmod(value_cs, 100)
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    return f"{hours:d}:{m:02d}:{s:02d}.{cs:02d}"
