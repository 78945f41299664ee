"""The control socket: one JSON object a line, one answer a line, errors with their remedy."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest

from core.errors import UsageError
from daemon.worker.control import command, serve_control


async def echo(request: dict[str, Any]) -> dict[str, Any]:
    """A session that knows one command."""
    if request["command"] != "status":
        raise UsageError("Unknown command", remedy="Known: status.")
    return {"state": "live"}


async def test_a_command_is_answered(tmp_path: Path) -> None:
    """The session's answer comes back as it was given."""
    async with serve_control(tmp_path / "control.sock", echo):
        assert await command(tmp_path / "control.sock", {"command": "status"}) == {"state": "live"}


async def test_an_error_comes_back_with_its_remedy(tmp_path: Path) -> None:
    """The caller sees what the session would have said."""
    async with serve_control(tmp_path / "control.sock", echo):
        with pytest.raises(UsageError, match="Known: status"):
            await command(tmp_path / "control.sock", {"command": "dance"})


async def test_nobody_there_is_said(tmp_path: Path) -> None:
    """A stale path is not a hang."""
    with pytest.raises(UsageError, match="does not answer"):
        await command(tmp_path / "control.sock", {"command": "status"})


async def test_only_the_owner_may_connect(tmp_path: Path) -> None:
    """Mode 0600; and a path longer than a socket address holds works all the same."""
    deep = tmp_path.joinpath(*["a-rather-long-folder-name-of-forty-letters"] * 4)
    deep.mkdir(parents=True)
    async with serve_control(deep / "control.sock", echo):
        assert stat.S_IMODE((deep / "control.sock").stat().st_mode) == 0o600
        assert await command(deep / "control.sock", {"command": "status"}) == {"state": "live"}
    assert not (deep / "control.sock").exists()


@pytest.mark.parametrize("line", [b"\n", b"null\n", b"[]\n", b'{"command": 7}\n', b"\xff\xfe\n", b"{" * 70_000 + b"\n"])
async def test_garbage_costs_the_session_nothing(line: bytes, tmp_path: Path) -> None:
    """It is refused or the line is dropped; the next command works."""
    path = tmp_path / "control.sock"
    async with serve_control(path, echo):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(line)
        await reader.readline()
        writer.close()
        assert await command(path, {"command": "status"}) == {"state": "live"}
