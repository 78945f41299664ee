"""Faults of workers: killed, and stopped so that only their heartbeat tells (R1, R8); how long a start takes (R16)."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from dataclasses import dataclass
from typing import Final

from supervisor.reconcile.policy import FIRST_WAIT_NS
from tests.chaos.clips import Counted
from tests.chaos.site import Site, until
from tests.chaos.table import Row, p95, p99, rounded

EXIT_GAP_S: Final = 5.0  # reliability.md section 5, R8
HANG_GAP_S: Final = 35.0
SPAWN_S: Final = 3.0  # R16
BACK_LIMIT_S: Final = 120.0


@dataclass(frozen=True)
class Back:
    """A worker was replaced. `spawn_s`: from its order to its first segment."""

    gap_s: float
    spawn_s: float
    same_session: bool


async def strike(site: Site, name: str, session: str, how: signal.Signals, rng: random.Random) -> Back:
    """Hit the worker of a stream while it cuts its second clip; return when its successor has recorded."""
    await site.cut(session)
    cutting = asyncio.create_task(site.cut(session))
    await asyncio.sleep(rng.uniform(0, 1.0))
    attempt = max(segment.attempt for segment in site.journal(session).segments)
    os.kill(site.pid(session), how)
    back = await recorded_again(site, session, attempt)
    cutting.cancel()
    await asyncio.gather(cutting, return_exceptions=True)
    now = (await site.recording())[name]
    return Back(*back, now == session)


async def recorded_again(site: Site, session: str, attempt: int) -> tuple[float, float]:
    """Wall seconds between the last segment of `attempt` and the first of a later one, and of that one's start."""

    async def first_ns() -> int | None:
        return next((each.at_ns for each in site.journal(session).segments if each.attempt > attempt), None)

    first = await until(first_ns, "a segment of the next worker", limit_s=BACK_LIMIT_S)
    before = [each for each in site.journal(session).segments if each.attempt <= attempt and not each.adopted]
    last = max(each.at_ns for each in before)
    return (first - last) / 1e9, (first - ordered_ns(site, session)) / 1e9


def ordered_ns(site: Site, session: str) -> int:
    """When the newest worker of a session was ordered, by CLOCK_BOOTTIME."""
    orders = [json.loads(path.read_text()) for path in (site.data_dir / "run").glob("w-*/order.json")]
    return max(int(order["made_ns"]) for order in orders if order["labels"]["session"] == session)


async def strikes(site: Site, times: int, how: signal.Signals, rng: random.Random) -> list[Back]:
    """One worker after the other, and all again, which then wait as policy.py says for one that fails repeatedly; a
    stopped one takes half a minute, so those are struck together."""
    sessions = list((await site.recording()).items())
    if how is signal.SIGSTOP:
        found = []
        for start in range(0, times, len(sessions)):
            some = sessions[: min(len(sessions), times - start)]
            found += await asyncio.gather(*(strike(site, name, session, how, rng) for name, session in some))
        return found
    return [await strike(site, *sessions[n % len(sessions)], how, rng) for n in range(times)]


def gap_row(found: list[Back], how: signal.Signals, *, again: bool = False) -> Row:
    """R8. `again`: for the second time, when 2 s of back-off come on top."""
    gaps, hung = [each.gap_s for each in found], how is signal.SIGSTOP
    target_s = HANG_GAP_S if hung else EXIT_GAP_S + FIRST_WAIT_NS / 1e9 * again
    strays = sum(not each.same_session for each in found)
    what = "stopped, found by its heartbeat" if hung else "killed again, with its back-off" if again else "killed"
    return Row(
        id="R8",
        what=f"worker {what}: wall time without a segment",
        volume=f"{len(found)} {'stops' if hung else 'kills'}",
        target=f"p99 <= {target_s:g} s, same session",
        value=f"p99 {p99(gaps):.1f} s, {strays} in another session",
        passed=p99(gaps) <= target_s and strays == 0,
        facts={"seconds": rounded(gaps)},
    )


def spawn_row(found: list[Back]) -> Row:
    """R16."""
    spans = [each.spawn_s for each in found]
    return Row(
        id="R16",
        what="order of a process worker to its first segment",
        volume=f"{len(spans)} starts",
        target=f"p95 <= {SPAWN_S:g} s",
        value=f"p95 {p95(spans):.1f} s",
        passed=p95(spans) <= SPAWN_S,
        facts={"seconds": rounded(spans)},
    )


def clip_row(id_: str, during: str, volume: str, counted: Counted) -> Row:
    """Finished clips, whatever went on meanwhile."""
    return Row(
        id=id_,
        what=f"finished clips lost, doubled or broken: {during}",
        volume=f"{volume}, {counted.finished} clips",
        target="0 of at least one",
        value=f"{counted.missing} missing, {counted.doubled} doubled, {counted.broken} broken, {counted.untold} untold",
        passed=counted.lost == 0 and counted.finished > 0,
        facts={"finished": counted.finished},
    )
