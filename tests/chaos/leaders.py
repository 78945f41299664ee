"""Faults of the leader: killed (R5), and asleep for longer than its lease (R6)."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable
from typing import Final

from core.ids import SessionId, StreamId
from supervisor.catalog import StaleWrite
from tests.chaos.site import Site, boottime_ns, stopped, until
from tests.chaos.table import Row, p99, rounded

FAILOVER_S: Final = 13.0  # reliability.md section 5, R5, for a lease of 10 s
LONGEST_PAUSE_S: Final = 6.0  # three segments: the origin gives one out each 2 s, and a worker looks as often


async def failovers(site: Site, times: int) -> list[Row]:
    """kill -9 of the leader, again and again: how long until the next one's first write, and what workers felt."""
    sessions = await site.recording()
    before, began_ns, spans = site.workers(), boottime_ns(), []
    for _ in range(times):
        await site.revive()
        await both_ready(site)
        leader, fence = await site.leader(), await site.fence()
        began = time.monotonic()
        await leader.end(signal.SIGKILL)
        await raised(site, fence)
        spans.append(time.monotonic() - began)
    await site.revive()
    await site.leader()
    now_ns = boottime_ns()
    pauses = {session: site.journal(session).pause_s(began_ns, now_ns) for session in sessions.values()}
    changed = sum(site.workers().get(session) != before[session] for session in sessions.values())
    longest = max(pauses.values())
    target_s = FAILOVER_S * max(1.0, site.plan.lease_s / 10)
    return [
        Row(
            id="R5",
            what=f"leader killed (lease {site.plan.lease_s:g} s): next leader's first write",
            volume=f"{times} kills",
            target=f"p99 <= {target_s:g} s",
            value=f"p99 {p99(spans):.1f} s",
            passed=p99(spans) <= target_s,
            facts={"seconds": rounded(spans)},
        ),
        Row(
            id="R5",
            what="the same: workers interrupted",
            volume=f"{times} kills x {len(sessions)} workers",
            target="0 (same processes, no pause of the ring)",
            value=f"{changed}, longest pause {longest:.1f} s",
            passed=changed == 0 and longest <= LONGEST_PAUSE_S,
            facts={"pauses_s": rounded(list(pauses.values()))},
        ),
    ]


async def sleepers(site: Site, times: int) -> Row:
    """The leader is stopped for two leases and wakes; every write that it could do is tried with its token."""
    sessions = await site.recording()
    accepted = refused = still = 0
    for _ in range(times):
        await site.revive()
        await both_ready(site)
        leader, fence = await site.leader(), await site.fence()
        async with stopped(leader.process.pid):
            await raised(site, fence)
            await asyncio.sleep(2 * site.plan.lease_s)
        successor = await site.leader(but=leader)
        still += (await site.ask(leader, "/readyz") or {}).get("lease") == "held"
        for write in _writes(site, fence, sessions):
            try:
                await write
                accepted += 1
            except StaleWrite:
                refused += 1
        assert successor is not leader
    return Row(
        id="R6",
        what="leader asleep for two leases: its writes once it wakes",
        volume=f"{times} sleeps",
        target="0 accepted, refusals > 0, none leads on",
        value=f"{accepted} accepted, {refused} refused, {still} led on",
        passed=accepted == 0 and refused > 0 and still == 0,
        facts={"accepted": accepted, "refused": refused},
    )


def _writes(site: Site, token: int, sessions: dict[str, str]) -> list[Awaitable[object]]:
    """Everything a leader writes, as one that believes it leads would."""
    stale = site.catalog.leading(token)
    name, session = next(iter(sessions.items()))
    stream, id_ = StreamId(name), SessionId(session)
    return [
        stale.claims(),
        stale.set_claim(stream, 1, state="failed", reason="stale"),
        stale.set_session(id_, state="ended", ended=True),
        stale.claim(stream, after_token=1, session=id_, worker_runtime="process"),
    ]


async def both_ready(site: Site) -> None:
    """Every supervisor serves, and the others know that somebody leads."""

    async def ready() -> bool:
        answers = [(await site.ask(up, "/readyz") or {}).get("lease") for up in site.ups]
        return "held" in answers and all(answers)

    await until(ready, "supervisors that know who leads")


async def raised(site: Site, fence: int) -> None:
    """Wait for the first write of a later leadership."""

    async def higher() -> bool:
        return (await site.fence()) > fence

    await until(higher, "a write of the next leader")
