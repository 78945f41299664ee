"""Each fault of the reliability table once, on real processes: benchmarks/reliability.py has the volumes."""

from __future__ import annotations

import random
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.captures import clip_row, gap_row, strikes
from tests.chaos.clips import count_clips
from tests.chaos.clocksteps import STEPS_S, WallClock, of_supervisors
from tests.chaos.drains import cut_short, cut_short_row, drains
from tests.chaos.leaders import failovers, sleepers
from tests.chaos.site import Plan, Site
from tests.chaos.soaking import quota
from tests.chaos.source import endless, make_segments
from tests.chaos.stores import made_postgres, of_postgres, of_redis, outage, redis_folder
from tests.chaos.table import Row
from tests.needs import require
from tests.redis_server import RedisServer

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return make_segments(tmp_path_factory.mktemp("stream"))


def check(*rows: Row) -> None:
    """All at once, so that a failure shows what else was found."""
    assert [row for row in rows if not row.passed] == []


@pytest.mark.timeout(400)
async def test_workers_that_die_and_leaders_that_die_or_sleep(segments: tuple[Path, ...], tmp_path: Path) -> None:
    """R1, R5, R6, R8 in small."""
    times = 2  # benchmarks/reliability.py --full has the volumes
    rng = random.Random(7)
    with RedisServer(redis_folder(tmp_path)) as server:
        async with (
            endless(segments) as source,
            Site(tmp_path, Plan(source=source, streams=2, lease=server.url)) as site,
        ):
            killed = await strikes(site, times, signal.SIGKILL, rng)
            rows = await failovers(site, times)
            slept = await sleepers(site, times)
            clips = await count_clips(site)
    check(gap_row(killed, signal.SIGKILL), *rows, slept, clip_row("R1", "kills", f"{times} kills", clips))


@pytest.mark.timeout(400)
async def test_stores_that_die_hang_or_forget(segments: tuple[Path, ...], tmp_path: Path, soak: bool) -> None:
    """R9, with outages of three lease durations."""
    postgres, url = made_postgres()
    try:
        with RedisServer(redis_folder(tmp_path)) as server:
            plan = Plan(source="", streams=2, lease=server.url, catalog=url)
            async with endless(segments) as source, Site(tmp_path, replace(plan, source=source)) as site:
                faults = [*of_redis(server), *of_postgres(postgres)]
                rows = [await outage(site, fault, 60 if soak else 3 * plan.lease_s) for fault in faults]
                clips = await count_clips(site)
    finally:
        postgres.remove()
    check(*rows, clip_row("R9", "outages", f"{len(rows)} outages", clips))


@pytest.mark.timeout(400)
async def test_clock_steps_drains_and_drains_that_are_cut_short(segments: tuple[Path, ...], tmp_path: Path) -> None:
    """R12, R14."""
    require("cc")
    clock = WallClock.made(tmp_path)
    assert clock is not None
    times = 2
    plan = Plan(source="", streams=2, supervisors=1, preload=clock.environment)
    async with endless(segments) as source, Site(tmp_path, replace(plan, source=source)) as site:
        rows = [await of_supervisors(site, clock, STEPS_S, each_s=3)]
        rows += await drains(site, times)
        rows.append(cut_short_row(times, await cut_short(site, times, random.Random(3))))
    check(*rows)


@pytest.mark.timeout(400)
async def test_no_more_workers_than_allowed(segments: tuple[Path, ...], tmp_path: Path, soak: bool) -> None:
    """R19."""
    plan = Plan(source="", streams=3, supervisors=1, more="streams_at_once: 1")
    async with endless(segments) as source, Site(tmp_path, replace(plan, source=source)) as site:
        check(await quota(site, 1, 20 if soak else 2, random.Random(5)))
