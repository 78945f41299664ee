"""One checked kit for the tests that draw."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.brand import Kit, load_kit
from tests.unit.brand.made import folder


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the kit's files lie, and what is drawn."""
    return tmp_path_factory.mktemp("job")


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory, job: Path) -> Kit:
    """Everything that a kit can have."""
    return load_kit(folder(tmp_path_factory.mktemp("kit")), job)
