"""Which faults come together on one installation, and how often."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.survival.hour import recovery
from tests.chaos.captures import Back, clip_row, gap_row, spawn_row, strikes
from tests.chaos.clips import Counted, count_clips
from tests.chaos.clocksteps import STEPS_S, WallClock, of_a_worker, of_supervisors
from tests.chaos.drains import cut_short, cut_short_row, drains
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
CUT_SHORT: Final = 3  # drains of one installation that are cut short
STRUCK: Final = 4  # streams of an installation whose workers are struck
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
    """R8, R16 and R1 in small. Each stream is struck once, on installations of four, so that nobody backs off; on the
    first one all are killed again."""
    chance, counted = random.Random(SEED), Counted()
    found: dict[str, list[Back]] = {"killed": [], "again": [], "stopped": []}
    async with endless(segments) as source:
        for number, (how, times) in enumerate(_rounds(volumes)):
            async with Site(folder / str(number), Plan(source=source, streams=STRUCK, supervisors=1)) as site:
                backs = found["stopped" if how is signal.SIGSTOP else "killed"]
                backs += await strikes(site, times, how, chance)
                if number == 0:
                    found["again"] += await strikes(site, times, how, chance)
                counted += await count_clips(site)
    again = len(found["again"])
    return [
        gap_row(found["killed"], signal.SIGKILL),
        gap_row(found["again"], signal.SIGKILL, again=True),
        gap_row(found["stopped"], signal.SIGSTOP),
        spawn_row([back for backs in found.values() for back in backs]),
        clip_row(
            "R1",
            "workers killed and stopped while they cut",
            f"{volumes.kills + again} kills, {volumes.hangs} stops",
            counted,
        ),
    ]


def _rounds(volumes: Volumes) -> Iterator[tuple[signal.Signals, int]]:
    for how, times in ((signal.SIGKILL, volumes.kills), (signal.SIGSTOP, volumes.hangs)):
        for start in range(0, times, STRUCK):
            yield how, min(STRUCK, times - start)


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
    chance, counted = random.Random(SEED), Counted()
    async with endless(segments) as source:
        plan = Plan(source=source, streams=3, supervisors=1)
        async with Site(folder / "drained", plan) as site:
            rows = await drains(site, volumes.drains)
        for start in range(0, volumes.cuts, CUT_SHORT):
            async with Site(folder / f"cut-{start}", plan) as site:
                counted += await cut_short(site, min(CUT_SHORT, volumes.cuts - start), chance)
    return [*rows, cut_short_row(volumes.cuts, counted)]


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
