"""A catalog on each database: a SQLite file, and a database of its own on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from supervisor.catalog import Catalog
from tests.contract.catalog.servers import Postgres
from tests.fakes import FakeClock


@pytest.fixture(scope="package")
def postgres() -> Iterator[Postgres]:
    """A server of these files' own."""
    server = Postgres.make()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/catalog.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.emptied()


@pytest.fixture
async def catalog(url: str, clock: FakeClock) -> AsyncIterator[Catalog]:
    opened = await Catalog.open(url, clock)
    yield opened
    await opened.close()
