"""Live sources that go wrong, through the real command: exit code, message, remedy, and what was saved before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from daemon.demo import LiveOrigin, Recipe
from daemon.demo.origin import Fault, OriginOptions
from telemetry import SystemClock
from tests.scenario.command import Ran, clipd


async def watch(home: Path, *faults: Fault, env: dict[str, str] | None = None, extra: tuple[str, ...] = ()) -> Ran:
    """`clipd watch` on a live origin with scripted faults."""
    async with LiveOrigin(Recipe.from_seed(3), SystemClock(), options=OriginOptions(faults=faults)) as origin:
        return await asyncio.to_thread(clipd, "watch", origin.url, "--json", *extra, home=home, env=env)


@pytest.mark.parametrize("status", [404, 403, 410])
async def test_a_playlist_that_is_refused(status: int, tmp_path: Path) -> None:
    """3 at once: another try would get the same answer."""
    ran = await watch(tmp_path, Fault(kind="status", target="playlist", status=status))
    assert ran.code == 3
    assert str(status) in ran.error["message"]
    assert ran.error["remedy"]


async def test_a_playlist_that_is_a_web_page(tmp_path: Path) -> None:
    """3: a sign-in page is named as what it is."""
    ran = await watch(tmp_path, Fault(kind="html", target="playlist"))
    assert ran.code == 3
    assert ran.error["remedy"]


async def test_a_playlist_that_never_moves(tmp_path: Path) -> None:
    """A frozen stream is not live: 3 once nothing has moved for the limit, and what came before is kept."""
    frozen = Fault(kind="frozen", target="playlist", start_s=4)
    ran = await watch(tmp_path, frozen, env={"CLIPD_INGEST__STALL_S": "5"})
    assert ran.code == 3
    assert ran.error["code"] == "source_gone"
    assert ran.summary["media_s"] > 2


async def test_nobody_answers(tmp_path: Path) -> None:
    """3 for a port where nothing listens."""
    ran = await asyncio.to_thread(clipd, "watch", "http://127.0.0.1:9/live.m3u8", "--json", home=tmp_path)
    assert ran.code == 3
    assert ran.error["remedy"]


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x.m3u8", "file:///etc/passwd", "concat:/etc/passwd|/etc/hosts"])
async def test_a_scheme_that_is_none_of_ours(url: str, tmp_path: Path) -> None:
    """Refused, never handed to a library that would open it."""
    ran = await asyncio.to_thread(clipd, "watch", url, "--json", home=tmp_path)
    assert ran.code in (2, 3)


async def test_a_segment_that_is_lost_is_a_gap_with_a_reason(tmp_path: Path) -> None:
    """The stream goes on; the ledger names the hole."""
    lost = Fault(kind="status", target="segment", status=404, segments=frozenset({3}))
    joined = {"CLIPD_INGEST__LIVE_EDGE_SEGMENTS": "6"}  # before it, however late
    ran = await watch(tmp_path, lost, env=joined, extra=("--duration", "12"))
    assert ran.code == 0, ran.stderr[-2000:]
    [gap] = ran.of("gap")
    assert gap["reason"] == "segment_lost"
    assert gap["end_s"] - gap["start_s"] == pytest.approx(2.0, abs=0.2)


async def test_duration_ends_a_live_stream(tmp_path: Path) -> None:
    """`--duration` counts media, drains and ends with 0."""
    ran = await watch(tmp_path, extra=("--duration", "6"))
    assert ran.code == 0
    assert ran.summary["media_s"] == pytest.approx(6, abs=2.1)
