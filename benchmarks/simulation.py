"""Supervisors, workers, stores and clocks under faults in virtual time: python -m benchmarks.simulation --seeds 50000

Each seed is ten minutes of two or three supervisors with the real elector and the real plan (tests/simulation). The
table counts what happened and which rules were broken, which shall be none; a seed that breaks one is printed.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

from benchmarks.common import render_table, write_json
from tests.simulation.simulate import simulate
from tests.simulation.world import Broken

HEADERS = ("seeds", "virtual min", "terms", "stale refused", "clips", "deliveries", "broken", "cpu s")


def main() -> None:
    """Print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=Path("docs/results/simulation.json"))
    args = parser.parse_args()
    began, totals, faults = time.process_time(), Counter[str](), Counter[str]()
    broken: list[dict[str, object]] = []
    for seed in range(args.first, args.first + args.seeds):
        try:
            history = simulate(seed, minutes=args.minutes)
        except Broken as err:
            print(f"seed {seed}: {err}")
            broken.append({"seed": seed, "rule": err.rule})
            continue
        totals.update(terms=history.terms, refused=history.refused, clips=history.clips)
        totals.update(deliveries=history.deliveries, steps=history.steps)
        faults.update(fault.split(" ", 1)[1].rsplit(" ", 1)[0] for fault in history.faults)
    row = {
        "seeds": args.seeds,
        "minutes": args.minutes,
        "terms": totals["terms"],
        "refused": totals["refused"],
        "clips": totals["clips"],
        "deliveries": totals["deliveries"],
        "broken": len(broken),
        "cpu_s": round(time.process_time() - began, 1),
    }
    print(render_table(HEADERS, [list(row.values())]))
    print(render_table(("fault", "times"), faults.most_common()))
    write_json(args.out, [row], first_seed=args.first, broken=broken, faults=dict(faults), steps=totals["steps"])


if __name__ == "__main__":
    main()
