"""How fast a hundred stream-hours are decided anew: python -m benchmarks.replay --hours 100

Made streams of two hours are written to real journals, in the pieces in which a live worker writes them, and replayed
as `clipd replay` does it, from the file to the last decision. Budget: 60 s for 100 h with two processes. Making streams
takes longer than replaying them, so only `--distinct` hours are made, and their journals copied.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import tempfile
import time
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from benchmarks.common import render_table, write_json
from configs import load_profile
from core.ids import SessionId
from core.signals import SignalChunk
from core.times import Ns
from daemon.cli.replay import Replayed, again
from daemon.journal import Journal
from daemon.worker.analysis import STEP_NS
from tests.synthetic_streams.planted import make_stream

BUDGET_S_PER_100_H = 60.0
STREAM_H = 2.0
ROWS = 1  # a worker hears sound row by row, and writes what a step has heard and seen


class Session(NamedTuple):
    """One journal to write or replay."""

    folder: Path
    seed: int
    hours: float
    profile: str


def write(session: Session) -> int:
    """A session's journal as a worker leaves it; its size in bytes."""
    stream = make_stream(session.seed, family="tune", hours=session.hours)
    session.folder.mkdir(parents=True)
    path = session.folder / "session.db"
    with Journal.open_or_create(path, session=SessionId(session.folder.name)) as journal, journal.batch():
        journal.set_meta("chat", "made")
        journal.begin_attempt()
        for epoch in stream.epochs():
            journal.add_epoch(epoch)
        for gap in stream.gaps():
            journal.add_gap(gap)
        pieces = sorted((part for chunk in stream.signals() for part in _pieces(chunk)), key=lambda part: part.end_ns)
        for _, step in groupby(pieces, key=lambda part: -(-part.end_ns // STEP_NS)):
            journal.add_signals(list(step))
        journal.add_chat(list(stream.chat()))
        journal.add_words(list(stream.committed()))
    return path.stat().st_size


def _pieces(chunk: SignalChunk) -> list[SignalChunk]:
    if chunk.times_ns is not None or len(chunk) <= ROWS:
        return [chunk]
    return [
        SignalChunk(
            kind=chunk.kind,
            start_ns=Ns(chunk.start_ns + at * chunk.step_ns),
            step_ns=chunk.step_ns,
            values=chunk.values[at : at + ROWS],
            columns=chunk.columns,
        )
        for at in range(0, len(chunk), ROWS)
    ]


def replay(session: Session) -> Replayed:
    """From the file to the last decision."""
    return again(session.folder, load_profile(session.profile))


def main() -> None:
    """Print the table; write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=100)
    parser.add_argument("--distinct", type=float, default=20, help="hours that are made; the rest are copies")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--profile", default="gaming")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    count = max(1, round(args.hours / STREAM_H))
    length = args.hours / count
    with tempfile.TemporaryDirectory() as folder:
        sessions = [
            Session(Path(folder) / f"s20260101t000000-{seed:06x}", 5000 + seed, length, args.profile)
            for seed in range(count)
        ]
        with multiprocessing.get_context("spawn").Pool(args.processes) as pool:
            made = sessions[: max(1, min(count, round(args.distinct / length)))]
            size = sum(pool.map(write, made))
            for place, session in enumerate(sessions[len(made) :]):
                shutil.copytree(made[place % len(made)].folder, session.folder)
            pool.map(replay, sessions[: args.processes])  # imports and profiles are not what is measured
            began = time.monotonic()
            done = list(pool.imap_unordered(replay, sessions))
            took_s = time.monotonic() - began
    hours = sum(one.media_s for one in done) / 3600
    row = {
        "hours": round(hours, 2),
        "distinct": round(len(made) * length, 2),
        "sessions": count,
        "processes": args.processes,
        "seconds": round(took_s, 1),
        "s per stream-hour": round(took_s / hours, 3),
        "machine s per stream-hour": round(sum(one.machine_s for one in done) / hours, 3),
        "times real time": round(hours * 3600 / took_s),
        "budget s": round(BUDGET_S_PER_100_H * hours / 100, 1),
        "moments": sum(one.moments for one in done),
        "MB of journal": round(size / len(made) * count / 2**20),
    }
    print(render_table(list(row), [list(row.values())]))
    print("within the budget" if took_s <= BUDGET_S_PER_100_H * hours / 100 else "OVER THE BUDGET")
    if args.out:
        write_json(args.out, [row], profile=args.profile)


if __name__ == "__main__":
    main()
