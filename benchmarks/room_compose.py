"""How long it takes to compose a room's clip, by layout and length, from the server's backups.

    python -m benchmarks.room_compose --lengths 10 30 --people 2 6 --out docs/results/room_compose.json

Two figures count: how long a clip of a talk comes after its moment, and what that costs the machine that records it.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.common import render_table, write_json
from core.times import ns
from daemon.rooms.footage import Place, RoomFootage
from tests.room_takes import SESSION, Guest, MadeTake, make_take

LAYOUTS: Final = ("speaker", "split", "grid", "screen+speaker")
COLUMNS: Final = ("layout", "people", "clip s", "wall s", "CPU s", "CPU per s", "MB")
LEAD_S: Final = 2.0


def main() -> None:
    """Print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[10, 30])
    parser.add_argument("--people", type=int, nargs="+", default=[2, 6])
    parser.add_argument("--out", type=Path, default=Path("docs/results/room_compose.json"))
    args = parser.parse_args()
    rows = []
    for people in args.people:
        with tempfile.TemporaryDirectory() as name:
            take = make_take(Path(name), _guests(people), length_s=max(args.lengths) + 2 * LEAD_S)
            _share_screen(take)
            rows += [measure(take, layout, people, length) for layout in LAYOUTS for length in args.lengths]
    print(render_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows]))
    write_json(args.out, rows, media="backups 320x180@30 H.264, Opus; composed 1280x720@30, x264 veryfast CRF 18")


def measure(take: MadeTake, layout: str, people: int, length_s: int) -> dict[str, Any]:
    """One clip; what is decoded beside it (2 s on both sides) is in the figures."""
    _choose(take, layout)
    rooms = take.folder.parents[1]
    footage = RoomFootage(Place(rooms=rooms, room="rmtest", session=SESSION), None, rooms.parent / "work")
    span = footage.around(ns(LEAD_S), ns(LEAD_S + length_s), 1)
    assert span is not None  # the take is longer
    began, cpu = time.monotonic(), _cpu_s()
    span.compose()
    wall_s, cpu_s = time.monotonic() - began, _cpu_s() - cpu
    size = sum(path.stat().st_size for path in (rooms.parent / "work").rglob("*.ts"))
    span.close()
    figures = (
        layout,
        people,
        length_s,
        round(wall_s, 2),
        round(cpu_s, 2),
        round(cpu_s / length_s, 2),
        round(size / 1e6, 2),
    )
    return dict(zip(COLUMNS, figures, strict=True))


def _guests(count: int) -> list[Guest]:
    """They take turns of 4 s."""
    return [
        Guest(
            pid=f"p{number}",
            name=f"Person {number}",
            tone_hz=500 + 130 * number,
            colour=f"0x{40 * number % 200:02x}4060",
            voice=number,
            speaks_s=tuple((4.0 * turn, 4.0 * turn + 4) for turn in range(40) if turn % count == number),
        )
        for number in range(count)
    ]


def _share_screen(take: MadeTake) -> None:
    """The first one's camera is also somebody's screen."""
    ledger = take.folder / "take.jsonl"
    rows = [json.loads(line) for line in ledger.read_text().splitlines()]
    [cam] = [row for row in rows if row.get("track") == "cam" and row["pid"] == "p0"]
    rows.insert(-1, cam | {"track": "screen"})
    ledger.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _choose(take: MadeTake, layout: str) -> None:
    ledger = take.folder / "take.jsonl"
    rows = [json.loads(line) for line in ledger.read_text().splitlines()]
    rows[0]["layout"] = layout
    ledger.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
