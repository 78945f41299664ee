"""`clipd watch rtmp://...` as a user runs it, ffmpeg in OBS's place: the key stays out of everything written."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.publisher import Publishing, flv_file
from tests.scenario.command import clipd, clipd_argv, environment
from tests.unit.ingest.stage import Studio

KEY = "0123-key-nobody-may-see"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Watching:
    """A running `clipd watch`; `line` waits for one that fits."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    async def line(self, **wanted: object) -> dict[str, Any]:
        """The next line with these fields."""
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            self.lines.append(json.loads(raw))
            if wanted.items() <= self.lines[-1].items():
                return self.lines[-1]
        raise AssertionError(f"no line with {wanted}: {self.lines[-3:]}")


async def watch(home: Path, *arguments: str, **env: str) -> Watching:
    """Start the command."""
    with (home / "stderr").open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *clipd_argv("watch", *arguments, "--json"),
            env=environment(home, env),
            cwd=home,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    return Watching(process)


@pytest.mark.parametrize("given", ["environment", "file", "address"])
async def test_a_push_is_watched_and_its_key_is_written_nowhere(given: str, tmp_path: Path) -> None:
    """Lines, logs, journal, report, clip.json and file names; with a key from elsewhere argv too."""
    port, home = free_port(), tmp_path / "home"
    home.mkdir()
    file, key_file = flv_file(Studio(tmp_path), 4), tmp_path / "key"
    key_file.write_text(f"{KEY}\n")
    env = {
        "environment": {"CLIPD_INGEST__PUSH__KEY": KEY},
        "file": {"CLIPD_INGEST__PUSH__KEY_FILE": str(key_file)},
        "address": {},
    }[given]
    address = f"rtmp://:{port}/live" + (f"/{KEY}" if given == "address" else "")
    out = str(home / "out")
    running = await watch(home, address, "--duration", "3", "--out", out, **env, CLIPD_INGEST__STALL_S="30")
    waiting = await running.line(code="waiting_for_publisher")
    assert f"rtmp://127.0.0.1:{port}/live" in waiting["remedy"]
    async with Publishing(file, port, KEY, at_once=False):
        session = await running.line(type="session")
        if given != "address":
            assert KEY not in Path(f"/proc/{running.process.pid}/cmdline").read_text()
        summary = await running.line(type="summary")
    assert await running.process.wait() == 0
    assert session["source"] == f"rtmp://:{port}/live/***"
    assert summary["media_s"] == pytest.approx(3, abs=0.3)
    written = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.name == "report.html" for path in written)
    assert any(path.name == "session.db" for path in written)
    assert [path for path in written if KEY in str(path) or KEY.encode() in path.read_bytes()] == []
    assert KEY not in json.dumps(running.lines)


def test_a_push_address_without_a_key(tmp_path: Path) -> None:
    """Says which variable to set."""
    ran = clipd("watch", "rtmp://:1935/live", "--json", home=tmp_path)
    assert ran.code == 2
    assert "CLIPD_INGEST__PUSH__KEY" in json.dumps(ran.lines) + ran.stderr
