"""Outages of what supervisors rest on (R9): Redis and PostgreSQL killed, hung, emptied."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos.leaders import LONGEST_PAUSE_S
from tests.chaos.site import LOOK_S, Site, boottime_ns, until
from tests.chaos.table import Row
from tests.contract.catalog.servers import Postgres
from tests.redis_server import RedisServer

LEADING_S: Final = 15.0  # reliability.md section 5, R9


@dataclass(frozen=True)
class Outage:
    """`down` and `back` block; they run beside the loop."""

    what: str
    down: Callable[[], object]
    back: Callable[[], object]


def of_redis(server: RedisServer) -> list[Outage]:
    """It keeps nothing on disk, so a kill empties it too."""
    return [
        Outage("Redis killed, comes back empty", server.kill, server.start),
        Outage("Redis hung", server.hang, server.go_on),
        Outage("Redis emptied", lambda: server.command("FLUSHALL"), lambda: None),
    ]


def of_postgres(server: Postgres) -> list[Outage]:
    """It comes back with what was committed."""
    return [
        Outage("PostgreSQL killed", server.kill, server.start),
        Outage("PostgreSQL hung", server.freeze, server.thaw),
    ]


async def outage(site: Site, fault: Outage, outage_s: float) -> Row:
    """One outage, with a cut of every stream in its midst."""
    sessions = await site.recording()
    await site.leader()
    before, began_ns = site.workers(), boottime_ns()
    gaps = sum(len(site.journal(session).gaps) for session in sessions.values())
    await asyncio.to_thread(fault.down)
    await asyncio.sleep(outage_s / 2)
    cuts = await asyncio.gather(*(site.cut(session) for session in sessions.values()))
    await asyncio.sleep(outage_s / 2)
    await asyncio.to_thread(fault.back)
    back = time.monotonic()
    await acting(site)
    spent_s = time.monotonic() - back
    now_ns = boottime_ns()
    stopped = sum(site.workers().get(session) != before[session] for session in sessions.values())
    longest = max(site.journal(session).pause_s(began_ns, now_ns) for session in sessions.values())
    holes = sum(len(site.journal(session).gaps) for session in sessions.values()) - gaps
    made = sum(cut is not None for cut in cuts)
    return Row(
        id="R9",
        what=fault.what,
        volume=f"1 outage of {outage_s:g} s, {len(sessions)} workers",
        target=f"0 captures stopped, clips cut on, leading again <= {LEADING_S:g} s",
        value=f"{stopped} stopped, longest pause {longest:.1f} s, {made} cut, leading after {spent_s:.1f} s",
        passed=stopped == 0
        and holes == 0
        and longest <= LONGEST_PAUSE_S
        and made == len(sessions)
        and spent_s <= LEADING_S,
        facts={"leading_s": round(spent_s, 2), "pause_s": round(longest, 2), "holes": holes},
    )


async def acting(site: Site) -> None:
    """Somebody leads, and a heartbeat of every worker has been stored since."""
    await site.leader()
    beats: dict[str, int] = {}

    async def beating() -> bool:
        for name in site.plan.names:
            health = await site.ask_any(f"/api/v1/streams/{name}/health")
            if health is None:
                return False
            if health["beat"] <= beats.setdefault(name, health["beat"]):
                return False
        return True

    await until(beating, "heartbeats of all workers", every_s=LOOK_S)


def made_postgres() -> tuple[Postgres, str]:
    """A running server and the URL of its empty database. To be removed."""
    server = Postgres.make()
    server.start()
    return server, server.emptied()


def redis_folder(folder: Path) -> Path:
    """Where one keeps what it keeps."""
    made = folder / "redis"
    made.mkdir(exist_ok=True)
    return made
