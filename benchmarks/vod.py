"""How fast a recording is analysed, without speech and with it: python -m benchmarks.vod --minutes 10

A 1080p60 8 Mbit/s file with chat on which somebody talks without pauses, through the real command at full speed. CPU
is the worker's own, by media second; what speech costs is the difference of the rows.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import render_table, write_json
from benchmarks.hearing.talk import talking
from configs import load_settings
from daemon.cli.watching import WatchRequest, build_spec, watch
from daemon.demo.render import VideoLoop
from tests.synthetic_streams import StreamFiles, busy_source, longer, write_stream


class LastLine:
    """Keeps the summary."""

    summary: dict[str, Any]

    def line(self, line: dict[str, Any]) -> None:
        """Of one session."""
        if line["type"] == "summary":
            self.summary = line

    def close(self) -> None:
        """Nothing is shown."""


def write_media(minutes: float, folder: Path) -> StreamFiles:
    """The file; both runs read it."""
    with talking():
        return write_stream(folder, longer(77, minutes=minutes), video=VideoLoop(busy_source(folder / "media")))


def measure(stream: StreamFiles, folder: Path, *, speech: bool) -> dict[str, Any]:
    """One run."""
    environment = {"CLIPD_SPEECH__ENABLED": str(speech).lower(), "CLIPD_CLIPS__FORMATS": "master"}
    request = WatchRequest(
        kind="vod",
        source=str(stream.media),
        settings=load_settings(profile="gaming", data_dir=folder / "data", environment=environment),
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
        "speech": "packed" if speech else "off",
        "media s": round(summary["media_s"]),
        "wall s": summary["wall_s"],
        "speed x": summary["speed_x"],
        "core s/media s": round(summary["cpu_s"] / summary["media_s"], 4),
        "an hour takes s": round(3600 / summary["speed_x"], 1),
        "clips": summary["clips"],
        "words": summary["words"],
        "RSS MB": summary["peak_rss_mb"],
    }


def main() -> None:
    """Print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--out", type=Path, default=Path("docs/results/vod.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stream = write_media(args.minutes, folder)
        rows = [measure(stream, folder, speech=speech) for speech in (False, True)]
    print(render_table(list(rows[0]), [list(r.values()) for r in rows]))
    off, on = (row["core s/media s"] for row in rows)
    print(f"speech takes {on - off:.4f} core-seconds a media second, all the rest {off:.4f}")
    write_json(args.out, rows, minutes=args.minutes)


if __name__ == "__main__":
    main()
