"""A title as an ASS file: one typed event, its text without anything that libass would take for an order. Pure.

A single line `{\\fs4000\\blur200}` costs a renderer 700 MB, so braces and backslashes never get through
(reliability.md section 4), and the length, the marks on a letter and the number of lines are limited.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from core.times import Ns
from daemon.brand.model import Band
from daemon.captioning import Stage

LONGEST: Final = 120  # characters; three lines of 40
_MOST_MARKS: Final = 2  # on one letter; Vietnamese needs two
_MOST_LINES: Final = 3
_ORDERS: Final = str.maketrans({"{": "(", "}": ")", "\\": "/"})
_KEPT_FORMATS: Final = frozenset("\u200c\u200d\ufe0f")  # joiners of Persian and of emoji, and the emoji's own sign
_GONE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LETTER: Final = 0.56  # of the size, how wide a letter of a bold face is on average
_SMALLEST: Final = 0.7  # of the wanted size; then the title is cut short
_RGB: Final = re.compile(r"[0-9A-Fa-f]{6}\Z")
_FAMILY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]{0,49}\Z")
_ALIGNED: Final[dict[Band, int]] = {"top": 8, "middle": 5, "bottom": 2}
_FADE_MS: Final = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """`text` is a stranger's; colours are RRGGBB; `size` is the letters' height in pixels."""

    text: str
    start_ns: Ns
    end_ns: Ns
    band: Band
    size: int
    colour: str
    box: str | None = None
    fade: bool = True  # out, never in: the first frame is what many players show


def title_text(text: str) -> str:
    """One line of it that libass draws as it stands; "" when nothing is left."""
    known = unicodedata.normalize("NFC", text[: 8 * LONGEST]).translate(_ORDERS)
    kept, marks = [], 0
    for letter in known:
        kind = unicodedata.category(letter)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if letter.isspace():
            kept.append(" ")
        elif (kind not in _GONE or letter in _KEPT_FORMATS) and marks <= _MOST_MARKS:
            kept.append(letter)
    line = " ".join("".join(kept).split())
    shown = any(unicodedata.category(letter)[0] in "LNSP" for letter in line)
    return (line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…") if shown else ""


def title_script(title: Title, stage: Stage, family: str) -> str:
    """A whole ASS file. Raises ValueError for a colour or family of another form, and for a title without a letter."""
    text = title_text(title.text)
    colours = [title.colour, title.box or "000000"]
    if not text or not _FAMILY.match(family) or not all(_RGB.match(colour) for colour in colours):
        raise ValueError("a title without a letter, or a style of another form")
    size, lines = _fitted(text, title.size, stage.room_width)
    edge = max(2, round(size * (0.28 if title.box else 0.09)))
    margins = f"{stage.left + edge},{stage.right + edge},{_margin(title.band, stage) + edge}"
    style = (
        f"Title,{family},{size},{_bgr(colours[0])},{_bgr(colours[0])},{_bgr(colours[1])},{_bgr(colours[1])},"
        f"-1,0,0,0,100,100,0,0,{3 if title.box else 1},{edge},0,{_ALIGNED[title.band]},{margins},1"
    )
    fade = f"{{\\fad(0,{_FADE_MS})}}" if title.fade else ""
    event = f"0,{_clock(title.start_ns)},{_clock(title.end_ns)},Title,,0,0,0,,{fade}{_break(lines)}"
    return _FILE.format(width=stage.width, height=stage.height, style=style, event=event)


_FILE: Final = """\
[Script Info]
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}
WrapStyle: 0
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: {style}

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: {event}
"""


def _margin(band: Band, stage: Stage) -> int:
    if band == "middle":
        return 0
    inset = stage.top if band == "top" else stage.bottom
    return max(inset, round(stage.height * 0.05))


def _fitted(text: str, size: int, free: int) -> tuple[int, list[str]]:
    """The size, smaller where the text needs it, and at most three lines; the last ends with an ellipsis if it must."""
    lines: list[str] = []
    for share in (1.0, 0.85, _SMALLEST):
        smaller = max(8, round(size * share))
        room = max(4, int(free / (_LETTER * smaller)) - 2)
        lines = _wrapped(text, room)
        if len(lines) <= _MOST_LINES:
            return smaller, lines
    short = [*lines[: _MOST_LINES - 1], _cut(lines[_MOST_LINES - 1], room - 1) + "…"]
    return smaller, short


def _wrapped(text: str, room: int) -> list[str]:
    """Broken at blanks; a word longer than a line, or a script without blanks, anywhere."""
    lines = [""]
    for word in text.split():
        both = f"{lines[-1]} {word}".strip()
        if _columns(both) <= room:
            lines[-1] = both
            continue
        if lines[-1]:
            lines.append("")
        rest = word
        while _columns(rest) > room:
            piece = _cut(rest, room)
            lines[-1] = piece
            lines.append("")
            rest = rest[len(piece) :]
        lines[-1] = rest
    return [line for line in lines if line]


def _cut(text: str, room: int) -> str:
    """As much of the begin as fits, one letter at least."""
    return text[: max(1, sum(end <= room for end in accumulate(_columns(letter) for letter in text)))]


def _columns(text: str) -> int:
    """Letters; a wide one (Chinese, Japanese, Korean, emoji) counts two, a mark on another none."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )


def _break(lines: list[str]) -> str:
    return "\\N".join(lines)


def _bgr(rgb: str) -> str:
    return f"&H00{rgb[4:6]}{rgb[2:4]}{rgb[0:2]}".upper()


def _clock(t_ns: Ns) -> str:
    """`h:mm:ss.cc`, rounded to the hundredth that ASS knows."""
    hundredths = (t_ns + 5_000_000) // 10_000_000
    seconds, cc = divmod(hundredths, 100)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{cc:02d}"
