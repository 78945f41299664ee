"""What the demo's tests share: one loop of video and one recipe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from daemon.demo.recipe import Recipe
from daemon.demo.render import VideoLoop


@pytest.fixture(scope="session")
def video() -> Iterator[VideoLoop]:
    """The bundled loop."""
    loop = VideoLoop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """A recipe with a seed of its own."""
    return Recipe.from_seed(11)
