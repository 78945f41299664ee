"""The control room as it is served."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from supervisor.dashboard import POLICY, assets
from tests.unit.api.stage import Stage, stage


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Stage]:
    """A server of its own."""
    async with stage(tmp_path) as running:
        yield running


async def test_the_page_is_open_to_all_and_bound_by_its_policy(api: Stage) -> None:
    """No token: it shows nothing but a form until somebody signs in."""
    async with api.client.get(api.url + "/") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "unsafe" not in POLICY


async def test_a_file_is_sent_once_and_then_only_asked_for(api: Stage) -> None:
    """By its ETag; packed for those that take it."""
    url = f"{api.url}/assets/js/main.js"
    async with api.client.get(url, headers={"Accept-Encoding": "identity"}) as answer:
        whole, etag = await answer.read(), answer.headers["ETag"]
        assert answer.content_type == "text/javascript"
    async with api.client.get(url, headers={"Accept-Encoding": "gzip"}, auto_decompress=False) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(await answer.read()) == whole
    async with api.client.get(url, headers={"If-None-Match": etag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")


@pytest.mark.parametrize("name", ["js/none.js", "../assets.py", "..%2Fassets.py", "js//main.js", "assets.py", "%00"])
async def test_nothing_else_is_served(api: Stage, name: str) -> None:
    """A name is looked up among those read at the start: no request reaches the disk."""
    assert (await api.ask("GET", f"/assets/{name}", role=None)).status == 404


def test_every_file_of_the_page_is_packaged() -> None:
    """Also once it is installed."""
    assert {"room/index.html", "room/main.js", "room/store-worker.js", "room/room.css"} <= assets().keys()
    assert {"index.html", "js/main.js", "js/pages/clips.js", "css/tokens.css", "vendor/uPlot.esm.js"} <= assets().keys()
    assert all(each.body and each.etag.startswith('"') for each in assets().values())
