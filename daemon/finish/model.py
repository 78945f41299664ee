"""What finishing a revision gives. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Files by kind (absolute paths), and the fields of clip.json that say how they were made: JSON values.

    `notes` are codes: `no_video`, `font_missing:<package>`.
    """

    files: Mapping[str, Path]
    section: Mapping[str, Any]
    notes: tuple[str, ...] = ()
