"""`clipd watch` on a channel's page: offline, live, over, and on; with streamlink's real Twitch plugin."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.scenario.command import clipd, clipd_argv, environment
from tests.scenario.platform import Platform, twitch_like
from tests.unit.channels.twitch import CHANNEL

FAST = {
    "CLIPD_SUPERVISOR__POLL_S": "1",
    "CLIPD_SUPERVISOR__OFFLINE_APART_S": "1",
    "CLIPD_SUPERVISOR__SILENCE_S": "60",
}
LIMIT_S = 200
Line = dict[str, Any]


class Watching:
    """The running command and its lines."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self.child = child
        self.lines: list[Line] = []

    async def until(self, wanted: Callable[[Line], bool]) -> Line:
        """The next line that is wanted; the time limit is the test's."""
        assert self.child.stdout is not None
        async for raw in self.child.stdout:
            self.lines.append(json.loads(raw))
            if wanted(self.lines[-1]):
                return self.lines[-1]
        raise AssertionError(f"the command ended: {self.lines[-3:]}")

    async def interrupt(self) -> int:
        """Ctrl-C; the exit code, after the last line."""
        self.child.send_signal(signal.SIGINT)
        assert self.child.stdout is not None
        async for raw in self.child.stdout:
            self.lines.append(json.loads(raw))
        return await self.child.wait()


@asynccontextmanager
async def watching(platform: Platform, home: Path, *options: str, **settings: str) -> AsyncIterator[Watching]:
    """`clipd watch CHANNEL --json` where the platform's names lead to it."""
    command = clipd_argv("watch", *options, "--json", "--data-dir", str(home / "data"))
    child = await asyncio.create_subprocess_exec(
        *platform.argv(*command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(home, platform.settings(**FAST, **settings)),
        cwd=home,
        limit=1 << 22,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            yield Watching(child)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def channel_is(state: str, reason: str = "") -> Callable[[Line], bool]:
    """A state line of the channel's own."""
    return lambda line: (
        line["type"] == "state" and "source" in line and (line["state"], line["reason"]) == (state, reason)
    )


async def test_a_channel_is_watched_around_the_clock(tmp_path: Path) -> None:
    """Offline is waited out; it starts by itself, ends when it is over, is polled on, and Ctrl-C ends it cleanly."""
    async with twitch_like(tmp_path) as platform, watching(platform, tmp_path, CHANNEL, "--rights", "own") as watch:
        assert (await watch.until(channel_is("offline")))["source"] == CHANNEL
        platform.mode = "live"
        session = (await watch.until(lambda line: line["type"] == "session"))["session"]
        await platform.recorded.wait()
        platform.mode = "offline"
        summary = await watch.until(lambda line: line["type"] == "summary")
        ended = await watch.until(channel_is("ended", "offline"))
        await watch.until(channel_is("offline"))
        assert await watch.interrupt() == 130
    assert summary["session"] == ended["session"] == session
    assert summary["media_s"] >= 6
    done = clipd("cut", session, "1", "4", "--json", "--data-dir", str(tmp_path / "data"), home=tmp_path)
    assert done.code == 0, done.stderr
    [recipe] = (tmp_path / "data" / "sessions" / session / "clips").glob("*/r1/clip.json")
    assert json.loads(recipe.read_text())["rights"] == "own"


async def test_streams_of_the_settings_file_are_watched(tmp_path: Path) -> None:
    """`clipd watch` alone; Ctrl-C while a page is being waited for ends at once."""
    (tmp_path / "clipd.yaml").write_text(f"streams:\n- {{name: somebody, source: '{CHANNEL}', profile: irl}}\n")
    async with twitch_like(tmp_path) as platform:
        platform.mode = "bot_check"
        async with watching(platform, tmp_path) as watch:
            await watch.until(channel_is("error", "bot_check"))
            warning = await watch.until(lambda line: line["type"] == "warning")
            assert await watch.interrupt() == 130
    assert (warning["code"], warning["source"]) == ("bot_check", CHANNEL)
    assert "cookies" in warning["remedy"]


def test_watching_nothing_is_a_usage_error(tmp_path: Path) -> None:
    """No source and no streams: exit 2, and what to write."""
    ran = clipd("watch", home=tmp_path)
    assert ran.code == 2
    assert "streams:" in ran.stderr


def test_unknown_rights_are_a_usage_error(tmp_path: Path) -> None:
    """They decide about publishing: no guess is made."""
    ran = clipd("watch", "x.mp4", "--rights", "mine", home=tmp_path)
    assert ran.code == 2
    assert "watch-only" in ran.stderr
