"""How fast a full control room answers, over real HTTP: lists of 5,000 clips, and events for 500 who follow.

    taskset -c 0,1 python -m benchmarks.api_lists --out docs/results/api_lists.json

One supervisor's API in a process of its own, with a catalog (SQLite) of 50 streams, a session each, 5,000 clips with
lines as workers send them, and their events. Lists: `--repeat` requests one after the other, for each a page of 50.
Events: `--followers` open streams of many tokens; a worker delivers a line every 100 ms, and each client says how long
after its delivery was answered, or stored, it had the line. Targets: lists p95 under 50 ms, events p95 under 1 s.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import secrets
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import aiohttp
from sqlalchemy import insert

from benchmarks.common import render_table, write_json
from configs import load_settings
from core.control import EventBatch
from core.ids import SessionId, StreamId
from daemon.cli.replaying import ReplayChild
from daemon.showing import JournalReader
from supervisor.api import Health, make_app, serve
from supervisor.api.underway import MAX_FOLLOWERS_EACH
from supervisor.catalog import Catalog
from supervisor.catalog.schema import clips, moments
from supervisor.catalog.values import DEFAULT_WORKSPACE, StreamRow
from telemetry import SystemClock

STREAMS: Final = 50
CLIPS: Final = 5_000
MOMENTS: Final = 100
LISTS: Final = (
    "clips", "clips?limit=200", "clips?review=none&state=final", "clips?q=goal&min_score=0.5", "clips?q=nowhere",
    "clips?stream=s7", "streams", "sessions", "sessions/ses-s7/moments",
)  # fmt: skip
COLUMNS: Final = ("what", "requests", "p50 ms", "p95 ms", "max ms", "target ms")
LIST_MS, EVENT_MS = 50, 1000


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=200)
    parser.add_argument("--followers", type=int, default=500)
    parser.add_argument("--events", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path("docs/results/api_lists.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data_dir = Path(name)
        tokens = asyncio.run(fill(data_dir, -(-args.followers // MAX_FOLLOWERS_EACH)))
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(str(data_dir), theirs), daemon=True)
        server.start()
        rows = asyncio.run(measure(ours.recv(), data_dir, tokens, args))
        ours.send("end")
        server.join(10)
    print(render_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows]))
    load = round(os.getloadavg()[0], 1)
    print(f"load average: {load}")
    write_json(args.out, rows, load_average=load, streams=STREAMS, clips=CLIPS, catalog="SQLite")


async def fill(data_dir: Path, tokens: int) -> list[str]:
    """A catalog as a busy month leaves it; secrets of viewers."""
    catalog = await Catalog.open(f"sqlite:///{data_dir}/catalog.db", SystemClock())
    leading = catalog.leading(1)
    for number in range(STREAMS):
        stream, session = StreamId(f"s{number}"), SessionId(f"ses-s{number}")
        await catalog.add_stream(
            StreamRow(
                id=stream,
                workspace=DEFAULT_WORKSPACE,
                name=f"stream {number}",
                source=f"https://example.org/{number}",
                kind="stream",
                origin="api",
            )
        )
        await leading.claim(stream, after_token=0, session=session, worker_runtime="process")
        shared = {"session": session, "stream": stream, "workspace": DEFAULT_WORKSPACE, "claim_token": 1}
        made = [_clip(session, each) for each in range(CLIPS // STREAMS)]
        seen = [_moment(session, each) for each in range(MOMENTS)]
        async with catalog._database.writing() as connection:  # by thousands, not as workers do, one by one
            await connection.execute(insert(clips), [_clip_row(line, at) | shared for at, line in enumerate(made)])
            await connection.execute(insert(moments), [_moment_row(line, at) | shared for at, line in enumerate(seen)])
    secret = [(await catalog.new_token(DEFAULT_WORKSPACE, "viewer", f"t{each}"))[1] for each in range(tokens + 1)]
    await catalog.close()
    return secret


def _clip(session: str, number: int) -> dict[str, Any]:
    folder = f"/data/sessions/{session}/clips/c-{session}-{number}/r1"
    names = ("master", "vertical", "thumbnail", "clip", "srt", "vtt", "ass", "otio", "fcpxml", "edl")
    return {
        "type": "clip", "id": f"c-{session}-{number}", "revision": 1, "state": "final", "review": "none",
        "title": f"{'A goal' if number % 3 else 'Something else'} in minute {number}", "score": number % 100 / 100,
        "start_s": number * 60, "end_s": number * 60 + 25, "reasons": ["Loudness rose 9.1 dB in 0.6 s"] * 6,
        "files": {name: f"{folder}/{name}.mp4" for name in names}, "latency_s": 4.2,
    }  # fmt: skip


def _moment(session: str, number: int) -> dict[str, Any]:
    return {
        "type": "moment", "id": f"m-{session}-{number}", "state": "rejected", "start_s": number, "end_s": number + 20,
        "anchor_s": number + 9, "p": 0.4, "bar": 0.6, "parts": {"audio": 1.2, "chat": -0.3}, "reason": "below_bar",
    }  # fmt: skip


def _clip_row(line: dict[str, Any], at: int) -> dict[str, Any]:
    same = {name: line[name] for name in ("id", "revision", "state", "review", "title", "score")}
    return {**same, "line": line, "created_ns": 1_700_000_000_000_000_000 + at, "seq": at}


def _moment_row(line: dict[str, Any], at: int) -> dict[str, Any]:
    return {"id": line["id"], "state": line["state"], "line": line, "created_ns": at, "seq": at}


def _batch(session: str, lines: Sequence[tuple[int, dict[str, Any]]]) -> EventBatch:
    rows = tuple({"seq": seq, "attempt": 1, "kind": line["type"], "line": line} for seq, line in lines)
    return EventBatch(session=session, claim_token=1, rows=rows)


def _serve(data_dir: str, pipe: Connection) -> None:
    with Path(os.devnull).open("w") as log, contextlib.redirect_stdout(log):  # written, and read by nobody
        asyncio.run(_serving(Path(data_dir), pipe))


async def _serving(data_dir: Path, pipe: Connection) -> None:
    many = {"CLIPD_API__PORT": "0", "CLIPD_API__REQUESTS_PER_MINUTE": "100000"}
    settings = load_settings(data_dir=data_dir, environment=many)
    clock = SystemClock()
    catalog = await Catalog.open(f"sqlite:///{data_dir}/catalog.db", clock)
    app = make_app(
        catalog, settings=settings, clock=clock, health=lambda: Health(lease="held"), formats=("vertical",),
        sessions=JournalReader(data_dir), replays=ReplayChild(None, data_dir),
    )  # fmt: skip
    async with serve(app, settings) as url:
        pipe.send(url)
        await asyncio.to_thread(pipe.recv)
    await catalog.close()


async def measure(url: str, data_dir: Path, tokens: list[str], args: argparse.Namespace) -> list[dict[str, Any]]:
    """Lists first, then events; lists once more while all follow."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as client:
        rows = [await lists(client, f"{url}/api/v1/", what, tokens[-1], args.repeat) for what in LISTS]
        delays = await follow(client, url, data_dir, tokens, args)
    what = f"events, {args.followers} clients: stored to read"
    return [*rows, _row(what, delays, EVENT_MS)]


async def lists(client: aiohttp.ClientSession, base: str, what: str, token: str, repeat: int) -> dict[str, Any]:
    """The same page again and again."""
    took: list[float] = []
    for number in range(repeat + 5):
        began = time.perf_counter()
        async with client.get(base + what, headers={"Authorization": f"Bearer {token}"}) as answer:
            await answer.read()
            if answer.status != 200:
                raise SystemExit(f"{what}: {answer.status}")
        if number >= 5:
            took.append(1000 * (time.perf_counter() - began))
    return _row(what, took, LIST_MS)


async def follow(
    client: aiohttp.ClientSession, url: str, data_dir: Path, tokens: list[str], args: argparse.Namespace
) -> list[float]:
    """Milliseconds from the moment before a line is handed in to its arrival, for each client and line."""
    catalog = await Catalog.open(f"sqlite:///{data_dir}/catalog.db", SystemClock())
    worker = await catalog.issue_worker_token(StreamId("s0"), 1, 3600)
    await catalog.close()
    ready: list[asyncio.Event] = [asyncio.Event() for _ in range(args.followers)]
    delays: list[float] = []

    async def one(number: int) -> None:
        headers = {"Authorization": f"Bearer {tokens[number // MAX_FOLLOWERS_EACH]}"}
        async with client.get(f"{url}/api/v1/events", headers=headers) as answer:
            await answer.content.readuntil(b"\n\n")
            ready[number].set()
            seen = 0
            while seen < args.events:
                frame = await answer.content.readuntil(b"\n\n")
                if b"event: warning" in frame:
                    sent_s = json.loads(frame.partition(b"data: ")[2])["line"]["sent_s"]
                    delays.append(1000 * (time.monotonic() - sent_s))
                    seen += 1

    async with asyncio.TaskGroup() as tasks:
        for number in range(args.followers):
            tasks.create_task(one(number))
        await asyncio.gather(*(each.wait() for each in ready))
        await asyncio.sleep(2)
        for number in range(args.events):
            line = {"type": "warning", "code": secrets.token_hex(4), "sent_s": time.monotonic()}
            body = _batch("ses-s0", [(100_000 + number, line)]).to_json()
            headers = {"Authorization": f"Bearer {worker}"}
            async with client.post(f"{url}/internal/v1/events", json=body, headers=headers) as answer:
                if answer.status != 200:
                    raise SystemExit(f"events: {answer.status} {await answer.text()}")
            await asyncio.sleep(0.1)
    return delays


def _row(what: str, values: Sequence[float], target_ms: int) -> dict[str, Any]:
    ordered = sorted(values)
    at = [ordered[round(share * (len(ordered) - 1))] for share in (0.5, 0.95, 1.0)]
    return dict(zip(COLUMNS, [what, len(ordered), *(round(value, 1) for value in at), target_ms], strict=True))


if __name__ == "__main__":
    main()
