"""A cut by hand while the stream runs: the running worker makes it, through the session's control socket."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

from core.errors import EXIT_INTERRUPTED
from daemon.demo import LiveOrigin
from telemetry import SystemClock
from tests.scenario.command import Ran, clipd, clipd_argv, environment
from tests.synthetic_streams import plain


async def test_a_running_session_is_cut_by_its_worker(tmp_path: Path) -> None:
    """The clip, the only one of this stream, is there before its end, and the session's own lines tell of it."""
    async with LiveOrigin(plain(3, 220.0), SystemClock()) as origin:
        child = await asyncio.create_subprocess_exec(
            *clipd_argv("watch", origin.url, "--json", "--duration", "200"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(tmp_path),
            limit=1 << 22,
        )
        assert child.stdout is not None
        lines = []
        cutting: asyncio.Task[Ran] | None = None
        async for raw in child.stdout:
            lines.append(json.loads(raw))
            if lines[-1]["type"] == "session":
                arguments = ("cut", lines[-1]["session"], "0", "3", "--json")
                cutting = asyncio.create_task(asyncio.to_thread(clipd, *arguments, home=tmp_path))
                cutting.add_done_callback(lambda _: child.send_signal(signal.SIGINT))
        assert await child.wait() == EXIT_INTERRUPTED
        assert cutting is not None
        cut = await cutting
    [record] = cut.lines
    assert Path(record["files"]["master"]).stat().st_size > 10_000
    told = [line for line in lines if line["type"] == "clip"]
    assert [(line["id"], line["state"]) for line in told] == [(record["id"], "final")]
    assert lines[-1]["clips"] == 1
