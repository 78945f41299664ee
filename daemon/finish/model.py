"""What finishing a revision gives. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How one clip shall look, where that is not as the settings say: names as in `clips.layout`, `clips.captions`."""

    layout: str | None = None
    captions: str | None = None

    def over(self, newer: Style) -> Style:
        """What the newer one says, and else this one."""
        return Style(layout=newer.layout or self.layout, captions=newer.captions or self.captions)


AS_SET: Final = Style()  # as the settings say


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Files by kind (absolute paths), and the fields of clip.json that say how they were made: JSON values.

    `notes` are codes: `no_video`, `font_missing:<package>`.
    """

    files: Mapping[str, Path]
    section: Mapping[str, Any]
    notes: tuple[str, ...] = ()
