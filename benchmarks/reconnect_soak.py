"""Does a watch leak while its source goes and comes: python -m benchmarks.reconnect_soak --minutes 30

A live HLS stream and its chat over loopback, in real time; every two minutes all their connections are reset, nobody is
let in for 6 s, and the encoder begins anew. The real `clipd watch`, command and worker, is looked at every 4 s or so,
for `--minutes` after a warm-up.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.common import render_table, write_json
from telemetry import SystemClock
from tests.synthetic_streams.broken.media import make_plain
from tests.synthetic_streams.broken.soak import MIB_KB, Soaked, Who, watch_long

HEADERS = ("process", "samples", "MiB at first", "MiB at last", "MiB/h", "+-", "more files", "more threads")
CELLS = ("process", "samples", "first_mib", "last_mib", "slope_mib_h", "error_mib_h", "files_grown", "threads_grown")


def row(found: Soaked, who: Who) -> dict[str, Any]:
    """One process after the warm-up; `error` is two standard errors of the slope."""
    held, trend = found.of(who), found.trend(who)
    return {
        "process": who,
        "samples": len(held),
        "first_mib": round(held[0].rss_kb / MIB_KB, 1),
        "last_mib": round(held[-1].rss_kb / MIB_KB, 1),
        "slope_mib_h": round(trend.slope, 2),
        "error_mib_h": round(2 * trend.error, 2),
        "files_grown": found.grown(who, "files"),
        "threads_grown": found.grown(who, "threads"),
        "files": sorted({held.files for held in held}),
        "threads": sorted({held.threads for held in held}),
    }


def main() -> None:
    """Print the table, write the JSON with a sample a minute."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--every-s", type=float, default=120.0)
    parser.add_argument("--away-s", type=float, default=6.0)
    parser.add_argument("--warm-minutes", type=float, default=20.0)
    parser.add_argument("--ring-minutes", type=float, default=5.0)
    parser.add_argument("--out", type=Path, default=Path("docs/results/reconnect_soak.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        segments = make_plain(folder / "media", int(args.every_s))
        times = {"length_s": 60 * (args.warm_minutes + args.minutes), "every_s": args.every_s, "away_s": args.away_s}
        kept = {"warm_s": 60 * args.warm_minutes, "ring_minutes": args.ring_minutes}
        found = asyncio.run(watch_long(segments, SystemClock(), folder, **times, **kept))
    rows = [row(found, who) for who in ("worker", "command")]
    print(render_table(HEADERS, [[each[cell] for cell in CELLS] for each in rows]))
    print(
        f"{found.restarts} restarts, {found.epochs} epochs, {found.sessions} session, exit {found.code}, "
        f"{found.captured_s:.0f} s on media time; chat {found.chat}"
    )
    facts = {key: value for key, value in asdict(found).items() if key != "held"}
    every = max(1, len(found.held["worker"]) // max(1, int(args.warm_minutes + args.minutes)))
    samples = {who: [held._asdict() for held in found.held[who][::every]] for who in ("worker", "command")}
    write_json(args.out, rows, ring_minutes=args.ring_minutes, run=facts, samples=samples)


if __name__ == "__main__":
    main()
