"""A supervisor's share of writes, as a process of its own: `python -m tests.contract.catalog.writer URL NAME COUNT`.

Adds to a day's usage, claims a shared stream on, and stores events of a session of its own; says what it did as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys

from core.ids import SessionId, StreamId
from supervisor.catalog import Catalog, Conflict
from telemetry import SystemClock
from tests.contract.catalog.rows import batch


async def write(url: str, name: str, count: int) -> dict[str, int]:
    """COUNT 0: until it is killed."""
    catalog = await Catalog.open(url, SystemClock())
    lead, own = catalog.leading(1), StreamId(name)
    mine = await lead.claim(own, after_token=0, session=SessionId(f"session-{name}"), worker_runtime="process")
    done = {"usage": 0, "claims": 0, "events": 0}
    while count == 0 or done["usage"] < count:
        assert await catalog.reserve_llm("default", 1.0, budget_usd=1e6, ceiling_usd=1e6) is not None
        done["usage"] += 1
        newest = (await catalog.attempts(None, StreamId("shared"), limit=1))[0].token
        try:
            await lead.claim(
                StreamId("shared"), after_token=newest, session=SessionId(f"s-{name}"), worker_runtime="process"
            )
            done["claims"] += 1
        except Conflict:
            pass
        await catalog.store_events(batch(mine, (done["usage"], "event", {})))
        done["events"] += 1
        if count == 0:
            print("written", flush=True)  # noqa: T201
    await catalog.close()
    return done


if __name__ == "__main__":
    print(json.dumps(asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))))  # noqa: T201
