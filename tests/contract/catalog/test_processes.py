"""Several supervisor processes on one database."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process

from core.ids import SessionId, StreamId
from supervisor.catalog import Catalog
from tests.contract.catalog.rows import claimed, stream
from tests.fakes import FakeClock

COUNT = 12


async def _writer(url: str, name: str, count: int) -> Process:
    command = [sys.executable, "-m", "tests.contract.catalog.writer", url, name, str(count)]
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)


async def test_two_processes_write_one_database(url: str, catalog: Catalog) -> None:
    """Nothing is lost, nothing twice, nobody is told to come again later."""
    shared = await claimed(catalog, "shared", session=SessionId("s-shared"))
    for name in ("a", "b"):
        await catalog.add_stream(stream(name))
    writers = [await _writer(url, name, COUNT) for name in ("a", "b")]
    said = [await writer.communicate() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], said
    done = [json.loads(out) for out, _ in said]
    used = (await catalog.usage("default")).rows
    history = await catalog.attempts(None, shared.stream, limit=200)
    assert sum(day.llm_usd for day in used) == 2 * COUNT
    assert [row.token for row in history[::-1]] == list(range(1, 2 + sum(each["claims"] for each in done)))
    assert len(await catalog.events_after(0, workspace=None)) == 2 * COUNT


async def test_a_process_killed_while_it_writes_leaves_whole_transactions(
    url: str, catalog: Catalog, clock: FakeClock
) -> None:
    """kill -9, twice: the next one goes on, and every claim that counts has its row."""
    await claimed(catalog, "shared", session=SessionId("s-shared"))
    for n in range(2):
        await catalog.add_stream(stream(f"w{n}"))
        writer = await _writer(url, f"w{n}", 0)
        assert writer.stdout is not None
        for _ in range(n + 2):
            assert await writer.stdout.readline() == b"written\n"
        writer.send_signal(signal.SIGKILL)
        await writer.communicate()
    again = await Catalog.open(url, clock)
    claims = {row.stream: row for row in await again.leading(1).claims()}
    assert claims.keys() == {"shared", "w0", "w1"}
    history = await again.attempts(None, StreamId("shared"), limit=200)
    assert [row.token for row in history] == list(range(claims[StreamId("shared")].token, 0, -1))
    await again.set_meta("alive", "yes")
    await again.close()
