"""Real ffmpeg as the publisher of a stream, for tests of the doors and of what stands behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import imageio_ffmpeg

from tests.unit.ingest.stage import Studio


def flv_file(studio: Studio, seconds: float = 2) -> Path:
    """Picture with B-frames and sound, as FLV."""
    return studio.copy(f"push{seconds:g}.flv", studio.av(f"push{seconds:g}.mp4", seconds))


async def eventually(condition: Callable[[], bool], *, limit_s: float = 60) -> None:
    """Return when it holds; fail when it does not in time."""
    for _ in range(round(limit_s * 50)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("waited in vain")


class Pushing:
    """ffmpeg pushing a file to a URL, killed when the block is left. `at_once`: as fast as it is taken, else in real
    time; `fmt` and `extra`: its output options; `raw`: the file's bytes as they are."""

    def __init__(
        self, file: Path, url: str, fmt: str, *extra: str, at_once: bool = True, loops: int = 0, raw: bool = False
    ) -> None:
        pace = () if at_once else ("-re",)
        source = ("-stream_loop", str(loops), *(("-f", "data") if raw else ()), "-i", str(file))
        self._command = ("-nostdin", "-v", "error", *pace, *source, "-map", "0", "-c", "copy", *extra, "-f", fmt, url)
        self._process: asyncio.subprocess.Process | None = None
        self.said = ""

    async def __aenter__(self) -> Self:
        """Start."""
        self._process = await asyncio.create_subprocess_exec(
            imageio_ffmpeg.get_ffmpeg_exe(), *self._command, stderr=asyncio.subprocess.PIPE
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill what still runs, as a crash would."""
        await self.kill()

    async def ended(self) -> int:
        """Its exit code."""
        assert self._process is not None  # inside the block
        _, said = await self._process.communicate()
        self.said = said.decode(errors="replace")
        assert self._process.returncode is not None
        return self._process.returncode

    @property
    def running(self) -> bool:
        """Whether it still sends."""
        return self._process is not None and self._process.returncode is None

    async def kill(self) -> None:
        """SIGKILL: nothing is said to the server."""
        assert self._process is not None  # inside the block
        if self._process.returncode is None:
            self._process.kill()
            await self.ended()


class Publishing(Pushing):
    """To our RTMP door."""

    def __init__(self, file: Path, port: int, key: str, *extra: str, at_once: bool = True, loops: int = 0) -> None:
        super().__init__(file, f"rtmp://127.0.0.1:{port}/live/{key}", "flv", *extra, at_once=at_once, loops=loops)


class Calling(Pushing):
    """To our SRT listener."""

    def __init__(self, file: Path, port: int, query: str, *, loops: int = 0, raw: bool = False) -> None:
        super().__init__(
            file, f"srt://127.0.0.1:{port}?{query}", "data" if raw else "mpegts", at_once=raw, loops=loops, raw=raw
        )
