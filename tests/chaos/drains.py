"""Drains (R14): asked to end, clipd finishes what is open; killed at any point of it, it loses nothing finished."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time

from tests.chaos.captures import clip_row
from tests.chaos.clips import Counted, count_clips
from tests.chaos.site import Site
from tests.chaos.table import Row, p99, rounded

DRAIN_S = 60.0  # reliability.md section 5, R14
EXIT_DRAINED = 130
ALONE_S = 2.0


async def drains(site: Site, times: int) -> list[Row]:
    """SIGTERM of the only supervisor while every worker cuts; then the next one, which begins new sessions."""
    spans, codes = [], []
    for _ in range(times):
        await site.revive()
        cutting = await _cutting(site)
        began = time.monotonic()
        [up] = site.ups
        codes.append(await up.end(limit_s=2 * DRAIN_S))
        spans.append(time.monotonic() - began)
        await asyncio.gather(*cutting)
    left = sum(map(len, site.workers().values()))
    counted = await count_clips(site, limit_s=1)  # what a clean end has not delivered by now it never will
    clean = codes == [EXIT_DRAINED] * times and left == 0
    return [
        Row(
            id="R14",
            what="SIGTERM: drained and gone",
            volume=f"{times} drains of {site.plan.streams} workers",
            target=f"p99 <= {DRAIN_S:g} s, exit code {EXIT_DRAINED}, no worker left",
            value=f"p99 {p99(spans):.1f} s, codes {sorted(set(codes))}, {left} left",
            passed=clean and p99(spans) <= DRAIN_S,
            facts={"seconds": rounded(spans)},
        ),
        clip_row("R14", "SIGTERM drains", f"{times} drains", counted),
    ]


async def cut_short(site: Site, times: int, rng: random.Random, *, longest_s: float = 2.0) -> Counted:
    """SIGTERM, at a random point of the drain kill -9 of the supervisor, and soon after of every worker: as a machine
    ends that is shut down in a hurry. What workers finish in between nobody has been told. A few times on one
    installation: a worker that is killed before the drain has reached it has failed, and backs off in the end."""
    for _ in range(times):
        await site.revive()
        cutting = await _cutting(site)
        [up] = site.ups
        up.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(rng.uniform(0, longest_s))
        await up.end(signal.SIGKILL)
        await asyncio.sleep(rng.uniform(0, ALONE_S))
        for pids in site.workers().values():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        await asyncio.gather(*cutting)
    await site.revive()
    await site.recording()
    return await count_clips(site)


def cut_short_row(times: int, counted: Counted) -> Row:
    """R14."""
    return clip_row("R14", "drains cut short by SIGKILL", f"{times} drains", counted)


async def _cutting(site: Site) -> list[asyncio.Task[str | None]]:
    """Every stream has made a clip and is at the next one."""
    sessions = (await site.recording()).values()
    await asyncio.gather(*(site.cut(session) for session in sessions))
    return [asyncio.create_task(site.cut(session)) for session in sessions]
