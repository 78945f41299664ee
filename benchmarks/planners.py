"""How often the packed planner gives other clips than the live one: python -m benchmarks.planners --seeds 20

Demo streams as files through the real command at full speed, once with each planner. A clip of one run is the clip of
the other that it overlaps by more than half of the longer one; `moved`: an end of it lies more than 0.25 s elsewhere.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks.common import render_table, write_json
from configs import load_settings
from daemon.cli.watching import WatchRequest, build_spec, watch
from daemon.demo import Recipe
from tests.synthetic_streams import StreamFiles, write_stream

MOVED_S: Final = 0.25
PLANNERS: Final = ("live", "packed")
Span = tuple[float, float]


class Run:
    """A view that keeps clips as they are in the end, and the summary."""

    def __init__(self) -> None:
        self._clips: dict[str, dict[str, Any]] = {}
        self.summary: dict[str, Any] = {}

    def line(self, line: dict[str, Any]) -> None:
        """Of one session."""
        if line["type"] == "clip":
            self._clips[line["id"]] = line
        elif line["type"] == "summary":
            self.summary = line

    def close(self) -> None:
        """Nothing is shown."""

    @property
    def spans(self) -> list[Span]:
        """Of the clips that stand, in seconds."""
        return sorted((c["start_s"], c["end_s"]) for c in self._clips.values() if c["state"] != "withdrawn")


def clip(stream: StreamFiles, planner: str, folder: Path) -> Run:
    """One run of the command."""
    request = WatchRequest(
        kind="vod",
        source=str(stream.media),
        settings=load_settings(profile="gaming", data_dir=folder / "data", speech={"planner": planner}),
        out_dir=None,
        speed=None,
        chat=str(stream.chat),
        chat_delay_s=0.0,
        duration_s=None,
    )
    run = Run()
    asyncio.run(watch([build_spec(request)], run))
    return run


def compare(seed: int, folder: Path) -> dict[str, Any]:
    """One stream."""
    stream = write_stream(folder, Recipe.from_seed(seed))
    live, packed = (clip(stream, planner, folder) for planner in PLANNERS)
    pairs = [(a, b) for a in live.spans for b in packed.spans if same(a, b)]
    shifts = [max(abs(a[0] - b[0]), abs(a[1] - b[1])) for a, b in pairs]
    return {
        "seed": seed,
        "clips live": len(live.spans),
        "clips packed": len(packed.spans),
        "gained": len(packed.spans) - len(pairs),
        "lost": len(live.spans) - len(pairs),
        "moved": sum(shift > MOVED_S for shift in shifts),
        "farthest s": round(max(shifts, default=0.0), 2),
        "words live": live.summary["words"],
        "words packed": packed.summary["words"],
        "speed x live": live.summary["speed_x"],
        "speed x packed": packed.summary["speed_x"],
    }


def same(a: Span, b: Span) -> bool:
    """Whether two spans show the same moment."""
    common = min(a[1], b[1]) - max(a[0], b[0])
    return common > max(a[1] - a[0], b[1] - b[0]) / 2


def main() -> None:
    """Print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="of the demo's streams, from 0")
    parser.add_argument("--out", type=Path, default=Path("docs/results/planners.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [compare(seed, Path(folder)) for seed in range(args.seeds)]
    print(render_table(list(rows[0]), [list(r.values()) for r in rows]))
    total = {name: sum(row[name] for row in rows) for name in ("clips live", "gained", "lost", "moved")}
    print(", ".join(f"{name} {value}" for name, value in total.items()))
    write_json(args.out, rows, seeds=args.seeds, total=total)


if __name__ == "__main__":
    main()
