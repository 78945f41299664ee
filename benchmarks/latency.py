"""Moment to clip on live streams in real time: python -m benchmarks.latency --streams 4 --seed 300

Plays the demo's kind of stream with other seeds, several at once, each with its own worker. Latency is what the
contract says: the file is complete minus the arrival of the clip's last frame. From the truth: the file is complete
minus the time at which the moment's end plus the profile's post-roll had happened at the origin. Clips that waited for
chat stand apart.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import render_table, write_json
from configs import load_settings
from core.times import NS_PER_S
from daemon.cli.view import View
from daemon.cli.watching import WatchRequest, build_spec, watch
from daemon.demo import LiveOrigin, Recipe
from telemetry import SystemClock


class Silent:
    """A view that shows nothing."""

    def line(self, line: dict[str, Any]) -> None:
        """Seen elsewhere."""

    def close(self) -> None:
        """Nothing to give back."""


async def measure(seed: int, folder: Path) -> list[dict[str, Any]]:
    """One row per first revision."""
    recipe = Recipe.from_seed(seed)
    settings = load_settings(profile="gaming", data_dir=folder / "data")
    post_s = settings.detection_profile().clip.post_s
    first: dict[str, dict[str, Any]] = {}
    waited: dict[str, bool] = {}

    def take(line: dict[str, Any]) -> None:
        if line["type"] == "clip" and line["state"] != "withdrawn":
            first.setdefault(line["id"], line)
        if line["type"] == "moment" and line["parts"].get("audio", 0) <= 0:
            waited[line["id"]] = True

    async with LiveOrigin(recipe, SystemClock()) as origin:
        request = WatchRequest(
            kind="stream",
            source=origin.url,
            settings=settings,
            out_dir=folder / "out",
            speed=1.0,
            chat=origin.chat_url,
            chat_delay_s=0.0,
            duration_s=None,
        )
        view: View = Silent()
        await watch([build_spec(request)], view, on_line=take)
        wall_start_ns = origin.wall_start_ns
    assert wall_start_ns is not None
    return [row(clip, recipe, post_s, wall_start_ns / NS_PER_S) for clip in first.values()]


def row(clip: dict[str, Any], recipe: Recipe, post_s: float, wall_start_s: float) -> dict[str, Any]:
    """What one clip took; `truth_s` is None for a clip that holds no planted moment."""
    done_s = datetime.fromisoformat(clip["wall"]).timestamp() - wall_start_s
    moment = next(
        (m for m in recipe.moments if clip["start_s"] <= m.start_s and m.end_s <= clip["end_s"]),
        None,
    )
    return {
        "latency_s": clip["latency_s"],
        "truth_s": None if moment is None else round(done_s - moment.end_s - post_s, 3),
        "chat_only": moment is not None and moment.families == ["chat"],
    }


async def run(streams: int, seed: int) -> list[dict[str, Any]]:
    """All streams at once."""
    with tempfile.TemporaryDirectory() as folder:
        rows = await asyncio.gather(*(measure(seed + i, Path(folder) / str(i)) for i in range(streams)))
    return [row for stream in rows for row in stream]


def summary(name: str, rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """Median and 95th percentile in seconds."""
    values = [row[key] for row in rows if row[key] is not None]
    p50, p95 = np.percentile(values, [50, 95]) if values else (float("nan"), float("nan"))
    return {"clips": name, "from": key, "n": len(values), "p50 s": round(float(p50), 2), "p95 s": round(float(p95), 2)}


def main() -> None:
    """Print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--seed", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("docs/results/latency.json"))
    args = parser.parse_args()
    rows = asyncio.run(run(args.streams, args.seed))
    heard, chat_only = [r for r in rows if not r["chat_only"]], [r for r in rows if r["chat_only"]]
    table = [
        summary(name, group, key)
        for name, group in (("heard", heard), ("chat only", chat_only))
        for key in ("latency_s", "truth_s")
    ]
    print(render_table(list(table[0]), [list(r.values()) for r in table]))
    write_json(args.out, table, streams=args.streams, seed=args.seed)


if __name__ == "__main__":
    main()
