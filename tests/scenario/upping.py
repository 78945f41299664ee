"""Runs real `clipd up` processes as a user would, and asks them over their API."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.processes import is_worker, open_files
from tests.scenario.command import clipd_argv, environment

LIMIT_S = 120.0
ADDRESS = re.compile(rb"clipd up: (http://\S+)")


@dataclass
class Supervisor:
    """One process. `log` is what it says on stderr and stdout, by lines."""

    process: asyncio.subprocess.Process
    data_dir: Path
    url: str = ""
    log: list[bytes] = field(default_factory=list)
    reading: asyncio.Task[None] | None = None

    async def get(self, path: str) -> Any:
        """A GET as the owner."""
        return await self._ask("GET", path, None)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """A POST as the owner."""
        return await self._ask("POST", path, dict(body or {}))

    async def until(self, true: Callable[[Any], object], path: str, *, limit_s: float = LIMIT_S) -> Any:
        """Ask until the answer is as wanted; the answer."""
        answer: Any = None
        try:
            async with asyncio.timeout(limit_s):
                while not true(answer := await self.get(path)):  # noqa: ASYNC110 - another process, asked again
                    await asyncio.sleep(0.1)
        except TimeoutError:
            said = b"".join(line for line in self.log if b"api.answered" not in line).decode()[-3000:]
            raise AssertionError(f"{path} stayed {answer}; log: {said}") from None
        return answer

    async def end(self, how: signal.Signals = signal.SIGTERM, *, limit_s: float = LIMIT_S) -> int:
        """Ask it to end; its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(how)
        async with asyncio.timeout(limit_s):
            code = await self.process.wait()
            assert self.reading is not None
            await self.reading
        return code

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        token = (self.data_dir / "owner-token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, self.url + path, json=body) as answer,
        ):
            text = await answer.text()
            assert answer.status < 400, (answer.status, text)
            return json.loads(text)

    async def _read(self, started: asyncio.Event) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.log.append(line)
            found = ADDRESS.search(line)
            if found and not started.is_set():
                self.url = found[1].decode()
                started.set()
        started.set()


@asynccontextmanager
async def supervisor(
    data_dir: Path, *options: str, settings: str = "", port: int = 0, extra: Mapping[str, str] | None = None
) -> AsyncIterator[Supervisor]:
    """A `clipd up`, killed at the end if it still runs. `settings`: the YAML file's text, kept for the next one;
    `extra`: more of its environment."""
    config = data_dir.with_name(f"{data_dir.name}.yaml")
    if settings or not config.exists():
        config.write_text(settings)
    process = await asyncio.create_subprocess_exec(
        *clipd_argv("up", "--data-dir", str(data_dir), "--config", str(config), *options),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(data_dir.parent, {"CLIPD_API__PORT": str(port), **(extra or {})}),
        limit=1 << 22,
    )
    made = Supervisor(process, data_dir)
    started = asyncio.Event()
    made.reading = asyncio.create_task(made._read(started))
    try:
        async with asyncio.timeout(LIMIT_S):
            await started.wait()
        assert made.url, b"".join(made.log).decode()
        yield made
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await made.reading


def workers(data_dir: Path) -> list[int]:
    """Pids of the worker processes of a data folder."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and is_worker(entry.name)]
    return [pid for pid in pids if open_files(pid, f"{data_dir}/sessions/")]
