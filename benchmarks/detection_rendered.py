"""Detection on rendered streams with known truth, through the real command: python -m benchmarks.detection_rendered

Half-hour streams as files: a game's picture (H.264), recorded voices and made sounds (AAC), a chat beside it, and hard
negatives of fourteen kinds (tests/synthetic_streams). Each is analysed by `clipd vod --profile gaming` with real speech
recognition; the truth is put beside its session and everything is scored as `clipd eval` does. Files are kept in a
cache; a recipe that changes is rendered anew. With two or three hours intervals are wide: the large figures are those
of benchmarks.detection.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, render_table, write_json
from benchmarks.detection import verdict
from configs import load_profile
from core.times import ns, to_s
from daemon.cli.eval import RECORDED, Scored, Wanted, score
from daemon.evaluation import tables
from daemon.evaluation.candidates import Run
from daemon.evaluation.matching import by_anchor, negative_of
from daemon.evaluation.measures import TOLERANCE_S
from daemon.evaluation.metrics import Figures, figures, paired
from daemon.evaluation.sessions import TRUTH_NAME, find
from tests.synthetic_streams import StreamFiles, harder, write_stream

STREAM_MIN = 30.0
CACHE = Path(tempfile.gettempdir()) / "clipd-rendered"
LIMIT_S = 3600.0


def analyse(stream: StreamFiles, data: Path, profile: str) -> dict[str, Any]:
    """One run of the command; the truth goes into its session's folder. Raises CalledProcessError when it fails."""
    options = ("--chat", str(stream.chat), "--profile", profile, "--data-dir", str(data), "--json")
    command = [sys.executable, "-m", "daemon.cli.main", "vod", str(stream.media), *options]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=LIMIT_S)
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    shutil.copy(stream.truth, data / "sessions" / summary["session"] / TRUTH_NAME)
    return summary


def run(seed: int, minutes: float, args: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Render where needed, analyse; what it took."""
    began = time.monotonic()
    stream = write_stream(args.cache, harder(seed, minutes))
    rendered_s = time.monotonic() - began
    summary = analyse(stream, data, args.profile)
    row = {
        "seed": seed,
        "session": summary["session"],
        "media s": round(summary["media_s"]),
        "rendered in s": round(rendered_s, 1),
        "speed x": summary["speed_x"],
        "words": summary["words"],
        "clips": summary["clips"],
    }
    print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    return row


def errors(runs: Sequence[Run]) -> list[list[str]]:
    """Every shown clip that is no moment, and every moment without a clip: what to look at."""
    rows = []
    for one in runs:
        shown = [candidate for candidate in one.candidates if candidate.shown]
        matches = by_anchor(shown, one.truth, ns(TOLERANCE_S))
        found = {match.truth for match in matches if match.fate == "hit"}
        for match in matches:
            if match.fate in {"false", "duplicate"}:
                cause = negative_of(match.candidate.anchor_ns, one.truth)
                at_s, score_ = to_s(match.candidate.anchor_ns), match.candidate.score
                rows.append([one.stream, match.fate, f"{at_s:.0f}", cause.kind if cause else "-", f"{score_:.1f}"])
        for place, moment in enumerate(one.truth.moments):
            if place not in found:
                rows.append([one.stream, "missed", f"{to_s(moment.start_ns):.0f}", moment.kind, ""])
    return rows


def report(scored: Scored) -> tuple[dict[str, Figures], list[dict[str, Any]]]:
    """Prints the tables; gives back the figures, and the rows of the result file."""
    results = {name: figures(runs) for name, runs in scored.runs.items()}
    own = scored.runs[RECORDED]
    hours = {name: sum(one.hours for one in runs) for name, runs in scored.runs.items()}
    moments = sum(len(one.truth.moments) for one in own)
    negatives = sum(len(one.truth.negatives) for one in own)
    print(f"\n{len(own)} streams, {hours[RECORDED]:.2f} h, {moments} true moments, {negatives} hard negatives")
    columns = ("", "figure", "95 %", "of", "floor / good", "")
    print(render_table(columns, tables.figure_rows(results[RECORDED], targets=True)))
    print()
    heads = ("system", "hours", *(head for head, _ in tables.COMPARED))
    print(render_table(heads, tables.comparison_rows(results, hours)))
    print(tables.COMPARED_MEANS)
    differences = {name: paired(own, runs) for name, runs in scored.runs.items() if name != RECORDED}
    print(f"\n{RECORDED} minus")
    print(render_table(("", "", "by", "95 %", "by chance"), tables.difference_rows(differences)))
    print()
    print(render_table(("session", "", "at s", "cause", "score"), errors(own)))
    rows = [
        {"system": name, "streams": len(scored.runs[name]), "hours": round(hours[name], 2)}
        | {"figures": {key: figure.as_json() for key, figure in found.items()}}
        | {"minus": {key: tables.difference_json(one) for key, one in differences.get(name, {}).items()}}
        for name, found in results.items()
    ]
    return results, rows


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=2)
    parser.add_argument("--profile", default="gaming")
    parser.add_argument("--first-seed", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=STREAM_MIN, help="of one stream")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where rendered streams are kept")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def main() -> None:
    """Print the tables; write JSON where asked."""
    args = arguments()
    wanted = Wanted(profile=None, fallback=load_profile(args.profile), ablate=False, baselines=True)
    count = max(1, round(args.hours * 60 / args.minutes))
    with tempfile.TemporaryDirectory(prefix="clipd-rendered-") as folder:
        data = Path(folder)
        runs = [run(args.first_seed + place, args.minutes, args, data) for place in range(count)]
        scored = score(find(data / "sessions").labelled, wanted)
    results, rows = report(scored)
    said = verdict(results)
    print(f"\n{said}")
    if args.out:
        facts = {"profile": args.profile, "first_seed": args.first_seed, "minutes": args.minutes, "verdict": said}
        targets = {key: {"floor": t.floor, "good": t.good} for key, t in tables.TARGETS.items()}
        write_json(args.out, rows, **facts, targets=targets, runs=runs)


if __name__ == "__main__":
    main()
