"""Ctrl-C on the real command: once drains, twice ends at once; nothing recorded is lost either way."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from daemon.demo import LiveOrigin, Recipe
from telemetry import SystemClock
from tests.scenario.command import clipd_argv, environment, parse


async def interrupted(home: Path, times: int) -> tuple[int, list[dict[str, object]]]:
    """Start watching a live stream, wait for media, press Ctrl-C."""
    async with LiveOrigin(Recipe.from_seed(3), SystemClock()) as origin:
        child = await asyncio.create_subprocess_exec(
            *clipd_argv("watch", origin.url, "--json", "--data-dir", str(home / "data")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(home),
            limit=1 << 22,
        )
        assert child.stdout is not None
        said: list[str] = []
        async for raw in child.stdout:
            said.append(raw.decode())
            if '"type": "session"' in said[-1]:
                for _ in range(times):
                    child.send_signal(signal.SIGINT)
        code = await asyncio.wait_for(child.wait(), 90)
    return code, parse(said)


async def test_one_interrupt_drains(tmp_path: Path) -> None:
    """130 after the summary and the report: a clean end."""
    code, lines = await interrupted(tmp_path, 1)
    assert code == 130
    assert lines[-1]["type"] == "summary"
    assert Path(str(lines[-1]["report"])).exists()


async def test_two_interrupts_end_at_once(tmp_path: Path) -> None:
    """130; the journal and the ring are left in a state that the next start can read."""
    code, _ = await interrupted(tmp_path, 2)
    assert code == 130
    assert list((tmp_path / "data" / "sessions").glob("*/session.db"))
