"""How fast the outbox is drained to a webhook on this machine: 20,000 clips, a real catalog, a receiver of its own
process; alone, and beside a receiver that takes every message and never answers.

    python -m benchmarks.outbox [--alerts 20000] [--out docs/results/outbox.json]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web
from sqlalchemy import insert

from benchmarks.common import render_table, write_json
from core.ids import SessionId, StreamId
from core.times import to_s
from supervisor.alerts.drainer import Drainer
from supervisor.alerts.outgoing import Outgoing
from supervisor.alerts.senders import Aims, Senders
from supervisor.alerts.webhook import new_secret
from supervisor.catalog import Catalog
from supervisor.catalog.schema import clips, deliveries
from supervisor.catalog.values import ChannelRow, ClaimRow, StreamRow
from telemetry import SystemClock, configure_logging
from telemetry.metrics import SupervisorMetrics

TARGET: Final = 200  # a second
COLUMNS: Final = ("beside", "alerts", "seconds", "per_s", "lost", "sent_twice")


async def receive() -> None:
    """The receiver: says its port, counts what comes, and answers 200, or never under /hang."""
    ids: list[str] = []
    never = asyncio.Event()

    async def hook(request: web.Request) -> web.Response:
        await request.read()
        ids.append(request.headers["webhook-id"])
        return web.Response()

    async def hang(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async def seen(_: web.Request) -> web.Response:
        return web.json_response({"requests": len(ids), "unique": len(set(ids))})

    app = web.Application()
    app.add_routes([web.post("/hook", hook), web.post("/hang", hang), web.get("/seen", seen)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await never.wait()


@asynccontextmanager
async def receiver() -> AsyncIterator[str]:
    """Its URL, while the block runs."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.outbox", "--receive", stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(await child.stdout.readline())}"
    finally:
        child.kill()
        await child.wait()


async def fill(catalog: Catalog, claim: ClaimRow, count: int, channel_ids: Sequence[str]) -> None:
    """So many clips and what is to be told of them, as rows: storing them is not what is measured."""
    shared = {"session": claim.session, "stream": claim.stream, "workspace": "default", "revision": 1, "state": "final"}
    shared |= {"review": "none", "score": 0.8, "created_ns": 1, "claim_token": 1}
    made = [shared | {"id": f"c{n}", "title": f"Clip {n}", "line": line(n), "seq": n} for n in range(count)]
    waiting: list[dict[str, Any]] = [
        {
            "id": f"d{n}-{channel}", "workspace": "default", "channel": channel, "clip": f"c{n}", "kind": "alert",
            "state": "waiting", "version": 1, "attempts": 0, "next_ns": 1, "error": "", "remote": {}, "created_ns": 1,
            "sent_ns": None,
        }
        for n in range(count)
        for channel in channel_ids
    ]  # fmt: skip
    for table, rows in ((clips, made), (deliveries, waiting)):
        for first in range(0, len(rows), 2000):
            async with catalog._database.writing() as connection:
                await connection.execute(insert(table), rows[first : first + 2000])


def line(number: int) -> dict[str, Any]:
    """A clip's, of the usual size."""
    return {
        "type": "clip", "id": f"c{number}", "revision": 1, "state": "final", "title": f"Clip {number}", "score": 0.8,
        "start_s": number, "end_s": number + 22, "reasons": ["the crowd roared", "chat ran hot: 14 messages a second"],
        "files": {name: f"/data/{number}/{name}.mp4" for name in ("master", "vertical", "thumbnail", "srt")},
    }  # fmt: skip


async def measure(folder: Path, count: int, beside: bool) -> dict[str, Any]:
    """Fill, then drain."""
    clock = SystemClock()
    catalog = await Catalog.open(f"sqlite:///{folder}/catalog.db", clock)
    try:
        row = StreamRow(
            id=StreamId("ann"), workspace="default", name="ann", source="https://example.org/a", kind="stream",
            origin="api", rights="own",
        )  # fmt: skip
        await catalog.add_stream(row)
        claim = await catalog.leading(1).claim(
            row.id, after_token=0, session=SessionId("s-ann"), worker_runtime="process"
        )
        async with receiver() as url, Outgoing(("127.0.0.0/8",)) as out:
            paths = ("hook", "hang")[: 1 + beside]
            for path in paths:
                await catalog.add_channel(
                    ChannelRow(
                        id=path, workspace="default", name=path, kind="webhook", target=f"{url}/{path}",
                        secrets={"now": new_secret()},
                    )
                )  # fmt: skip
            await fill(catalog, claim, count, paths)
            aims = Aims(data_dir=folder, public_url="", slack_api="")
            drainer = Drainer(catalog, Senders(out, aims, clock), clock, lambda: True, SupervisorMetrics())
            began_ns = clock.boottime_ns()
            chore = asyncio.create_task(drainer.run())
            while await catalog.due("hook", clock.wall_ns(), 1):  # noqa: ASYNC110 - asked as a person would
                await asyncio.sleep(0.1)
            took_s = to_s(clock.boottime_ns() - began_ns)
            chore.cancel()
            await asyncio.gather(chore, return_exceptions=True)
            async with aiohttp.ClientSession() as session, session.get(f"{url}/seen") as answer:
                seen = await answer.json()
    finally:
        await catalog.close()
    return {
        "beside": "a receiver that never answers" if beside else "nothing",
        "alerts": count,
        "seconds": round(took_s, 1),
        "per_s": round(count / took_s),
        "lost": count - seen["unique"],
        "sent_twice": seen["requests"] - seen["unique"],
    }


def main() -> None:
    """Both rows, a table, and the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=20_000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    configure_logging()
    if args.receive:
        asyncio.run(receive())
        return
    rows = []
    for beside in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(asyncio.run(measure(Path(folder), args.alerts, beside)))
    print(render_table(COLUMNS, [[row[name] for name in COLUMNS] for row in rows]))
    if args.out:
        write_json(args.out, rows, target_per_s=TARGET)
    good = all(row["lost"] == 0 and row["per_s"] >= TARGET for row in rows)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
