"""The process that listens and calls for us: what it is told, and that it never outlives us."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from core.errors import UsageError
from daemon.ingest.ffmpeg import Connection, connected
from tests.processes import children
from tests.publisher import eventually

PARENT = """
import subprocess, sys
from daemon.ingest.ffmpeg import tethered
child = subprocess.Popen(tethered(["/bin/sleep", "600"]))
print(child.pid, flush=True)
sys.stdin.read()
"""


def connection(**options: str) -> Connection:
    url = "srt://127.0.0.1:1"
    return Connection(url=url, options=options, protocols="srt", demuxer="mpegts", fmt="mpegts")


async def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    """However the parent dies: a SIGKILL runs no code of ours."""
    root = Path(__file__).resolve().parents[3]
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, cwd=root, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = Path(f"/proc/{int(await parent.stdout.readline())}")
    await eventually(lambda: (child / "comm").read_text() == "sleep\n")
    limits = (child / "limits").read_text()
    assert "Max core file size        0" in limits
    assert "Max file size             0" in limits
    assert "NoNewPrivs:\t1" in (child / "status").read_text()
    parent.kill()
    await parent.wait()
    await eventually(lambda: not child.exists() or "Z" in (child / "stat").read_text().rpartition(")")[2].split()[0])


async def test_it_is_gone_when_the_block_is_left() -> None:
    """Reaped too, while it still waits for somebody; there is no secret in its arguments."""
    async with connected(connection(mode="listener", passphrase="0123456789"), lambda _code: None):
        await eventually(lambda: any(b"-protocol_whitelist" in line for line in children().values()))
        mine = children()
        assert b"0123456789" not in b"".join(mine.values())
    assert mine.keys().isdisjoint(children())


def test_the_script_quotes_what_it_is_given() -> None:
    """A quote ends nothing, and a line cannot be begun."""
    script = connection(passphrase="it's '\\ all", streamid="a b").script().decode()
    assert "option passphrase 'it'\\''s '\\''\\ all'\n" in script
    assert len(script.splitlines()) == 6
    with pytest.raises(UsageError):
        connection(passphrase="a\nfile 'http://127.0.0.1/'").script()


def test_secrets_are_in_no_repr() -> None:
    """A log or a traceback may hold one."""
    assert "0123456789" not in repr(connection(passphrase="0123456789"))
