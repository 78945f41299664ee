"""Pictures, fonts and folders for the brand tests, made by the tests themselves."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from tests.unit.clips.footage import encode

YAML = """\
name: My channel
colours: {main: "#FF3B5C", text: "#FFFFFF", back: "#102030"}
font: face.ttf
captions: highlight_word
logo: {image: logo.png, corner: top_right, width_pct: 20, opacity: 0.9}
watermark: {image: mark.webp, corner: bottom_left, width_pct: 10, opacity: 0.5}
intro: {seconds: 1, image: logo.png, title: My channel}
outro: {seconds: 1, colour: main, title: Thanks for watching}
hook: {seconds: 2, position: top}
progress: {colour: main, height_pct: 1}
"""


def png(
    width: int,
    height: int,
    *,
    rgb: bytes = b"\xff\x00\x00",
    claimed: tuple[int, int] | None = None,
    beside: tuple[bytes, bytes] | None = None,
) -> bytes:
    """A plain picture; `claimed` is what the header says, `beside` a chunk after it."""
    chunks = [beside] if beside else []
    rows = (b"\x00" + rgb * width) * height
    header = struct.pack(">IIBBBBB", *(claimed or (width, height)), 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
        for tag, data in ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )


def picture(target: Path, size: str = "200x100") -> Path:
    """A JPEG or WebP by ffmpeg."""
    return encode(target, f"-f lavfi -i testsrc2=s={size} -frames:v 1 -update 1")


def font(letters: str = "ABC abc!") -> bytes:
    """A small font whose letters are boxes."""
    builder = FontBuilder(1000, isTTF=True)
    names = [".notdef", *(f"u{ord(letter):04X}" for letter in letters)]
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): f"u{ord(letter):04X}" for letter in letters})
    pen = TTGlyphPen(None)
    for x, y in ((0, 0), (0, 700), (500, 700), (500, 0)):
        (pen.moveTo if (x, y) == (0, 0) else pen.lineTo)((x, y))
    pen.closePath()
    box = pen.glyph()
    builder.setupGlyf(dict.fromkeys(names, box))
    builder.setupHorizontalMetrics({name: (600, 0) for name in names})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "{\\fs4000}Evil", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    file = BytesIO()
    builder.save(file)
    return file.getvalue()


def folder(where: Path, yaml: str = YAML) -> Path:
    """A brand folder with everything that YAML names."""
    where.mkdir(parents=True, exist_ok=True)
    (where / "brand.yaml").write_text(yaml)
    (where / "logo.png").write_bytes(png(200, 100))
    picture(where / "mark.webp")
    (where / "face.ttf").write_bytes(font())
    return where
