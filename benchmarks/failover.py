"""How long nobody leads after the leader was killed: python -m benchmarks.failover --kills 20

Two real supervisors' keepers as processes, over Redis and over the file of one host, at 10/6/1.5 s. The leader gets
kill -9 at a random moment and is replaced by a fresh candidate; then, as often, it hands the lease back in good order.
Times from the kill, or from the end of the hand-over, to the successor's `gained`, on CLOCK_BOOTTIME.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.common import render_table, write_json
from core.times import NS_PER_S
from supervisor.leases.api import LeaseTiming
from telemetry import SystemClock
from tests.redis_server import RedisServer
from tests.unit.leases.processes import Candidate, candidates

HEADERS = ("store", "end", "n", "p50 s", "p99 s", "max s", "tokens rise")


def measure(store: str, kills: int, hand_overs: int, seed: int) -> list[dict[str, Any]]:
    """Both ends of a leadership over one store."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(RedisServer(folder)).url if store == "redis" else store
        make = stack.enter_context(candidates(url, folder, LeaseTiming()))
        leader, tokens, rng = make(), [], random.Random(seed)
        times: dict[str, list[float]] = {"killed": [], "handed over": []}
        tokens.append(int(leader.wait("gained", timeout_s=60)[1]))
        for number in range(kills + hand_overs):
            rival = make()
            rival.wait("started")
            threading.Event().wait(rng.uniform(2.0, 4.0))  # anywhere between two renewals
            end = "killed" if number < kills else "handed over"
            from_ns = ended(leader, end)
            _, token, at = rival.wait("gained", timeout_s=60)
            times[end].append((int(at) - from_ns) / NS_PER_S)
            tokens.append(int(token))
            leader = rival
        rise = tokens == sorted(set(tokens))
        return [row(store, end, found, rise) for end, found in times.items()]


def ended(leader: Candidate, end: str) -> int:
    """End it; the moment from which nobody holds the lease."""
    if end == "killed":
        at_ns = SystemClock().boottime_ns()
        leader.kill()
        return at_ns
    leader.leave()
    return int(leader.wait("left", timeout_s=20)[1])


def row(store: str, end: str, times: list[float], rise: bool) -> dict[str, Any]:
    """Percentiles by rank; the p99 of few is their maximum."""
    ordered = sorted(times)
    rank = {share: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.99)}
    return {
        "store": store,
        "end": end,
        "n": len(ordered),
        "p50_s": round(rank[0.5], 2),
        "p99_s": round(rank[0.99], 2),
        "max_s": round(ordered[-1], 2),
        "tokens_rise": rise,
        "times_s": [round(time, 2) for time in times],
    }


def main() -> None:
    """Print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--hand-overs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("docs/results/failover.json"))
    args = parser.parse_args()
    with ThreadPoolExecutor() as pool:  # mostly waiting: both at once
        runs = [pool.submit(measure, store, args.kills, args.hand_overs, args.seed) for store in ("redis", "embedded")]
        rows = [row for run in runs for row in run.result()]
    print(render_table(HEADERS, [[row[key] for key in list(row)[:7]] for row in rows]))
    write_json(args.out, rows, lease_s=[10, 6, 1.5], seed=args.seed, load_average=os.getloadavg()[0])


if __name__ == "__main__":
    main()
