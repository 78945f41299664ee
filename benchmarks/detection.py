"""Detection on made streams with known truth: python -m benchmarks.detection --family test --hours 500

Streams of two hours from a seeded generator, at the level of features: moments in one to four kinds of evidence, hard
negatives, chats of small and large channels; and quiet footage apart. Constants were tuned on the families `tune` and
`dev`; the family `test` has other ranges, texts and sounds. Every figure is one of daemon.evaluation, with 95 %
intervals by bootstrap over streams. Ablations and baselines run on the first streams only: their rows say how many
hours.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from benchmarks.common import render_table, write_json
from configs import load_profile
from core.moments import Family
from daemon.evaluation import tables
from daemon.evaluation.baselines import BASELINES, baseline_runs, inputs, too_easy
from daemon.evaluation.candidates import Run
from daemon.evaluation.metrics import Figures, figures, paired
from daemon.evaluation.systems import FAMILIES, decide, families_in
from tests.synthetic_streams.planted import make_stream, quiet_stream

STREAM_H = 2.0
FULL = "clipd"
SAME = "clipd, same streams"
QUIET = "clipd, quiet footage"
Kind = Literal["tune", "test", "dev"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One stream and what to run on it; small, so that it crosses to another process cheaply."""

    seed: int
    family: Kind
    hours: float
    profile: str
    quiet: bool = False
    beside: bool = False  # ablations and baselines too


def run(task: Task) -> dict[str, Run]:
    """Every system on one stream."""
    make = quiet_stream if task.quiet else make_stream
    stream = make(task.seed, family=task.family, hours=task.hours)
    profile, name = load_profile(task.profile), f"{task.family}-{'quiet-' if task.quiet else ''}{task.seed}"
    has_chat = next(iter(stream.chat()), None) is not None

    def system(without: frozenset[Family] = frozenset()) -> Run:
        return decide(
            stream,
            stream.truth,
            profile,
            stream=name,
            end_ns=stream.end_ns,
            has_chat=has_chat,
            words=stream.said,
            without=without,
        )

    runs = {QUIET if task.quiet else FULL: system()}
    if task.beside:
        there = families_in(stream)
        runs |= {f"without {family}": system(frozenset({family})) for family in FAMILIES if family in there}
        words = [word for commit in stream.committed() for word in commit.words]
        data = inputs(name, stream.end_ns, stream.signals(), stream.chat(), words)
        runs |= baseline_runs(data, runs[FULL], profile)
    return runs


def tasks(args: argparse.Namespace) -> Iterator[Task]:
    """Longest first, so that both processes end together."""
    shared: dict[str, Any] = {"family": args.family, "profile": args.profile}
    for place, hours in enumerate(_lengths(args.hours)):
        beside = place * STREAM_H < args.beside_hours
        yield Task(seed=args.first_seed + place, hours=hours, beside=beside, **shared)
    for place, hours in enumerate(_lengths(args.quiet_hours)):
        yield Task(seed=args.first_seed + place, hours=hours, quiet=True, **shared)


def _lengths(hours: float) -> list[float]:
    """Whole streams, and the rest where it is at least an hour."""
    whole = int(hours // STREAM_H)
    rest = hours - whole * STREAM_H
    return [STREAM_H] * whole + ([rest] if rest >= 1.0 or not whole else [])


def collect(found: Iterator[dict[str, Run]], told: Callable[[int], None]) -> dict[str, list[Run]]:
    """Runs by system, each system's streams by name."""
    out: dict[str, list[Run]] = {}
    for number, runs in enumerate(found, 1):
        for name, one in runs.items():
            out.setdefault(name, []).append(one)
        told(number)
    return {name: sorted(runs, key=lambda run: run.stream) for name, runs in out.items()}


def report(runs: dict[str, list[Run]], draws: int) -> tuple[dict[str, Figures], list[dict[str, Any]]]:
    """Prints the tables; gives back the figures, and the rows of the result file."""
    beside = {one.stream for name, all_ in runs.items() if name not in (FULL, QUIET) for one in all_}
    if beside:
        runs = {FULL: runs[FULL], SAME: [one for one in runs[FULL] if one.stream in beside], **runs}
    results = {name: figures(all_, count=draws) for name, all_ in runs.items()}
    hours = {name: sum(one.hours for one in all_) for name, all_ in runs.items()}
    if QUIET in results and "quiet.false_per_h" in results[QUIET]:
        results[FULL]["quiet.false_per_h"] = results[QUIET]["quiet.false_per_h"]
    moments = sum(len(one.truth.moments) for one in runs[FULL])
    print(f"{FULL}: {len(runs[FULL])} streams, {hours[FULL]:.0f} h, {moments} true moments, hit within 10 s")
    print(
        render_table(("", "figure", "95 %", "of", "floor / good", ""), tables.figure_rows(results[FULL], targets=True))
    )
    if QUIET in results:
        print(f"\n{QUIET}: {hours[QUIET]:.0f} h")
        print(render_table(("", "figure", "95 %", "of"), tables.figure_rows(results[QUIET], targets=False)))
    compared = {name: found for name, found in results.items() if name != QUIET}
    print()
    heads = ("system", "hours", *(head for head, _ in tables.COMPARED))
    print(render_table(heads, tables.comparison_rows(compared, hours)))
    print(tables.COMPARED_MEANS)
    others = [name for name in compared if name not in (FULL, SAME)]
    differences = {name: paired(runs[SAME], runs[name], count=draws) for name in others}
    if differences:
        print(f"\n{FULL} minus, on the same streams")
        print(render_table(("", "", "by", "95 %", "by chance"), tables.difference_rows(differences)))
    rows = [
        {"system": name, "streams": len(runs[name]), "hours": round(hours[name], 2)}
        | {"figures": {key: figure.as_json() for key, figure in found.items()}}
        | {"minus": {key: tables.difference_json(one) for key, one in differences.get(name, {}).items()}}
        for name, found in results.items()
    ]
    return results, rows


def verdict(results: dict[str, Figures]) -> str:
    """Whether simple baselines find this set hard."""
    recalls = {name: results[name]["recall_at.all"].value for name in BASELINES if name in results}
    if not recalls:
        return "validity not judged: no baselines were run"
    easy = too_easy(recalls)
    told = ", ".join(f"{name} {tables.number(recall)}" for name, recall in recalls.items())
    return f"{'NOT VALID, too easy' if easy else 'valid'}: recall at 0.5 false clips an hour: {told} (each below 0.6)"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=get_args(Kind), default="test")
    parser.add_argument("--hours", type=float, default=500)
    parser.add_argument("--quiet-hours", type=float, default=50)
    parser.add_argument("--beside-hours", type=float, default=60, help="hours for ablations and baselines")
    parser.add_argument("--profile", default="gaming")
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def main() -> None:
    """Print the tables; write JSON where asked."""
    args = arguments()
    all_, began = list(tasks(args)), time.monotonic()

    def told(number: int) -> None:
        if number % 20 == 0 or number == len(all_):
            print(f"{number} of {len(all_)} streams, {time.monotonic() - began:.0f} s", flush=True)

    with multiprocessing.get_context("spawn").Pool(args.processes) as pool:
        runs = collect(pool.imap_unordered(run, all_), told)
    took_s = time.monotonic() - began
    results, rows = report(runs, args.draws)
    said = verdict(results)
    print(f"\n{said}\n{took_s:.0f} s in {args.processes} processes, streams made and scored")
    if args.out:
        facts = {"family": args.family, "profile": args.profile, "first_seed": args.first_seed, "verdict": said}
        targets = {key: {"floor": t.floor, "good": t.good} for key, t in tables.TARGETS.items()}
        write_json(args.out, rows, **facts, targets=targets, seconds=round(took_s, 1), processes=args.processes)


if __name__ == "__main__":
    main()
