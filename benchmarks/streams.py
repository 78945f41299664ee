"""How many live 1080p60 streams one machine carries: python -m benchmarks.streams --streams 10 --seconds 120

Each stream is a live HLS origin over loopback (8 Mbit/s H.264, AAC, chat) and a worker of its own, everything on. Lag
is how far analysis is behind the newest media the origin has listed; flat means that the fitted line rises less than
10 ms a second. The origins' own CPU is not the workers' and is printed below the table.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import render_table, write_json
from configs import load_settings
from daemon.cli.watching import WatchRequest, build_spec, watch
from daemon.demo import LiveOrigin
from daemon.demo.render import VideoLoop
from telemetry import SystemClock
from tests.synthetic_streams import busy_source, longer


class Lags:
    """Collects progress and summaries of all sessions."""

    def __init__(self) -> None:
        self.lag: dict[str, list[tuple[float, float]]] = {}
        self.summary: dict[str, dict[str, Any]] = {}
        self.gap_s = 0.0
        self.shed = 0

    def line(self, line: dict[str, Any]) -> None:
        """A view that keeps figures."""
        session = str(line.get("session"))
        if line["type"] == "progress" and line["state"] == "live" and line["lag_s"] is not None:
            self.lag.setdefault(session, []).append((line["captured_s"], line["lag_s"]))
        elif line["type"] == "summary":
            self.summary[session] = line
        elif line["type"] == "gap":
            self.gap_s += line["end_s"] - line["start_s"]
        elif line.get("code") == "analysis_shed":
            self.shed += 1

    def close(self) -> None:
        """Nothing is shown."""


async def run(streams: int, seconds: float, folder: Path) -> tuple[list[dict[str, Any]], float]:
    """One row a stream, and the origins' CPU seconds."""
    video = VideoLoop(busy_source(folder / "media"))
    environment = {"CLIPD_SPEECH__ENABLED": "false", "CLIPD_CLIPS__FORMATS": "master"}
    settings = load_settings(profile="gaming", data_dir=folder / "data", environment=environment)
    lags = Lags()
    async with contextlib.AsyncExitStack() as stack:
        origins = [
            await stack.enter_async_context(
                LiveOrigin(longer(500 + i, minutes=seconds / 60 + 0.5), SystemClock(), video=video)
            )
            for i in range(streams)
        ]
        specs = [
            build_spec(
                WatchRequest(
                    kind="stream",
                    source=origin.url,
                    settings=settings,
                    out_dir=None,
                    speed=1.0,
                    chat=origin.chat_url,
                    chat_delay_s=0.0,
                    duration_s=seconds,
                )
            )
            for origin in origins
        ]
        before = resource.getrusage(resource.RUSAGE_SELF)
        await watch(specs, lags)
        after = resource.getrusage(resource.RUSAGE_SELF)
    own_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [row(session, lags) for session in sorted(lags.summary)], own_s


def row(session: str, lags: Lags) -> dict[str, Any]:
    """CPU as a share of one core, lag and its slope, memory."""
    summary = lags.summary[session]
    points = np.array([point for point in lags.lag.get(session, []) if point[0] > 10])
    slope = float(np.polyfit(points[:, 0], points[:, 1], 1)[0]) if len(points) > 2 else float("nan")
    return {
        "stream": session[-6:],
        "media s": round(summary["media_s"], 1),
        "core %": round(100 * summary["cpu_s"] / summary["wall_s"], 1),
        "lag p50 s": round(float(np.median(points[:, 1])), 2),
        "lag max s": round(float(points[:, 1].max()), 2),
        "slope ms/s": round(1000 * slope, 2),
        "gaps": summary["gaps"],
        "RSS MB": summary["peak_rss_mb"],
    }


def main() -> None:
    """Print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--out", type=Path, default=Path("docs/results/streams.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows, origins_s = asyncio.run(run(args.streams, args.seconds, Path(folder)))
    print(render_table(list(rows[0]), [list(r.values()) for r in rows]))
    total = round(sum(r["core %"] for r in rows), 1)
    print(f"workers together {total} % of one core; origins and supervisor {100 * origins_s / args.seconds:.1f} %")
    write_json(args.out, rows, streams=args.streams, seconds=args.seconds, origins_cpu_s=round(origins_s, 1))


if __name__ == "__main__":
    main()
