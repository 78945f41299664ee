"""Which faults come together on one installation, and how often."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.survival.hour import recovery
from tests.chaos.captures import clip_row, gap_row, spawn_row, strikes
from tests.chaos.clips import count_clips
from tests.chaos.clocksteps import STEPS_S, WallClock, of_a_worker, of_supervisors
from tests.chaos.drains import cut_short, drains
from tests.chaos.leaders import failovers, sleepers
from tests.chaos.site import Plan, Site
from tests.chaos.soaking import quota, soak
from tests.chaos.source import endless
from tests.chaos.stores import made_postgres, of_postgres, of_redis, outage, redis_folder
from tests.chaos.table import Row
from tests.redis_server import RedisServer

SEED: Final = 20261122
FAULT_EVERY_S: Final = 20.0  # reliability.md section 3, item 67
CALM_S: Final = 60.0
SOAK_STREAMS: Final = 8
Segments = tuple[Path, ...]


class Volumes(NamedTuple):
    """How often, and how long."""

    failovers: int
    sleeps: int
    kills: int
    hangs: int
    outage_s: float
    drains: int
    cuts: int
    soak_minutes: float


async def leaders(segments: Segments, folder: Path, volumes: Volumes) -> list[Row]:
    """R5 with the ordinary lease of 10 s in its embedded form; R6 in Redis, where nobody kills the sleeper."""
    async with endless(segments) as source:
        plan = Plan(source=source, streams=3, lease_s=10)
        async with Site(folder / "embedded", plan) as site:
            rows = await failovers(site, volumes.failovers)
        with RedisServer(redis_folder(folder)) as server:
            async with Site(folder / "redis", replace(plan, lease=server.url, lease_s=4)) as site:
                rows.append(await sleepers(site, volumes.sleeps))
    return rows


async def workers(segments: Segments, folder: Path, volumes: Volumes) -> list[Row]:
    """R8, R16 and R1 in small."""
    chance = random.Random(SEED)
    async with endless(segments) as source, Site(folder, Plan(source=source, streams=3, supervisors=1)) as site:
        killed = await strikes(site, volumes.kills, signal.SIGKILL, chance)
        hung = await strikes(site, volumes.hangs, signal.SIGSTOP, chance)
        counted = await count_clips(site)
    what = f"{volumes.kills} kills, {volumes.hangs} stops"
    return [
        gap_row(killed, signal.SIGKILL),
        gap_row(hung, signal.SIGSTOP),
        spawn_row([*killed, *hung]),
        clip_row("R1", "workers killed and stopped while they cut", what, counted),
    ]


async def stores(segments: Segments, folder: Path, volumes: Volumes) -> list[Row]:
    """R9."""
    postgres, url = made_postgres()
    try:
        with RedisServer(redis_folder(folder)) as server:
            async with endless(segments) as source:
                plan = Plan(source=source, streams=3, lease=server.url, catalog=url)
                async with Site(folder, plan) as site:
                    faults = [*of_redis(server), *of_postgres(postgres)]
                    rows = [await outage(site, fault, volumes.outage_s) for fault in faults]
                    counted = await count_clips(site)
    finally:
        postgres.remove()
    return [*rows, clip_row("R9", "these outages", f"{len(rows)} outages", counted)]


async def clocks(segments: Segments, folder: Path, volumes: Volumes) -> list[Row]:  # noqa: ARG001
    """R12."""
    clock = WallClock.made(folder)
    if clock is None:
        said = "needs a C compiler"
        return [
            Row(id="R12", what="wall clock stepped", volume="0", target="", value=said, passed=None, facts={}),
        ]
    async with endless(segments) as source:
        plan = Plan(source=source, streams=2, preload=clock.environment)
        async with Site(folder / "site", plan) as site:
            rows = [await of_supervisors(site, clock, STEPS_S, each_s=5)]
        clock.step(0)
        return [*rows, await of_a_worker(source, folder / "worker", clock, STEPS_S, each_s=5)]


async def ends(segments: Segments, folder: Path, volumes: Volumes) -> list[Row]:
    """R14."""
    async with endless(segments) as source, Site(folder, Plan(source=source, streams=3, supervisors=1)) as site:
        rows = await drains(site, volumes.drains)
        return [*rows, await cut_short(site, volumes.cuts, random.Random(SEED))]


async def hour(segments: Segments, folder: Path, volumes: Volumes) -> list[Row]:  # noqa: ARG001
    """R15."""
    return [recovery(folder)]


async def places(segments: Segments, folder: Path, volumes: Volumes) -> list[Row]:
    """R19."""
    plan = Plan(source="", streams=4, supervisors=1, more="streams_at_once: 2")
    async with endless(segments) as source, Site(folder, replace(plan, source=source)) as site:
        return [await quota(site, 2, volumes.kills, random.Random(SEED))]


async def chaos(segments: Segments, folder: Path, volumes: Volumes) -> list[Row]:
    """R18, R19."""
    seconds = 60 * volumes.soak_minutes
    with RedisServer(redis_folder(folder)) as server:
        plan = Plan(source="", streams=SOAK_STREAMS, lease=server.url)
        async with endless(segments) as source, Site(folder, replace(plan, source=source)) as site:
            return [await soak(site, server, seconds=seconds, every_s=FAULT_EVERY_S, calm_s=CALM_S, seed=SEED)]


SETS: Final[dict[str, Callable[[Segments, Path, Volumes], Coroutine[Any, Any, list[Row]]]]] = {
    "r5-leaders": leaders,
    "r8-workers": workers,
    "r9-stores": stores,
    "r12-clocks": clocks,
    "r14-ends": ends,
    "r15-hour": hour,
    "r18-chaos": chaos,
    "r19-places": places,
}
