"""One stage a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.api.stage import Stage, stage


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Stage]:
    """A server with the default settings."""
    async with stage(tmp_path) as running:
        yield running
