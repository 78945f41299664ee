"""The shared test media: real material that stays outside the repository. Tests that need it are skipped without it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
MEDIA: Final = Path(os.environ.get("CLIPD_TEST_MEDIA") or ROOT.parent / "shared" / "media")


def media(name: str) -> Path:
    """A folder or file of the collection, such as `fx-broken` or `fx-game/fx_ministream.mp4`."""
    path = MEDIA / name
    if not path.exists():
        pytest.skip(f"no-media: {name} is not in ../shared/media; CLIPD_TEST_MEDIA may name another folder")
    return path
