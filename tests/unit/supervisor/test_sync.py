"""Streams of the settings file in the catalog: added, changed, removed, and put back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from configs.streams import StreamEntry
from core.errors import UsageError
from daemon.cli.configured import row_of
from supervisor.catalog import Catalog
from supervisor.catalog.values import StreamRow
from supervisor.up import check_workspaces, sync
from tests.fakes import FakeClock

ANN = row_of(StreamEntry(name="Ann B", source="https://example.com/ann", rights="own"))


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    opened = await Catalog.open(f"sqlite:///{tmp_path}/catalog.db", FakeClock())
    yield opened
    await opened.close()


async def known(catalog: Catalog) -> list[tuple[str, str, str]]:
    return [(row.name, row.source, row.wanted) for row in await catalog.all_streams()]


async def test_the_file_says_which_streams_there_are(catalog: Catalog) -> None:
    await sync(catalog, [ANN])
    await sync(catalog, [ANN])
    assert await known(catalog) == [("Ann B", "https://example.com/ann", "running")]
    await sync(catalog, [replace(ANN, source="https://example.com/other")])
    assert await known(catalog) == [("Ann B", "https://example.com/other", "running")]
    await sync(catalog, [])
    assert await known(catalog) == []


async def test_what_was_removed_can_be_put_back(catalog: Catalog) -> None:
    """Its old sessions stay with the old one."""
    await sync(catalog, [ANN])
    await sync(catalog, [])
    await sync(catalog, [ANN])
    await sync(catalog, [ANN])
    assert await known(catalog) == [("Ann B", "https://example.com/ann", "running")]


async def test_what_somebody_paused_stays_paused_until_it_is_changed(catalog: Catalog) -> None:
    await sync(catalog, [ANN])
    await catalog.change_stream("default", ANN.id, wanted="paused")
    await sync(catalog, [ANN])
    assert (await known(catalog))[0][2] == "paused"
    await sync(catalog, [replace(ANN, options={"profile": "sports"})])
    assert (await known(catalog))[0][2] == "running"


async def test_streams_of_the_api_are_none_of_the_files(catalog: Catalog) -> None:
    own = StreamRow(
        id=ANN.id, workspace="default", name="x", source="https://example.com/x", kind="stream", origin="api"
    )
    await catalog.add_stream(own)
    await sync(catalog, [ANN])
    await sync(catalog, [])
    assert await known(catalog) == [("x", "https://example.com/x", "running")]


async def test_a_quota_of_no_workspace_is_refused(catalog: Catalog) -> None:
    """A slip of the pen would hold nobody back."""
    await check_workspaces(catalog, "supervisor.quotas", ["default"])
    with pytest.raises(UsageError, match="default") as said:
        await check_workspaces(catalog, "supervisor.quotas", ["default", "defualt"])
    assert said.value.code == "unknown_workspace"
