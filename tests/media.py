"""The shared test media: real material that stays outside the repository. Tests that need it are skipped without it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

MEDIA: Final = Path(__file__).resolve().parents[2] / "shared" / "media"


def media(name: str) -> Path:
    """A folder of the collection, such as `fx-broken`."""
    path = MEDIA / name
    if not path.is_dir():
        pytest.skip(f"shared test media {name} is not here")
    return path
