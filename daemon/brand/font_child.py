"""Run as a file in a limited child: `font_child.py IN OUT`. Reads a font, writes it anew with what drawing needs.

What is left out: programs (hinting), bitmaps, colour layers, SVG, variations, and its names, which libass would match
and show. Every outline is parsed on the way, so that FreeType gets what fontTools has written.
"""

import sys

from fontTools.ttLib import TTFont

FAMILY = "Clipd Brand"
KEPT = {"cmap", "head", "hhea", "hmtx", "maxp", "name", "OS/2", "post", "glyf", "loca", "CFF "}
KEPT |= {"GSUB", "GPOS", "GDEF", "kern"}
NEEDED = {"cmap", "head", "hhea", "hmtx", "maxp", "name"}


def main(source: str, target: str) -> None:
    """Ends with 1 and a last line on stderr for what is no font that can be drawn, also by an error of the parser."""
    font = TTFont(source, fontNumber=-1, lazy=False, recalcTimestamp=False, recalcBBoxes=False)
    if not set(font.keys()) >= NEEDED or not ({"glyf", "CFF "} & set(font.keys())):
        sys.exit("it lacks the tables of a TrueType or OpenType font")
    for tag in [tag for tag in font.keys() if tag not in KEPT and tag != "GlyphOrder"]:  # noqa: SIM118  # no mapping
        del font[tag]
    if not font.getBestCmap():
        sys.exit("it has no letters")
    _plain_outlines(font)
    _rename(font)
    font.save(target, reorderTables=True)


def _plain_outlines(font: TTFont) -> None:
    if "glyf" not in font:
        return
    table = font["glyf"]
    for name in font.getGlyphOrder():
        glyph = table[name]
        glyph.removeHinting()
        glyph.expand(table)


def _rename(font: TTFont) -> None:
    names = font["name"]
    names.names = []
    for number, text in ((1, FAMILY), (2, "Regular"), (3, FAMILY), (4, FAMILY), (6, "ClipdBrand")):
        names.setName(text, number, 3, 1, 0x409)
        names.setName(text, number, 1, 0, 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
