"""Faults of all kinds at random, one after the other, and after a calm every invariant (R18, R19)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from core.times import ns
from tests.chaos.clips import Counted, count_clips
from tests.chaos.site import Site, Told
from tests.chaos.table import Row
from tests.redis_server import RedisServer
from tests.scenario.upping import Supervisor

LEASES_STOPPED: Final = 3  # how long something is stopped, in lease durations
TAIL_NS: Final = ns(0.5)  # a segment is cut at a keyframe; its sound goes on a little into the next one's time
MOST_BROKEN_S: Final = 300.0  # for the last faults to be mended, on any machine


@dataclass
class Census:
    """Worker processes, counted again and again by session and over all."""

    most_of_a_session: int = 0
    most: int = 0
    looks: int = 0

    @asynccontextmanager
    async def kept(self, site: Site, *, every_s: float = 1.0) -> AsyncIterator[None]:
        """While the block runs."""

        async def count() -> None:
            while True:
                found = await asyncio.to_thread(site.workers)
                self.most_of_a_session = max([self.most_of_a_session, *map(len, found.values())])
                self.most = max(self.most, sum(map(len, found.values())))
                self.looks += 1
                await asyncio.sleep(every_s)

        counting = asyncio.create_task(count())
        try:
            yield
        finally:
            counting.cancel()
            with suppress(asyncio.CancelledError):
                await counting


@dataclass
class Faults:
    """What may happen to a site. Streams are struck in turns, so that none is struck so often as to be quarantined."""

    site: Site
    redis: RedisServer
    rng: random.Random
    counts: dict[str, int] = field(default_factory=dict)
    _turn: list[str] = field(default_factory=list)

    async def strike(self) -> str:
        """One fault, to its end; what it was."""
        kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "worker killed": lambda: self._worker(signal.SIGKILL),
            "worker stopped": lambda: self._worker(signal.SIGSTOP),
            "leader killed": self._leader_killed,
            "leader stopped": self._leader_stopped,
            "redis killed": self._redis_killed,
            "redis stopped": self._redis_stopped,
        }
        kind = self.rng.choice(list(kinds))
        await kinds[kind]()
        await self.site.revive()
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return kind

    async def _worker(self, how: signal.Signals) -> None:
        found = self.site.workers()
        if not found:
            return
        if not self._turn:
            self._turn = self.rng.sample(self.site.plan.names, self.site.plan.streams)
        health = await self.site.ask_any(f"/api/v1/streams/{self._turn.pop()}/health") or {}
        for pid in found.get(health.get("session", ""), []):
            with suppress(ProcessLookupError):
                os.kill(pid, how)

    async def _leader_killed(self) -> None:
        up = self.rng.choice(self.site.ups) if (found := await self._leader()) is None else found
        await up.end(signal.SIGKILL)

    async def _leader_stopped(self) -> None:
        if (up := await self._leader()) is None:
            return
        up.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(LEASES_STOPPED * self.site.plan.lease_s)
        if up.process.returncode is None:
            up.process.send_signal(signal.SIGCONT)

    async def _redis_killed(self) -> None:
        await asyncio.to_thread(self.redis.kill)
        await asyncio.sleep(LEASES_STOPPED * self.site.plan.lease_s)
        await asyncio.to_thread(self.redis.start)

    async def _redis_stopped(self) -> None:
        self.redis.hang()
        await asyncio.sleep(LEASES_STOPPED * self.site.plan.lease_s)
        self.redis.go_on()

    async def _leader(self) -> Supervisor | None:
        try:
            return await self.site.leader(limit_s=2)
        except AssertionError:
            return None


async def soak(site: Site, redis: RedisServer, *, seconds: float, every_s: float, calm_s: float, seed: int) -> Row:
    """A fault each `every_s`, a clip of some stream with each, then `calm_s` without faults, then the invariants."""
    faults, census = Faults(site, redis, random.Random(seed)), Census()
    sessions = await site.recording(limit_s=MOST_BROKEN_S)
    by = time.monotonic() + seconds
    async with census.kept(site):
        while time.monotonic() < by:
            began = time.monotonic()
            cutting = asyncio.create_task(site.cut(faults.rng.choice(list(sessions.values()))))
            await faults.strike()
            await asyncio.sleep(max(0.0, every_s - (time.monotonic() - began)))
            cutting.cancel()
            await asyncio.gather(cutting, return_exceptions=True)
        await asyncio.sleep(calm_s)
        broken = await violations(site, sessions)
    counted = await count_clips(site)
    broken += [f"clips: {counted}"] if counted.lost else []
    broken += [f"{census.most_of_a_session} workers of one session"] if census.most_of_a_session > 1 else []
    return _row(site, faults, census, counted, broken, seconds, calm_s)


def _row(
    site: Site, faults: Faults, census: Census, counted: Counted, broken: list[str], seconds: float, calm_s: float
) -> Row:
    struck = sum(faults.counts.values())
    return Row(
        id="R18",
        what="random faults, then calm: invariants broken",
        volume=f"{site.plan.streams} workers, {seconds / 60:g} min, {struck} faults, {calm_s:g} s of calm",
        target="0",
        value=f"{len(broken)} ({counted.finished} clips, never two workers of a session in {census.looks} looks)"
        if not broken
        else f"{len(broken)}: {'; '.join(broken)}",
        passed=not broken,
        facts={"faults": faults.counts, "clips": counted.finished, "broken": broken, "looks": census.looks},
    )


async def violations(site: Site, sessions: dict[str, str]) -> list[str]:
    """What is not as it shall be after a calm, in words."""
    broken: list[str] = []
    before = {name: site.journal(session).media_s for name, session in sessions.items()}
    await asyncio.sleep(10)
    workers = site.workers()
    for name, session in sessions.items():
        told = site.journal(session)
        health = await site.ask_any(f"/api/v1/streams/{name}/health") or {}
        if health.get("session") != session:
            broken.append(f"{name} is in session {health.get('session')}, not {session}")
        if health.get("state") != "running":
            broken.append(f"{name} is {health.get('state')} ({health.get('reason')})")
        if len(workers.get(session, [])) != 1:
            broken.append(f"{name} has {len(workers.get(session, []))} workers")
        if told.media_s <= before[name]:
            broken.append(f"{name} records nothing")
        broken += [f"{name}: {text}" for text in double_writers(told)]
    strays = set(workers) - set(sessions.values())
    return [*broken, *(f"a worker of session {session}, which nobody wants" for session in strays)]


def double_writers(told: Told) -> list[str]:
    """Attempts whose segments were written in each other's time, and segments that overlap in media time."""
    spans: dict[int, tuple[int, int]] = {}
    for each in told.segments:
        if not each.adopted:
            first, _ = spans.get(each.attempt, (each.at_ns, each.at_ns))
            spans[each.attempt] = (first, each.at_ns)
    ordered = [spans[attempt] for attempt in sorted(spans)]
    mixed = sum(before[1] > after[0] for before, after in pairwise(ordered))
    media = sorted((each.start_ns, each.end_ns) for each in told.segments)
    over = sum(before[1] - after[0] > TAIL_NS for before, after in pairwise(media))
    return [f"{count} {what}" for count, what in ((mixed, "attempts at once"), (over, "overlapping segments")) if count]


async def quota(site: Site, most: int, kills: int, rng: random.Random) -> Row:
    """More streams than may run, workers killed again and again: never more at once than allowed."""
    census = Census()
    async with census.kept(site, every_s=0.2):
        for _ in range(kills):
            by = time.monotonic() + MOST_BROKEN_S
            while sum(map(len, (found := await asyncio.to_thread(site.workers)).values())) < most:
                assert time.monotonic() < by, "the quota is never used up"
                await asyncio.sleep(0.2)
            os.kill(rng.choice([pid for pids in found.values() for pid in pids]), signal.SIGKILL)
            await asyncio.sleep(0.5)
        await asyncio.sleep(5)
    return Row(
        id="R19",
        what="workers beyond the quota, or two of a session",
        volume=f"{site.plan.streams} streams for {most} places, {kills} kills, {census.looks} looks",
        target="0, 0",
        value=f"{max(0, census.most - most)}, {max(0, census.most_of_a_session - 1)}",
        passed=census.most == most and census.most_of_a_session == 1,
        facts={"most": census.most, "most_of_a_session": census.most_of_a_session},
    )
