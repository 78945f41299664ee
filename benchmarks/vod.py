"""How fast a recording is analysed without speech: python -m benchmarks.vod --minutes 10

A 1080p60 8 Mbit/s file with chat, through the real command at full speed. CPU is the worker's own, by media second.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import render_table, write_json
from configs import load_settings
from daemon.cli.watching import WatchRequest, build_spec, watch
from daemon.demo.render import VideoLoop
from tests.synthetic_streams import busy_source, longer, write_stream


class LastLine:
    """Keeps the summary."""

    summary: dict[str, Any]

    def line(self, line: dict[str, Any]) -> None:
        """Of one session."""
        if line["type"] == "summary":
            self.summary = line

    def close(self) -> None:
        """Nothing is shown."""


def measure(minutes: float, folder: Path) -> dict[str, Any]:
    """One run."""
    video = VideoLoop(busy_source(folder / "media"))
    stream = write_stream(folder, longer(77, minutes=minutes), video=video)
    request = WatchRequest(
        kind="vod",
        source=str(stream.media),
        settings=load_settings(profile="gaming", data_dir=folder / "data"),
        out_dir=None,
        speed=None,
        chat=str(stream.chat),
        chat_delay_s=0.0,
        duration_s=None,
    )
    view = LastLine()
    asyncio.run(watch([build_spec(request)], view))
    summary = view.summary
    return {
        "media s": round(summary["media_s"]),
        "wall s": summary["wall_s"],
        "speed x": summary["speed_x"],
        "core s/media s": round(summary["cpu_s"] / summary["media_s"], 4),
        "an hour takes s": round(3600 / summary["speed_x"], 1),
        "clips": summary["clips"],
        "RSS MB": summary["peak_rss_mb"],
    }


def main() -> None:
    """Print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--out", type=Path, default=Path("docs/results/vod.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(args.minutes, Path(folder))]
    print(render_table(list(rows[0]), [list(r.values()) for r in rows]))
    write_json(args.out, rows, minutes=args.minutes)


if __name__ == "__main__":
    main()
