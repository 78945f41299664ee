"""What is lost when a stream breaks, and what streamlink loses: python -m benchmarks.source_faults

Each script is one fault of a live HLS stream over loopback, watched in real time by the real `clipd watch` and by the
plain `streamlink` command that writes to a file, each from an origin of its own. Seconds are counted pictures.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import render_table, write_json
from telemetry import SystemClock
from tests.synthetic_streams.broken import SCRIPTS, Script, Shelf, make_shelf
from tests.synthetic_streams.broken.scripts import LENGTH_S
from tests.synthetic_streams.broken.viewers import Outcome, with_clipd, with_streamlink

HEADERS = ("fault", "lost s", "streamlink", "not in ledger s", "as live s", "back s", "epochs", "end", "reasons")


async def run(scripts: list[Script], shelf: Shelf, folder: Path, at_once: int) -> list[dict[str, Any]]:
    """One row a script."""
    room, clock = asyncio.Semaphore(at_once), SystemClock()

    async def one(number: int, script: Script) -> dict[str, Any]:
        async with room:
            ours, theirs = await asyncio.gather(
                with_clipd(script, shelf, clock, folder / f"{number}-clipd"),
                with_streamlink(script, shelf, clock, folder / f"{number}-streamlink"),
            )
        row = _row(script, ours, theirs)
        print(f"{number + 1}: {row}", flush=True)
        return row

    return list(await asyncio.gather(*(one(n, script) for n, script in enumerate(scripts))))


def _row(script: Script, ours: Outcome, theirs: Outcome) -> dict[str, Any]:
    return {
        "fault": script.name,
        "made_s": ours.made_s,
        "lost_s": round(ours.lost_s, 2),
        "streamlink_lost_s": round(theirs.lost_s, 2),
        "unaccounted_s": round(ours.lost_s - ours.ledger_s, 2),
        "frozen_live_s": round(ours.frozen_s, 1),
        "back_s": None if ours.back_s is None else round(ours.back_s, 1),
        "epochs": ours.epochs,
        "sessions": ours.sessions,
        "code": ours.code,
        "ended": ours.ended,
        "reasons": list(ours.reasons),
    }


def main() -> None:
    """Print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="scripts with this in their name")
    parser.add_argument("--at-once", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("docs/results/source_faults.json"))
    args = parser.parse_args()
    scripts = [script for script in SCRIPTS if args.only in script.name]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = asyncio.run(run(scripts, make_shelf(folder / "media", LENGTH_S), folder, args.at_once))
    keys = ("fault", "lost_s", "streamlink_lost_s", "unaccounted_s", "frozen_live_s", "back_s", "epochs", "ended")
    table = [[*(row[key] for key in keys), " ".join(row["reasons"])] for row in rows]
    print(render_table(HEADERS, table))
    kept = sum(row["sessions"] == 1 and row["code"] == 0 and row["ended"] == "endlist" for row in rows)
    ours, theirs = (sum(row[key] for row in rows) for key in ("lost_s", "streamlink_lost_s"))
    print(f"kept as one session to its end: {kept} of {len(rows)}; seconds lost: {ours:.0f}, streamlink {theirs:.0f}")
    write_json(args.out, rows)


if __name__ == "__main__":
    main()
