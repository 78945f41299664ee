"""What is read off a game's screen: drawn replicas of two HUDs, a real game, menus, other footage; its cost.

    python -m benchmarks.hud --out docs/results/hud.json --streams DIR [--seconds 60] [--only NAME ...]

Replicas are driven by recorded kills (../shared/media/fx-kills) with the idle time taken out, coded as H.264, looked at
as a worker looks; and by a match at its own pace ("as recorded"). `recall` and `precision` are of kills, deaths and
banners; a kill's row and its medal are one event. `error s` is the largest distance in time. `letters`: of both names
of each row, by edit distance. `cpu %`: of a core, for a second of stream, decoding included; `all %`: what decoding
every frame of it would take, nothing else. Streams in DIR are not rendered again. Constants were chosen on `tuning`:
other letters, overlays, players and backgrounds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2

from benchmarks.common import ROOT, render_table, write_json
from benchmarks.hud_run import Run, Score, compare, decode_all, joined, look
from core.game import GameKind
from tests.synthetic_streams.huds.families import FAMILIES, GAMES, HEIGHTS, Family, paced, quiet, streams
from tests.synthetic_streams.huds.script import IDLE_S
from tests.synthetic_streams.huds.stream import Happened, Rendered, truth, write

MEDIA: Final = ROOT.parent / "shared" / "media"
COLUMNS: Final = (
    "stream", "media s", "happened", "false", "recall", "precision", "error s", "letters", "cpu %", "all %",
    "GOPs decoded %",
)  # fmt: skip
OTHER: Final = (
    "bikes.mp4", "bigbuckbunny.mp4", "big_buck_bunny_0_30.webm", "example.mp4", "intel/classroom.mp4",
    "intel/face-demographics-walking.mp4",
    "intel/head-pose-face-detection-female-and-male.mp4", "intel/car-detection.mp4",
)  # fmt: skip
MENUS_S: Final = 150.0  # of each game
OTHER_S: Final = 150.0  # looked at with each game's HUD
PACED_S: Final = 420.0  # of a match at its own pace
FPS: Final = 15
MENUS_FPS: Final = 5


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/results/hud.json"))
    parser.add_argument("--streams", type=Path, required=True, help="rendered streams are kept here")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", nargs="*", default=[], help="names of streams, such as 'cs2 720p 1'; all of them")
    parser.add_argument("--family", choices=sorted(FAMILIES), default="testing")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    family = FAMILIES[args.family]
    args.streams.mkdir(parents=True, exist_ok=True)
    rows, total = [], Score()
    shown = streams(family, MEDIA, length_s=args.seconds)
    shown += [paced(family, MEDIA, game, height, length_s=PACED_S) for game in GAMES for height in HEIGHTS]
    for stream in shown:
        if args.only and stream.name not in args.only:
            continue
        row, score = _measured(stream, _rendered(stream, args.streams))
        rows.append(row)
        total.add(score)
        print(render_table(COLUMNS, [[row[name] for name in COLUMNS]]), flush=True)
    rows.append(_row("all replicas", None, total))
    rows.append(_frags())
    rows += _nothing(family, args.streams)
    print(render_table(COLUMNS, [[row[name] for name in COLUMNS] for row in rows]))
    write_json(args.out, rows, family=args.family, frames_per_s=FPS, longest_idle_s=IDLE_S)


def _rendered(stream: Rendered, folder: Path, fps: int = FPS) -> Path:
    path = folder / f"{stream.name.replace(' ', '_')}.mp4"
    if not path.is_file():
        partial = path.with_name(f"partial_{path.name}")
        write(stream, partial, fps=fps)
        partial.rename(path)
    return path


def _measured(stream: Rendered, path: Path) -> tuple[dict[str, Any], Score]:
    run = look(path, stream.game, stream.script.player)
    score = compare(truth(stream), joined(run.events))
    return _row(stream.name, run, score, all_s=decode_all(path)), score


def _frags() -> dict[str, Any]:
    """The real game: each rise of the frag counter is an own kill. Names are not in the truth."""
    folder = MEDIA / "fx-game"
    record = json.loads((folder / "dm_seed7.mp4.json").read_text())
    frags = [
        Happened(event["t"], GameKind.KILL, True)
        for event in record["events"]
        if event["event"] == "fragcount" and event["delta"] > 0
    ]
    run = look(folder / "dm_seed7.mp4", "freedoom", record["player"])
    own = [event for event in joined(run.events) if event.own and event.kind is GameKind.KILL]
    return _row("freedoom, own kills", run, compare(frags, own), all_s=decode_all(folder / "dm_seed7.mp4"))


def _nothing(family: Family, folder: Path) -> list[dict[str, Any]]:
    """Menus and films: every event is false."""
    rows = []
    for game in GAMES:
        stream = quiet(family, MEDIA, game, length_s=MENUS_S)
        path = _rendered(replace(stream, name=f"{game} menus"), folder, MENUS_FPS)
        run = look(path, game, stream.script.player)
        rows.append(_row(f"{game} menus", run, compare((), run.events)))
        shown: list[Run] = []
        for name in OTHER:
            path = MEDIA / "fx-video" / name
            if path.suffix == ".mp4" and path.is_file() and sum(one.length_s for one in shown) < OTHER_S:
                shown.append(look(path, game, stream.script.player))
        events = [event for one in shown for event in one.events]
        films = Run(events, sum(one.cpu_s for one in shown), sum(one.length_s for one in shown), shown[0].tally)
        rows.append(_row(f"{game} other footage", films, compare((), events)))
    return rows


def _row(name: str, run: Run | None, score: Score, *, all_s: float | None = None) -> dict[str, Any]:
    own = [one for one in score.missed if one.own and one.kind is GameKind.KILL]
    return {
        "stream": name,
        "media s": None if run is None else round(run.length_s),
        "happened": score.happened,
        "false": score.false,
        "recall": _share(score.found, score.happened),
        "precision": _share(score.found, score.found + score.false),
        "error s": round(max(map(abs, score.errors_s)), 2) if score.errors_s else None,
        "late error s": _percentile(score.errors_s),
        "letters": _share(score.letters - score.wrong, score.letters),
        "cpu %": None if run is None else round(100 * run.cpu_s / run.length_s, 2),
        "all %": None if run is None or all_s is None else round(100 * all_s / run.length_s, 2),
        "GOPs decoded %": None if run is None else round(100 * run.tally.gops / max(1, run.tally.keyframes)),
        "own kills missed": len(own),
        "missed": [f"{one.t:.1f} {one.kind} {one.who} {one.victim}".strip() for one in score.missed],
        "invented": [f"{event.t_ns / 1e9:.1f} {event.kind} {event.source} {event.who}" for event in score.invented],
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def _percentile(errors_s: Sequence[float]) -> float | None:
    """The error that 95 % stay under."""
    if not errors_s:
        return None
    return round(sorted(map(abs, errors_s))[min(len(errors_s) - 1, int(0.95 * len(errors_s)))], 2)


if __name__ == "__main__":
    main()
