"""What clipd survives, as a table: python -m benchmarks.reliability [--full] [--only r5 r9 ...]

Real `clipd up` processes with real process workers on a live HLS stream over loopback, a real Redis and PostgreSQL, and
faults from reliability.md section 5, whose ids the rows carry. Without --full each fault comes a few times and outages
last three leases. Rows of the same fault twice in `make test`: tests/chaos/test_faults.py. As root (PostgreSQL).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.common import git_head, render_table, write_json
from benchmarks.survival import SETS, Volumes
from tests.chaos.source import make_segments

HEADERS = ("row", "what", "volume", "target", "found", "")
QUICK = Volumes(failovers=3, sleeps=2, kills=6, hangs=2, outage_s=6.0, drains=3, cuts=3, soak_minutes=3.0)
FULL = Volumes(failovers=20, sleeps=10, kills=20, hangs=8, outage_s=600.0, drains=20, cuts=20, soak_minutes=30.0)


def main() -> None:
    """Print the table, write the JSON. Rows of sets that were not measured now stay as they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the volumes of a soak; takes two hours")
    parser.add_argument("--only", nargs="*", choices=sorted(SETS), default=sorted(SETS), help="sets of rows")
    parser.add_argument("--failovers", type=int, help="kills of the leader")
    parser.add_argument("--outage-s", type=float, help="how long Redis and PostgreSQL are away")
    parser.add_argument("--minutes", type=float, help="of random faults")
    parser.add_argument("--out", type=Path, default=Path("docs/results/reliability.json"))
    args = parser.parse_args()
    given = {"failovers": args.failovers, "outage_s": args.outage_s, "soak_minutes": args.minutes}
    volumes = (FULL if args.full else QUICK)._replace(**{key: value for key, value in given.items() if value})
    found: dict[str, dict[str, Any]] = _before(args.out)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        segments = make_segments(Path(name))
        for which in args.only:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            found[which] = _measured(which, segments, folder, volumes)
            write_json(args.out, {key: found[key] for key in sorted(found)})
    rows = [row for which in sorted(found) for row in found[which]["rows"]]
    table = [[*(row[key] for key in ("id", "what", "volume", "target", "value")), _verdict(row)] for row in rows]
    print(render_table(HEADERS, table))


def _measured(which: str, segments: tuple[Path, ...], folder: Path, volumes: Volumes) -> dict[str, Any]:
    """One set, with the load of the machine before and after: figures of a busy one are worse than clipd's own."""
    before, began = os.getloadavg()[0], time.monotonic()
    rows = [row.to_json() for row in asyncio.run(SETS[which](segments, folder, volumes))]
    for row in rows:
        print(f"{which}: {row['id']} {row['what']}: {row['value']} {_verdict(row)}", flush=True)
    loads = [round(before, 1), round(os.getloadavg()[0], 1)]
    return {"rows": rows, "load": loads, "wall_s": round(time.monotonic() - began, 1), "commit": git_head()}


def _verdict(row: dict[str, Any]) -> str:
    return "pass" if row["passed"] else "not run" if row["passed"] is None else "FAIL"


def _before(path: Path) -> dict[str, dict[str, Any]]:
    return dict(json.loads(path.read_text())["rows"]) if path.exists() else {}


if __name__ == "__main__":
    main()
