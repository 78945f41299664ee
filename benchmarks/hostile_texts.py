"""Texts that were written to break captions: ASS overrides, filter graphs, control and bidi characters, heaps of marks.

Deterministic: the same seed gives the same texts.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

_ASS: Final = (
    r"{\fs4000\blur200\bord500}", r"{\p1}m 0 0 l 99999 0 99999 99999{\p0}", r"{\t(0,1,\fscx999999)}", r"\N\N\N\n\h",
    r"{\fnComic Sans MS}", r"{\pos(-9999,-9999)}", r"{\clip(m 0 0)}", "{", "}", "\\", r"\{", "{{}}", r"{\r}", r"{\an9}",
    "Dialogue: 0,0:00:00.00,9:00:00.00,c,,0,0,0,,x", "[Fonts]", "[Script Info]", "!: comment", "; comment",
)  # fmt: skip
_GRAPH: Final = (
    "';movie=/etc/passwd[x];[x]overlay", ",drawtext=text=x", "[0:v]", ":fontsdir=/", "%{metadata:x}", "$(id)", "`id`",
    "'", '"', "\\'", "a=b:c=d", "|", "&&", ";", "#", "file:///etc/passwd", "../../../x", "-vf", "%00", "%02d",
)  # fmt: skip
_CONTROL: Final = "".join(map(chr, (*range(32), 0x7F, *range(0x80, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xD800)))
_BIDI: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
_MARKS: Final = "".join(map(chr, (*range(0x300, 0x370), 0x20E3, 0xFE0F, 0x0E34, 0x0E47, 0x064B, 0x0651, 0x05B0)))
_EMOJI: Final = (
    "😀", "👩‍👩‍👧‍👦", "👍🏿", "🇩🇪", "🇩", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "❤️", "1️⃣",
    "👨🏽‍💻", "🏳️‍🌈", "\u200d\u200d", "🫠", "☠",
)  # fmt: skip
_SCRIPTS: Final = (
    "مرحبا", "بالعالم", "שלום", "नमस्ते", "こんにちは", "你好世界", "안녕하세요", "สวัสดี", "Ελληνικά", "Привет", "မင်္ဂလာပါ",
    "ជំរាបសួរ",
    "﷽", "ﬃ", "ǅ", "ß", "İ", "𝕳𝖊𝖑𝖑𝖔", "𐍈", "\U0001d173", "꧅", "𒐫", "㍿", "⸻", "∭", "\ufffd",
)  # fmt: skip
_LETTERS: Final = "WMiIlmw.,@_-gjy0123456789ÄÉñ"


def hostile_texts(count: int, seed: int) -> list[list[str]]:
    """The words of so many captions, 1 to 10 each."""
    draw = random.Random(seed)
    return [[_word(draw) for _ in range(draw.randint(1, 10))] for _ in range(count)]


def _word(draw: random.Random) -> str:
    return draw.choice(_KINDS)(draw)


def _some(draw: random.Random, letters: str, most: int) -> str:
    return "".join(draw.choices(letters, k=draw.randint(1, most)))


def _mixed(draw: random.Random) -> str:
    parts = [*_ASS, *_GRAPH, *_EMOJI, *_SCRIPTS, _some(draw, _BIDI, 5), _some(draw, _CONTROL, 5), "word"]
    return "".join(draw.choices(parts, k=draw.randint(2, 8)))


def _anything(draw: random.Random) -> str:
    return "".join(chr(draw.randrange(0x110000)) for _ in range(draw.randint(1, 40)))


def _zalgo(draw: random.Random) -> str:
    return "".join(letter + _some(draw, _MARKS, 60) for letter in _some(draw, "zalgoZALGO", 12))


_KINDS: Final[tuple[Callable[[random.Random], str], ...]] = (
    lambda draw: draw.choice(_ASS) + "word",
    lambda draw: draw.choice(_GRAPH),
    lambda draw: "a" + _some(draw, _CONTROL, 20) + "b",
    lambda draw: _some(draw, _BIDI, 8) + draw.choice(_SCRIPTS) + _some(draw, _BIDI, 8),
    lambda draw: "".join(draw.choices(_EMOJI, k=draw.randint(1, 30))),
    lambda draw: draw.choice(_SCRIPTS),
    lambda draw: _some(draw, _LETTERS, 60),
    lambda draw: draw.choice("WmÅ😀漢م") * draw.choice((100, 1_000, 10_000)),
    lambda draw: _some(draw, " \t\n\r\v\f\u00a0\u3000\u200b", 30),
    _mixed,
    _anything,
    _zalgo,
)
