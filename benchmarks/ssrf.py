"""How many hostile URLs the corpus of tests/attack tries, by family, and how many of them touch a canary: none may.

As root: the network it needs is a namespace of its own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.common import ROOT, render_table, write_json
from tests.attack.everywhere import run_everywhere


def main() -> None:
    """`python -m benchmarks.ssrf --out docs/results/ssrf.json`"""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/results/ssrf.json")
    out = parser.parse_args().out
    tallies = run_everywhere("tests.attack.ssrf_run")
    columns = ("family", "cases", "touched", "touched with net.allow open")
    rows = [(name, tally["cases"], tally["touched"], tally["bites"]) for name, tally in tallies.items()]
    rows.append(("all", *(sum(row[i] for row in rows) for i in (1, 2, 3))))
    print(render_table(columns, rows))
    write_json(out, [dict(zip(columns, row, strict=True)) for row in rows])


if __name__ == "__main__":
    main()
