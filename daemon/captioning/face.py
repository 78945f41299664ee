"""One font file: which letters it has, and how wide it sets them. HarfBuzz shapes here as it does inside libass.

Lengths are in em: 1.0 is the font size in pixels that `ass_size` turns into what ASS calls Fontsize.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import uharfbuzz as hb

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}\Z")  # goes into \fn: nothing that ends a tag
_MAX_BYTES: Final = 64 << 20
# Some fonts reserve room for marks that captions never have; more than this per line would tear lines apart.
_MAX_ASCENT, _MAX_DESCENT = 1.0, 0.4
_FULL_NAME, _POSTSCRIPT_NAME = 4, 6


@dataclass(frozen=True, slots=True)
class Glyphs:
    """A shaped text: its width, where each of its letters' advance ends, by the letter's place in the text, and the
    span that libass takes for its box when it aligns it.

    libass counts from the first glyph of each cluster, also where that is a dot which stands apart from its letter, as
    in the Arabic final feh: the middle of its box is not the middle of the word.
    """

    width: float
    ends: tuple[tuple[int, float], ...]
    box: tuple[float, float]


class Face:
    """A font of a file. Raises ValueError for one that cannot be used, OSError for one that cannot be read."""

    def __init__(self, path: Path, index: int = 0, scale: float = 1.0) -> None:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"{path.name} is larger than {_MAX_BYTES >> 20} MiB")
        self.path, self.scale = path, scale
        self._face = hb.Face(hb.Blob.from_file_path(str(path)), index)
        self._font = hb.Font(self._face)
        # libass, like GDI, knows a font by its full name, but one with PostScript outlines by its PostScript name
        outlines = len(self._face.reference_table("CFF ").data)
        self.name = str(self._face.get_name(_POSTSCRIPT_NAME if outlines else _FULL_NAME) or "")
        if not _NAME.match(self.name):
            raise ValueError(f"{path.name} has no name that can be used")
        os2, hhea = (self._face.reference_table(tag).data for tag in ("OS/2", "hhea"))
        if len(os2) < 78 or len(hhea) < 8 or not self._face.upem:
            raise ValueError(f"{path.name} has no usable metrics")
        ascent, descent = struct.unpack(">hh", hhea[4:8])
        win = struct.unpack(">HH", os2[74:78])  # usWinAscent, usWinDescent
        upem = int(self._face.upem)
        self.win_ascent, self.win_descent = (scale * value / upem for value in win)
        self.ascent = min(scale * ascent / upem, _MAX_ASCENT)
        self.descent = min(-scale * descent / upem, _MAX_DESCENT)

    @cached_property
    def letters(self) -> frozenset[int]:
        """Code points with a glyph."""
        return frozenset(self._face.unicodes)

    def has(self, group: str) -> bool:
        """Whether every character of a letter that would be seen has a glyph."""
        return all(ord(letter) in self.letters or _is_unseen(letter) for letter in group)

    def ass_size(self, em_px: float) -> float:
        """ASS Fontsize for this em: libass, like VSFilter, scales fonts by the cell of the OS/2 table."""
        return em_px * float(self.win_ascent + self.win_descent)

    def shape(self, text: str) -> Glyphs:
        """Set a text of one script."""
        buffer = hb.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        hb.shape(self._font, buffer)
        pairs = list(zip(buffer.glyph_infos, buffer.glyph_positions, strict=True))
        advances = {info.cluster: 0 for info, _ in pairs}
        firsts: dict[int, tuple[int, int]] = {}  # of each cluster, as seen from the left: the pen and the first offset
        pen = 0
        for info, position in pairs:
            firsts.setdefault(info.cluster, (pen, position.x_offset))
            advances[info.cluster] += position.x_advance
            pen += position.x_advance
        left = [x + offset for x, offset in firsts.values()]
        right = [x + offset + advances[cluster] for cluster, (x, offset) in firsts.items()]
        ltr, scale = buffer.direction == "ltr", self.scale / self._face.upem
        ends = {cluster: x + advances[cluster] if ltr else pen - x for cluster, (x, _) in firsts.items()}
        return Glyphs(
            width=pen * scale,
            ends=tuple((cluster, end * scale) for cluster, end in sorted(ends.items())),
            box=(min(left, default=0) * scale, max(right, default=0) * scale),
        )


def _is_unseen(letter: str) -> bool:
    """Joiners, variation selectors and tags: fonts need no glyph for them."""
    code = ord(letter)
    return code in {0x200C, 0x200D, 0x200E, 0x200F} or 0xFE00 <= code <= 0xFE0F or 0xE0020 <= code <= 0xE007F
